//! Sizes of the encoder of Granite Speech, as `config.json` of a `granite_speech` or `granite_speech_plus` folder has them.
//!
//! Source: transformers 5.23.0, `models/granite_speech/configuration_granite_speech.py` and that of `granite_speech_plus`.
//! Unknown keys of a file are ignored.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::conformer::attention::{AttentionConfig, KeyValueMaps, ProjectionBias};
use crate::encoder::conformer::feed_forward::FeedForwardConfig;
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::encoder::conformer::strided_block::StridedBlockConfig;
use crate::encoder::conformer::wide_convolution::PointwiseKind;
use crate::encoder::model::{EncoderSizes, Spelling, output_values, peak_bytes};
use crate::nn::ActivationKind;

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &["granite_speech", "granite_speech_plus"];

/// Sizes of the encoder (`GraniteSpeechEncoderConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct GraniteSpeechEncoderConfig {
    /// Width of the features.
    pub input_dim: usize,
    /// Conformer blocks.
    pub num_layers: usize,
    /// Width of the hidden states.
    pub hidden_dim: usize,
    /// Width inside the feed-forward modules over that of the hidden states.
    pub feedforward_mult: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Width of an attention head; absent, the heads share the width of the hidden states.
    pub dim_head: Option<usize>,
    /// Labels of the CTC head, the blank included.
    pub output_dim: usize,
    /// Frames that attend to each other.
    pub context_size: usize,
    /// Farthest frame on either side that the tables of distances have a row for.
    pub max_pos_emb: usize,
    /// Kernel of the depthwise convolution.
    pub conv_kernel_size: usize,
    /// Width inside the convolution module over that of the hidden states.
    pub conv_expansion_factor: usize,
    /// States that stand before the last ones in the output: 0 is what goes into the first block, `n` what comes out of
    /// block `n`. Their order is that of the blocks, whatever that of the file is.
    pub cat_hidden_layers: BTreeSet<usize>,
}

impl Default for GraniteSpeechEncoderConfig {
    fn default() -> Self {
        Self {
            input_dim: 160,
            num_layers: 10,
            hidden_dim: 1024,
            feedforward_mult: 4,
            num_heads: 8,
            dim_head: None,
            output_dim: 42,
            context_size: 200,
            max_pos_emb: 512,
            conv_kernel_size: 15,
            conv_expansion_factor: 2,
            cat_hidden_layers: BTreeSet::new(),
        }
    }
}

/// What `config.json` of such a folder says of the encoder.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GraniteSpeechConfig {
    /// The encoder's sizes.
    pub encoder_config: GraniteSpeechEncoderConfig,
}

impl GraniteSpeechConfig {
    /// Reads `config.json` of a checkpoint of type `granite_speech` or `granite_speech_plus`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, |config: &Self| config.encoder_config.problems())
    }
}

impl GraniteSpeechEncoderConfig {
    fn head_width(&self) -> usize {
        self.dim_head.unwrap_or(self.hidden_dim / self.num_heads.max(1))
    }

    /// How far attention sees.
    pub(super) fn span(&self) -> AttentionSpan {
        AttentionSpan::Chunked { frames: self.context_size }
    }

    /// Any of the blocks.
    pub(super) fn block(&self) -> StridedBlockConfig {
        let width = self.hidden_dim;
        StridedBlockConfig {
            attention: AttentionConfig {
                width,
                num_heads: self.num_heads,
                head_dim: self.head_width(),
                bias: ProjectionBias::Output,
                key_values: KeyValueMaps::Together,
                position: Some(PositionKind::Shaw { farthest: self.max_pos_emb }),
            },
            feed_forward: FeedForwardConfig {
                width,
                inner_width: width * self.feedforward_mult,
                activation: ActivationKind::Silu,
                bias: true,
                dropout: 0.0,
            },
            inner_width: width * self.conv_expansion_factor,
            kernel: self.conv_kernel_size,
            stride: 1,
            pointwise: PointwiseKind::Convolution,
        }
    }

    /// Blocks that the encoder has behind it when it hears itself; 0 where it never does.
    pub(super) fn middle(&self) -> usize {
        self.num_layers / 2
    }

    /// What is out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = [
            ("input_dim", self.input_dim),
            ("hidden_dim", self.hidden_dim),
            ("feedforward_mult", self.feedforward_mult),
            ("num_heads", self.num_heads),
            ("dim_head", self.head_width()),
            ("output_dim", self.output_dim),
            ("context_size", self.context_size),
            ("conv_kernel_size", self.conv_kernel_size),
            ("conv_expansion_factor", self.conv_expansion_factor),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(name, _)| format!("`{name}` is 0"))
        .collect();
        if self.context_size > self.max_pos_emb {
            problems.push(format!(
                "`context_size` is {}, `max_pos_emb` only {}",
                self.context_size, self.max_pos_emb
            ));
        }
        if let Some(last) = self.cat_hidden_layers.last().filter(|last| **last > self.num_layers) {
            problems.push(format!("`cat_hidden_layers` has {last}, `num_layers` is {}", self.num_layers));
        }
        problems
    }
}

impl EncoderSizes for GraniteSpeechConfig {
    fn input_width(&self) -> usize {
        self.encoder_config.input_dim
    }

    fn output_width(&self) -> usize {
        self.encoder_config.hidden_dim * (1 + self.encoder_config.cat_hidden_layers.len())
    }

    fn equal_layers(&self) -> Option<usize> {
        // Those of `cat_hidden_layers` lie side by side already.
        let encoder = &self.encoder_config;
        encoder.cat_hidden_layers.is_empty().then_some(encoder.num_layers)
    }

    /// As in the encoder of the same shape that edits its own labels (transformers, `granite_speech_nar`), which weighs its
    /// frames by what `out` says of label 0.
    fn blank(&self) -> usize {
        0
    }

    fn spelling(&self) -> Spelling {
        Spelling::CodePoints(self.encoder_config.output_dim)
    }

    fn stride(&self) -> usize {
        1
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let encoder = &self.encoder_config;
        let states = rows as f64 * frames as f64;
        let input = states * encoder.input_dim as f64;
        let kept = states * (encoder.hidden_dim * encoder.cat_hidden_layers.len()) as f64;
        let blocks = encoder.block().working_values(rows, frames, encoder.span());
        let output = output_values(states, self.output_width(), encoder.output_dim);
        peak_bytes(&[input + kept + blocks, input + kept + output])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let config: GraniteSpeechConfig = serde_json::from_str("{}").unwrap();
        let encoder = &config.encoder_config;
        assert!(encoder.problems().is_empty());
        assert_eq!((encoder.num_layers, encoder.output_dim, encoder.middle()), (10, 42, 5));
        assert_eq!((encoder.head_width(), config.output_width(), config.blank()), (128, 1024, 0));
        let text = r#"{"encoder_config": {"context_size": 600, "num_heads": 0, "dim_head": 4, "cat_hidden_layers": [11, 3]}}"#;
        let config: GraniteSpeechConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.encoder_config.problems().len(), 3, "{:?}", config.encoder_config.problems());
        assert_eq!(config.output_width(), 3 * 1024);
    }
}
