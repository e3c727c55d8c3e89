//! Sizes of a LASR encoder, as `config.json` of a `lasr_ctc` or `lasr_encoder` folder has them.
//!
//! Source: transformers 5.23.0, `models/lasr/configuration_lasr.py`. Unknown keys of a file are ignored.

use serde::Deserialize;

use crate::encoder::block::{BlockConfig, ConvolutionNormKind, KernelReach, Residuals};
use crate::encoder::positions::PositionKind;
use crate::encoder::span::AttentionSpan;

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
    /// Width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Activation of the feed-forward and convolution modules; only `silu` exists.
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
    /// How queries and keys are rotated.
    pub rope_parameters: RopeParameters,
}

/// How queries and keys are rotated.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeParameters {
    /// Base of the wavelengths.
    pub rope_theta: f64,
    /// How long sequences change it; only `default`, which does not, exists.
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
            rope_parameters: RopeParameters::default(),
        }
    }
}

impl LasrEncoderConfig {
    /// What its blocks are made of.
    pub fn block(&self) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            kernel: self.conv_kernel_size,
            reach: KernelReach::Centred,
            convolution_norm: ConvolutionNormKind::Batch,
            projection_bias: self.attention_bias,
            convolution_bias: self.convolution_bias,
            position: Some(PositionKind::RotaryHeads { base: self.rope_parameters.rope_theta }),
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
        if self.hidden_act != "silu" {
            problems.push(format!("`hidden_act` is `{}`, expected `silu`", self.hidden_act));
        }
        if self.rope_parameters.rope_type != "default" {
            let found = &self.rope_parameters.rope_type;
            problems.push(format!("`rope_type` is `{found}`, expected `default`"));
        }
        problems
    }
}

/// `config.json` of a `lasr_ctc` folder (`LasrCTCConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LasrConfig {
    /// Labels of the CTC head, the blank included; 0 without a head.
    #[serde(default)]
    pub vocab_size: usize,
    /// The blank label.
    #[serde(default)]
    pub pad_token_id: usize,
    /// The encoder's sizes.
    pub encoder_config: LasrEncoderConfig,
}

impl LasrConfig {
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
