//! Sizes of Whisper's encoder, as `config.json` of a `whisper` folder has them.
//!
//! Source: transformers 5.23.0, `models/whisper/configuration_whisper.py`. Unknown keys of a file are ignored.

use serde::Deserialize;

use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::activation;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};
use crate::nn::ActivationKind;
use crate::nn::blocks::score_values;
use crate::nn::transformer::{AttentionBias, ScaledAttentionConfig};

/// Frames `T` for each state.
pub(super) const STRIDE: usize = 2;

/// Sizes of the encoder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct WhisperEncoderConfig {
    /// Width `E` of the states.
    pub d_model: usize,
    /// Layers.
    pub encoder_layers: usize,
    /// Attention heads, which share the width.
    pub encoder_attention_heads: usize,
    /// Inner width of the feed-forward layers.
    pub encoder_ffn_dim: usize,
    /// Activation of the feed-forward layers, by the name that transformers has for it.
    pub activation_function: String,
    /// Mel bins `M` of the input.
    pub num_mel_bins: usize,
    /// States of a window, half its frames.
    pub max_source_positions: usize,
}

impl Default for WhisperEncoderConfig {
    fn default() -> Self {
        Self {
            d_model: 384,
            encoder_layers: 4,
            encoder_attention_heads: 6,
            encoder_ffn_dim: 1536,
            activation_function: "gelu".into(),
            num_mel_bins: 80,
            max_source_positions: 1500,
        }
    }
}

impl WhisperEncoderConfig {
    /// Reads `config.json` of a checkpoint of type `whisper`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        json::checked(checkpoint.json(CONFIG_FILE)?, &checkpoint.path_of(CONFIG_FILE), Self::problems)
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = [
            ("d_model", self.d_model),
            ("encoder_layers", self.encoder_layers),
            ("encoder_attention_heads", self.encoder_attention_heads),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("num_mel_bins", self.num_mel_bins),
            ("max_source_positions", self.max_source_positions),
        ]
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(name, _)| format!("`{name}` is 0"))
        .collect();
        let (width, heads) = (self.d_model, self.encoder_attention_heads);
        if !width.is_multiple_of(heads.max(1)) {
            problems
                .push(format!("`d_model` is {width}, not a multiple of `encoder_attention_heads` {heads}"));
        }
        problems.extend(activation::problem("activation_function", &self.activation_function));
        problems
    }

    /// What the attention of a layer is made of.
    pub fn attention(&self) -> ScaledAttentionConfig {
        let (width, num_heads) = (self.d_model, self.encoder_attention_heads);
        let bias = AttentionBias::AllButKeys;
        ScaledAttentionConfig { width, num_heads, head_dim: width / num_heads.max(1), bias }
    }

    /// Activation of the feed-forward layers.
    pub fn activation(&self) -> ActivationKind {
        activation::named(&self.activation_function)
    }

    /// Frames of a window.
    pub fn window(&self) -> usize {
        STRIDE * self.max_source_positions
    }
}

impl EncoderSizes for WhisperEncoderConfig {
    fn input_width(&self) -> usize {
        self.num_mel_bins
    }

    fn output_width(&self) -> usize {
        self.d_model
    }

    fn equal_layers(&self) -> Option<usize> {
        Some(self.encoder_layers)
    }

    fn blank(&self) -> usize {
        0
    }

    fn stride(&self) -> usize {
        STRIDE
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        // Whether windows are filled is for the features to say; a filled one takes the most.
        let windows = rows * frames.div_ceil(self.window()).max(1);
        let (frames, states) = (windows * self.window(), windows * self.max_source_positions);
        let (width, inner) = (self.d_model as f64, self.encoder_ffn_dim as f64);
        let input = frames as f64 * self.num_mel_bins as f64;
        let per_query = windows * self.encoder_attention_heads * self.max_source_positions;
        let scores = score_values(self.max_source_positions, per_query) as f64;
        let stream = states as f64 * width;
        peak_bytes(&[
            // What a convolution makes, as it is, activated, and as the next one reads it.
            input + 3.0 * frames as f64 * width + stream,
            // Queries, keys, values and what is read, beside the stream and its norm; scores before and after.
            6.0 * stream + 3.0 * scores,
            3.0 * stream + 2.0 * states as f64 * inner,
            output_values(states as f64, self.d_model, 0),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers_and_what_is_wrong_is_named() {
        let config: WhisperEncoderConfig = serde_json::from_str("{}").unwrap();
        assert!(config.problems().is_empty());
        assert_eq!((config.window(), config.activation()), (3000, ActivationKind::Gelu));
        let text = r#"{"d_model": 10, "encoder_attention_heads": 4, "encoder_layers": 0, "activation_function": "tanh"}"#;
        let problems = serde_json::from_str::<WhisperEncoderConfig>(text).unwrap().problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[1].contains("not a multiple of `encoder_attention_heads` 4"), "{problems:?}");
    }

    #[test]
    fn a_window_counts_as_filled() {
        let config = WhisperEncoderConfig::default();
        assert_eq!(config.working_bytes(1, 10), config.working_bytes(1, 3000));
        assert!(config.working_bytes(1, 3001) > config.working_bytes(1, 3000));
    }
}
