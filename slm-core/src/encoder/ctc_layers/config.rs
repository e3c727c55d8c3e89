//! Sizes of the layers, `config.json` of their folder.

use serde::{Deserialize, Serialize};

use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::conformer::block::{BlockConfig, Residuals};
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::nn::ActivationKind;

/// The `model_type` of these folders.
pub const CTC_LAYERS: &str = "slm_ctc_layers";
/// Base of the wavelengths of the rotary positions.
const ROTARY_BASE: f64 = 10_000.0;
/// What the norms add to a variance.
const NORM_EPSILON: f64 = 1e-5;

/// Sizes of the layers and their head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CtcLayersConfig {
    /// [`CTC_LAYERS`].
    #[serde(default = "model_type")]
    pub model_type: String,
    /// Neighbouring states of the frozen encoder that become one.
    pub stack: usize,
    /// Width `H` of the layers.
    pub hidden_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads, which share the width.
    pub num_attention_heads: usize,
    /// Inner width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Kernel of the depthwise convolutions, in states.
    pub conv_kernel_size: usize,
    /// Dropout in training.
    #[serde(default)]
    pub dropout: f64,
    /// Labels `V`, the blank included, which is the last one. What is trained takes them from its tokenizer.
    #[serde(default)]
    pub vocab_size: usize,
    /// From which [doubt](crate::ctc::CtcPosteriors::doubt) of the head on a sound counts as no speech. What is trained measures it on
    /// held-out speech.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_speech_threshold: Option<f64>,
}

fn model_type() -> String {
    CTC_LAYERS.to_owned()
}

impl CtcLayersConfig {
    /// Reads `config.json` of a checkpoint of type `slm_ctc_layers`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, |config: &Self| {
            let mut problems = config.problems();
            if config.vocab_size < 2 {
                problems.push(format!("`vocab_size` is {}, must be 2 or more", config.vocab_size));
            }
            problems
        })
    }

    /// All fields but the labels that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.model_type != CTC_LAYERS {
            problems.push(format!("`model_type` is `{}`, expected `{CTC_LAYERS}`", self.model_type));
        }
        let sizes = [("stack", self.stack), ("conv_kernel_size", self.conv_kernel_size)];
        problems.extend(
            sizes
                .iter()
                .filter(|(_, size)| !(1..=256).contains(size))
                .map(|(name, size)| format!("`{name}` is {size}, must be 1 to 256")),
        );
        if !(0.0..1.0).contains(&self.dropout) {
            problems.push(format!("`dropout` {} is not in [0, 1)", self.dropout));
        }
        if let Some(threshold) = self.no_speech_threshold
            && !(0.0..=1.0).contains(&threshold)
        {
            problems.push(format!("`no_speech_threshold` is {threshold}, must be 0 to 1"));
        }
        problems.extend(self.block().problems());
        problems
    }

    /// The blank label.
    pub fn blank(&self) -> usize {
        self.vocab_size.saturating_sub(1)
    }

    /// States that are made of `states` of the frozen encoder.
    pub fn reduced(&self, states: usize) -> usize {
        states.div_ceil(self.stack.max(1))
    }

    /// What a block is made of.
    pub(super) fn block(&self) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            head_dim: None,
            kernel: self.conv_kernel_size,
            reach: KernelReach::Centred,
            // Statistics of the batches would not be those of the speech that comes later.
            convolution_norm: ConvolutionNormKind::Layer { epsilon: NORM_EPSILON },
            activation: ActivationKind::Silu,
            projection_bias: true,
            convolution_bias: true,
            position: Some(PositionKind::RotaryHeads { base: ROTARY_BASE }),
            span: AttentionSpan::Full,
            norm_epsilon: NORM_EPSILON,
            norm_bias: true,
            residuals: Residuals::CONFORMER,
            dropout: self.dropout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_sizes_are_named() {
        let text = r#"{"stack": 2, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 128, "conv_kernel_size": 9, "vocab_size": 30}"#;
        let config: CtcLayersConfig = serde_json::from_str(text).unwrap();
        assert!(config.problems().is_empty());
        assert_eq!((config.blank(), config.reduced(5)), (29, 3));
        let wrong = text.replace(": 2", ": 0").replace(": 4", ": 5").replace(": 9", ": 0");
        let problems = serde_json::from_str::<CtcLayersConfig>(&wrong).unwrap().problems();
        assert!(problems.len() >= 3, "{problems:?}");
        let other = text.replacen('{', r#"{"model_type": "whisper","#, 1);
        assert_eq!(serde_json::from_str::<CtcLayersConfig>(&other).unwrap().problems().len(), 1);
        assert!(serde_json::from_str::<CtcLayersConfig>(&text.replacen("stack", "stak", 1)).is_err());
    }
}
