//! Sizes of a LASR encoder, as `config.json` of a `lasr_ctc` or `lasr_encoder` folder has them.
//!
//! Source: transformers 5.23.0, `models/lasr/configuration_lasr.py`. Unknown keys of a file are ignored.

use serde::Deserialize;

use super::subsampling::SubsamplingConfig;
use crate::encoder::activation;
use crate::encoder::conformer::block::{BlockConfig, Residuals};
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};

/// A LASR encoder with a CTC head.
pub(super) const LASR_CTC: &str = "lasr_ctc";
/// A LASR encoder.
pub(super) const LASR_ENCODER: &str = "lasr_encoder";

/// Sizes of the encoder (`LasrEncoderConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct LasrEncoderConfig {
    /// Width `E` of the hidden states.
    pub hidden_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width of an attention head; absent, the heads share the width of the hidden states.
    pub head_dim: Option<usize>,
    /// Width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Activation of the feed-forward and convolution modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// Whether feed-forward and attention projections have biases.
    pub attention_bias: bool,
    /// Whether the convolution module's convolutions have biases.
    pub convolution_bias: bool,
    /// Kernel of the depthwise convolution.
    pub conv_kernel_size: usize,
    /// Channels after the subsampling convolutions.
    pub subsampling_conv_channels: usize,
    /// Kernel of the subsampling convolutions.
    pub subsampling_conv_kernel_size: usize,
    /// Stride of the subsampling convolutions.
    pub subsampling_conv_stride: usize,
    /// Mel bins `M` of the input.
    pub num_mel_bins: usize,
    /// What the layer norms add to a variance.
    pub layer_norm_eps: f64,
    /// Weights of input and output around a feed-forward module.
    pub feed_forward_residual_weights: (f64, f64),
    /// Weights of input and output around a convolution module.
    pub conv_residual_weights: (f64, f64),
    /// How queries and keys are rotated; `null` for the default.
    pub rope_parameters: Option<RopeParameters>,
}

/// How queries and keys are rotated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeParameters {
    /// Base of the wavelengths.
    pub rope_theta: f64,
    /// How long sequences change it; only `default`, which does not, is known.
    #[serde(alias = "type")]
    pub rope_type: String,
}

impl Default for RopeParameters {
    fn default() -> Self {
        Self { rope_theta: 10_000.0, rope_type: "default".into() }
    }
}

impl Default for LasrEncoderConfig {
    fn default() -> Self {
        Self {
            hidden_size: 512,
            num_hidden_layers: 17,
            num_attention_heads: 8,
            head_dim: None,
            intermediate_size: 2048,
            hidden_act: "silu".into(),
            attention_bias: false,
            convolution_bias: false,
            conv_kernel_size: 32,
            subsampling_conv_channels: 256,
            subsampling_conv_kernel_size: 5,
            subsampling_conv_stride: 2,
            num_mel_bins: 128,
            layer_norm_eps: 1e-6,
            feed_forward_residual_weights: (1.5, 0.5),
            conv_residual_weights: (2.0, 1.0),
            rope_parameters: None,
        }
    }
}

impl LasrEncoderConfig {
    fn rope(&self) -> RopeParameters {
        self.rope_parameters.clone().unwrap_or_default()
    }

    /// What its subsampling is made of.
    pub fn subsampling(&self) -> SubsamplingConfig {
        SubsamplingConfig {
            num_mel_bins: self.num_mel_bins,
            width: self.hidden_size,
            channels: self.subsampling_conv_channels,
            kernel: self.subsampling_conv_kernel_size,
            stride: self.subsampling_conv_stride,
        }
    }

    /// What its blocks are made of.
    pub fn block(&self) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            head_dim: self.head_dim,
            kernel: self.conv_kernel_size,
            reach: KernelReach::Centred,
            convolution_norm: ConvolutionNormKind::Batch,
            activation: activation::named(&self.hidden_act),
            projection_bias: self.attention_bias,
            convolution_bias: self.convolution_bias,
            position: Some(PositionKind::RotaryHeads { base: self.rope().rope_theta }),
            span: AttentionSpan::Full,
            norm_epsilon: self.layer_norm_eps,
            norm_bias: false,
            residuals: Residuals {
                feed_forward: self.feed_forward_residual_weights,
                convolution: self.conv_residual_weights,
            },
            dropout: 0.0,
        }
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        for (name, value) in [
            ("num_hidden_layers", self.num_hidden_layers),
            ("subsampling_conv_channels", self.subsampling_conv_channels),
            ("subsampling_conv_kernel_size", self.subsampling_conv_kernel_size),
            ("subsampling_conv_stride", self.subsampling_conv_stride),
            ("num_mel_bins", self.num_mel_bins),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        problems.extend(activation::problem("hidden_act", &self.hidden_act));
        let found = self.rope().rope_type;
        if found != "default" {
            problems.push(format!("`rope_type` is `{found}`, expected `default`"));
        }
        problems
    }
}

/// `config.json` of a `lasr_ctc` folder (`LasrCTCConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LasrConfig {
    /// Labels of the CTC head, the blank included; 0 without a head.
    #[serde(default = "default_labels")]
    pub vocab_size: usize,
    /// The blank label.
    #[serde(default)]
    pub pad_token_id: usize,
    /// The encoder's sizes.
    #[serde(default)]
    pub encoder_config: LasrEncoderConfig,
}

/// Labels of a config that does not say how many, as in transformers.
fn default_labels() -> usize {
    512
}

impl LasrConfig {
    /// Labels of the CTC head, the blank included; `None` without a head.
    pub fn labels(&self) -> Option<usize> {
        (self.vocab_size > 0).then_some(self.vocab_size)
    }

    /// All problems, as [`LasrEncoderConfig::problems`], and those of the head.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.encoder_config.problems();
        if self.vocab_size > 0 && self.pad_token_id >= self.vocab_size {
            problems.push(format!(
                "`pad_token_id` (blank) is {}, vocabulary has {} entries",
                self.pad_token_id, self.vocab_size
            ));
        }
        problems
    }
}

impl EncoderSizes for LasrConfig {
    fn input_width(&self) -> usize {
        self.encoder_config.num_mel_bins
    }

    fn output_width(&self) -> usize {
        self.encoder_config.hidden_size
    }

    fn equal_layers(&self) -> Option<usize> {
        Some(self.encoder_config.num_hidden_layers)
    }

    fn blank(&self) -> usize {
        self.pad_token_id
    }

    fn stride(&self) -> usize {
        self.encoder_config.subsampling_conv_stride.pow(2)
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let encoder = &self.encoder_config;
        let input = rows as f64 * frames as f64 * encoder.num_mel_bins as f64;
        let states = encoder.subsampling().output_len(frames);
        peak_bytes(&[
            input + encoder.subsampling().working_values(rows, frames),
            input + encoder.block().working_values(rows, states),
            input + output_values(rows as f64 * states as f64, encoder.hidden_size, self.vocab_size),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let config: LasrConfig = serde_json::from_str("{}").unwrap();
        assert_eq!((config.vocab_size, config.pad_token_id), (512, 0));
        assert_eq!(config.encoder_config, LasrEncoderConfig::default());
        assert!(config.problems().is_empty());
        let text = r#"{"rope_parameters": null, "hidden_act": "gelu", "head_dim": 16}"#;
        let config: LasrEncoderConfig = serde_json::from_str(text).unwrap();
        assert!(config.problems().is_empty());
        assert_eq!(config.block().position, Some(PositionKind::RotaryHeads { base: 10_000.0 }));
        assert_eq!(config.block().head_width(), 16);
        let text = r#"{"rope_parameters": {"type": "yarn"}, "hidden_act": "softmax"}"#;
        let config: LasrEncoderConfig = serde_json::from_str(text).unwrap();
        let problems = config.problems();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("`hidden_act` is `softmax`"), "{}", problems[0]);
        assert!(problems[1].starts_with("`rope_type` is `yarn`"), "{}", problems[1]);
    }
}
