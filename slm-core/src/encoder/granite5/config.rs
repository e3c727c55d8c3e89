//! Sizes of a Granite Speech 5 encoder, as `config.json` of a `granite_speech5_ctc` folder has them.
//!
//! Source: transformers 5.23.0, `models/granite_speech5/configuration_granite_speech5.py`. Unknown keys of a file are
//! ignored.

use serde::Deserialize;

use crate::encoder::activation;
use crate::encoder::conformer::attention::{AttentionConfig, KeyValueMaps, ProjectionBias};
use crate::encoder::conformer::feed_forward::FeedForwardConfig;
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::encoder::conformer::strided_block::StridedBlockConfig;
use crate::encoder::conformer::wide_convolution::PointwiseKind;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &["granite_speech5_ctc"];

/// Values of a feature frame for each mel bin: two frames, each with its differences.
const VALUES_A_BIN: usize = 4;

/// Sizes of the encoder (`GraniteSpeech5EncoderConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GraniteSpeech5EncoderConfig {
    /// Width `E` of the hidden states.
    pub hidden_size: usize,
    /// Width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width of an attention head; absent, the heads share the width of the hidden states.
    pub head_dim: Option<usize>,
    /// Mel bins of the features.
    pub num_mel_bins: usize,
    /// Activation of the feed-forward modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// Farthest frame on either side whose distance is told apart.
    pub max_position_embeddings: usize,
    /// Frames that attend to each other.
    pub context_size: usize,
    /// Kernel of the depthwise convolution; odd.
    pub conv_kernel_size: usize,
    /// Width inside the convolution module over that of the hidden states.
    pub conv_expansion_factor: usize,
    /// The blocks that halve the rate, counted from 0.
    pub subsample_layers: Vec<usize>,
    /// Whether the feed-forward modules have biases.
    pub attention_bias: bool,
}

impl Default for GraniteSpeech5EncoderConfig {
    fn default() -> Self {
        Self {
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 16,
            num_attention_heads: 8,
            head_dim: None,
            num_mel_bins: 80,
            hidden_act: "silu".to_owned(),
            max_position_embeddings: 512,
            context_size: 128,
            conv_kernel_size: 7,
            conv_expansion_factor: 2,
            subsample_layers: vec![0, 1],
            attention_bias: true,
        }
    }
}

/// `config.json` of a `granite_speech5_ctc` folder (`GraniteSpeech5CTCConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GraniteSpeech5Config {
    /// Labels of the CTC head, the blank included.
    pub vocab_size: usize,
    /// The blank label.
    pub pad_token_id: usize,
    /// Whether the head is the map that the encoder hears itself by.
    pub tie_word_embeddings: bool,
    /// The encoder's sizes.
    pub encoder_config: GraniteSpeech5EncoderConfig,
}

impl Default for GraniteSpeech5Config {
    fn default() -> Self {
        Self {
            vocab_size: 16_384,
            pad_token_id: 0,
            tie_word_embeddings: true,
            encoder_config: GraniteSpeech5EncoderConfig::default(),
        }
    }
}

impl GraniteSpeech5EncoderConfig {
    fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// How far attention sees.
    pub(super) fn span(&self) -> AttentionSpan {
        AttentionSpan::Chunked { frames: self.context_size }
    }

    /// The block of a number.
    pub(super) fn block(&self, number: usize) -> StridedBlockConfig {
        let width = self.hidden_size;
        StridedBlockConfig {
            attention: AttentionConfig {
                width,
                num_heads: self.num_attention_heads,
                head_dim: self.head_width(),
                bias: ProjectionBias::Output,
                key_values: KeyValueMaps::Apart,
                position: Some(PositionKind::Shaw { farthest: self.max_position_embeddings }),
            },
            feed_forward: FeedForwardConfig {
                width,
                inner_width: self.intermediate_size,
                activation: activation::named(&self.hidden_act),
                bias: self.attention_bias,
                dropout: 0.0,
            },
            inner_width: width * self.conv_expansion_factor,
            kernel: self.conv_kernel_size,
            stride: if self.halves(number) { 2 } else { 1 },
            pointwise: PointwiseKind::Linear,
        }
    }

    /// Whether the block of a number halves the rate.
    pub(super) fn halves(&self, number: usize) -> bool {
        self.subsample_layers.contains(&number)
    }

    /// Blocks that the encoder has behind it when it hears itself; 0 where it never does.
    pub(super) fn middle(&self) -> usize {
        self.num_hidden_layers / 2
    }

    /// Frames of the features for each state.
    pub fn stride(&self) -> usize {
        1 << (0..self.num_hidden_layers).filter(|&number| self.halves(number)).count()
    }

    /// What is out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
            ("head_dim", self.head_width()),
            ("num_mel_bins", self.num_mel_bins),
            ("context_size", self.context_size),
            ("conv_expansion_factor", self.conv_expansion_factor),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        if self.conv_kernel_size.is_multiple_of(2) {
            problems.push(format!("`conv_kernel_size` is {}, must be odd", self.conv_kernel_size));
        }
        if self.context_size > self.max_position_embeddings {
            problems.push(format!(
                "`context_size` is {}, `max_position_embeddings` only {}",
                self.context_size, self.max_position_embeddings
            ));
        }
        if self.subsample_layers.len() > MAX_HALVINGS {
            let count = self.subsample_layers.len();
            problems.push(format!("`subsample_layers` has {count} blocks, limit is {MAX_HALVINGS}"));
        }
        problems.extend(activation::problem("hidden_act", &self.hidden_act));
        problems
    }
}

/// Blocks that may halve the rate: more leave no state of a word.
const MAX_HALVINGS: usize = 8;

impl GraniteSpeech5Config {
    /// All problems, as [`GraniteSpeech5EncoderConfig::problems`], and those of the head.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.encoder_config.problems();
        if self.pad_token_id >= self.vocab_size {
            problems.push(format!(
                "`pad_token_id` (blank) is {}, vocabulary has {} entries",
                self.pad_token_id, self.vocab_size
            ));
        }
        problems
    }
}

impl EncoderSizes for GraniteSpeech5Config {
    fn input_width(&self) -> usize {
        self.encoder_config.num_mel_bins * VALUES_A_BIN
    }

    fn output_width(&self) -> usize {
        self.encoder_config.hidden_size
    }

    fn blank(&self) -> usize {
        self.pad_token_id
    }

    fn stride(&self) -> usize {
        self.encoder_config.stride()
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let encoder = &self.encoder_config;
        let input = rows as f64 * frames as f64 * self.input_width() as f64;
        let states = rows as f64 * frames.div_ceil(encoder.stride()) as f64;
        let blocks = encoder.block(0).working_values(rows, frames, encoder.span());
        // What the head says is made in the middle too.
        peak_bytes(&[input + blocks, input + output_values(states, encoder.hidden_size, self.vocab_size)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let config: GraniteSpeech5Config = serde_json::from_str("{}").unwrap();
        assert!(config.problems().is_empty());
        assert_eq!((config.vocab_size, config.input_width(), config.output_width()), (16_384, 320, 1024));
        assert_eq!((config.stride(), config.blank(), config.encoder_config.middle()), (4, 0, 8));
        assert_eq!(config.encoder_config.head_width(), 128);
        let text = r#"{"vocab_size": 5, "pad_token_id": 5, "encoder_config": {"conv_kernel_size": 8, "context_size": 600,
            "hidden_act": "softmax", "subsample_layers": [0, 40]}}"#;
        let config: GraniteSpeech5Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.problems().len(), 4, "{:?}", config.problems());
        // A block that is not there halves nothing.
        assert_eq!(config.stride(), 2);
    }

    #[test]
    fn the_memory_of_long_audio_grows_with_its_length() {
        let config = GraniteSpeech5Config::default();
        let [one, ten] = [1500, 15_000].map(|frames| config.working_bytes(1, frames));
        assert!(ten > 9 * one && ten < 11 * one, "{one} {ten}");
    }
}
