//! Sizes of a Parakeet encoder, as `config.json` of a `parakeet_ctc` or `parakeet_encoder` folder has them.
//!
//! Source: transformers 5.23.0, `models/parakeet/configuration_parakeet.py`.

use serde::{Deserialize, Serialize};

use super::subsampling::SubsamplingConfig;
use crate::checkpoint::nemo::SALM_TYPE;
use crate::encoder::activation;
use crate::encoder::conformer::block::{BlockConfig, Residuals};
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};

/// The `model_type` of a checkpoint that is a NeMo archive, which has no `config.json` to name one.
pub(in crate::encoder) const NEMO: &str = "nemo";
/// The same of a folder of NeMo's SALM, whose `config.json` names none.
pub(in crate::encoder) const SALM: &str = SALM_TYPE;
/// A Parakeet encoder with a CTC head.
pub(super) const PARAKEET_CTC: &str = "parakeet_ctc";
/// A Parakeet encoder.
pub(super) const PARAKEET_ENCODER: &str = "parakeet_encoder";
/// A Parakeet encoder with a decoder (NVIDIA's Canary).
pub(super) const CANARY: &str = "canary";
/// A Parakeet encoder with a decoder (Cohere Transcribe).
pub(super) const COHERE_ASR: &str = "cohere_asr";
/// A USM encoder with a CTC head.
pub(super) const USM_CTC: &str = "usm_ctc";
/// A USM encoder.
pub(super) const USM_ENCODER: &str = "usm_encoder";

/// Sizes of the encoder (`ParakeetEncoderConfig`). Unknown keys of a file are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParakeetEncoderConfig {
    /// `parakeet_encoder`, or `usm_encoder`.
    pub model_type: String,
    /// Width `E` of the hidden states.
    pub hidden_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads `H`.
    pub num_attention_heads: usize,
    /// Width of an attention head; absent, the heads share the width of the hidden states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Width `F` of the feed-forward modules.
    pub intermediate_size: usize,
    /// Activation of the feed-forward and convolution modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// Whether feed-forward and attention projections have biases.
    pub attention_bias: bool,
    /// Whether the convolution module's convolutions have biases.
    pub convolution_bias: bool,
    /// Kernel of the depthwise convolution, odd.
    pub conv_kernel_size: usize,
    /// Frames in for one state out, where the stride is 2: a power of two, 2 or more. It counts the convolutions.
    pub subsampling_factor: usize,
    /// Channels `C` of the subsampling convolutions.
    pub subsampling_conv_channels: usize,
    /// Kernel of the subsampling convolutions, odd.
    pub subsampling_conv_kernel_size: usize,
    /// Stride of the subsampling convolutions.
    pub subsampling_conv_stride: usize,
    /// Mel bins `M` of the input.
    pub num_mel_bins: usize,
    /// Whether subsampled frames are multiplied by `sqrt(hidden_size)`.
    pub scale_input: bool,
    /// Dropout after each module, in training.
    pub dropout: f64,
    /// States that attend to each other, where attention is chunk-wise (USM only); absent, all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention_chunk_size: Option<usize>,
    /// Longest sequence the model was trained on, in states. Positions are computed, so it limits nothing.
    pub max_position_embeddings: usize,
}

impl Default for ParakeetEncoderConfig {
    /// The defaults of transformers, which a published `config.json` may leave out.
    fn default() -> Self {
        Self {
            model_type: PARAKEET_ENCODER.into(),
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 8,
            head_dim: None,
            intermediate_size: 4096,
            hidden_act: "silu".into(),
            attention_bias: true,
            convolution_bias: true,
            conv_kernel_size: 9,
            subsampling_factor: 8,
            subsampling_conv_channels: 256,
            subsampling_conv_kernel_size: 3,
            subsampling_conv_stride: 2,
            num_mel_bins: 80,
            scale_input: true,
            dropout: 0.1,
            attention_chunk_size: None,
            max_position_embeddings: 5000,
        }
    }
}

impl ParakeetEncoderConfig {
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
            position: Some(PositionKind::Relative),
            span: self.span(),
            norm_epsilon: 1e-5,
            norm_bias: true,
            residuals: Residuals::CONFORMER,
            dropout: self.dropout,
        }
    }

    /// How far attention sees.
    fn span(&self) -> AttentionSpan {
        self.attention_chunk_size.map_or(AttentionSpan::Full, |frames| AttentionSpan::Chunked { frames })
    }

    /// Whether it is USM's, which transformers does not know.
    fn is_usm(&self) -> bool {
        self.model_type == USM_ENCODER
    }

    /// What its subsampling is made of.
    pub fn subsampling(&self) -> SubsamplingConfig {
        SubsamplingConfig {
            num_mel_bins: self.num_mel_bins,
            width: self.hidden_size,
            channels: self.subsampling_conv_channels,
            kernel: self.subsampling_conv_kernel_size,
            stride: self.subsampling_conv_stride,
            stages: self.subsampling_factor.ilog2() as usize,
        }
    }

    /// States for `frames` input frames.
    pub fn subsampled_len(&self, frames: usize) -> usize {
        self.subsampling().output_len(frames)
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, text: String| {
            if !ok {
                problems.push(text);
            }
        };
        for (name, value) in [
            ("num_hidden_layers", self.num_hidden_layers),
            ("subsampling_conv_channels", self.subsampling_conv_channels),
            ("subsampling_conv_stride", self.subsampling_conv_stride),
            ("num_mel_bins", self.num_mel_bins),
        ] {
            check(value > 0, format!("`{name}` is 0"));
        }
        for (name, kernel) in [
            ("conv_kernel_size", self.conv_kernel_size),
            ("subsampling_conv_kernel_size", self.subsampling_conv_kernel_size),
        ] {
            check(kernel % 2 == 1, format!("`{name}` {kernel} is even"));
        }
        check(
            self.subsampling_factor >= 2 && self.subsampling_factor.is_power_of_two(),
            format!("`subsampling_factor` {} is not a power of two from 2 on", self.subsampling_factor),
        );
        check(
            self.attention_chunk_size.is_none() || self.is_usm(),
            format!(
                "`attention_chunk_size` is set, `model_type` is `{}`, not `{USM_ENCODER}`",
                self.model_type
            ),
        );
        check((0.0..1.0).contains(&self.dropout), format!("`dropout` {} is not in [0, 1)", self.dropout));
        problems.extend(activation::problem("hidden_act", &self.hidden_act));
        problems.extend(self.block().problems());
        problems
    }
}

/// `config.json` of a `parakeet_ctc` folder (`ParakeetCTCConfig`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParakeetConfig {
    /// `parakeet_ctc` or `usm_ctc`, or `parakeet_encoder` or `usm_encoder` without a head.
    pub model_type: String,
    /// Classes that tell loaders in Python what this is.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// Labels of the CTC head, the blank included.
    #[serde(default = "default_labels")]
    pub vocab_size: usize,
    /// The blank label (it is also the padding id of the targets).
    #[serde(default = "default_blank")]
    pub pad_token_id: usize,
    /// The encoder's sizes.
    #[serde(default)]
    pub encoder_config: ParakeetEncoderConfig,
}

/// Labels of a config that does not say how many, as in transformers.
fn default_labels() -> usize {
    1025
}

/// The blank of a config that does not name it, as in transformers.
fn default_blank() -> usize {
    1024
}

impl ParakeetConfig {
    /// An encoder with a CTC head over `labels` labels and a blank, which is the last id.
    pub fn ctc(encoder_config: ParakeetEncoderConfig, labels: usize) -> Self {
        let (model_type, architectures) = if encoder_config.is_usm() {
            (USM_CTC, vec![])
        } else {
            (PARAKEET_CTC, vec!["ParakeetForCTC".into()])
        };
        Self {
            model_type: model_type.into(),
            architectures,
            vocab_size: labels + 1,
            pad_token_id: labels,
            encoder_config,
        }
    }

    /// An encoder without a head.
    pub fn bare(encoder_config: ParakeetEncoderConfig) -> Self {
        let architectures = if encoder_config.is_usm() { vec![] } else { vec!["ParakeetEncoder".into()] };
        Self {
            model_type: encoder_config.model_type.clone(),
            architectures,
            vocab_size: 0,
            pad_token_id: 0,
            encoder_config,
        }
    }

    /// Whether there is a CTC head.
    pub fn has_ctc_head(&self) -> bool {
        self.vocab_size > 0
    }

    /// Labels of the CTC head, the blank included; `None` without a head.
    pub fn labels(&self) -> Option<usize> {
        self.has_ctc_head().then_some(self.vocab_size)
    }

    /// All problems, as [`ParakeetEncoderConfig::problems`], and those of the head.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.encoder_config.problems();
        if self.has_ctc_head() && self.pad_token_id >= self.vocab_size {
            problems.push(format!(
                "`pad_token_id` (blank) is {}, vocabulary has {} entries",
                self.pad_token_id, self.vocab_size
            ));
        }
        problems
    }
}

impl EncoderSizes for ParakeetConfig {
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
        let SubsamplingConfig { stride, stages, .. } = self.encoder_config.subsampling();
        stride.pow(stages as u32)
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let encoder = &self.encoder_config;
        let input = rows as f64 * frames as f64 * encoder.num_mel_bins as f64;
        let states = encoder.subsampled_len(frames);
        peak_bytes(&[
            input + encoder.subsampling().working_values(rows, frames),
            input + encoder.block().working_values(rows, states),
            input + output_values(rows as f64 * states as f64, encoder.hidden_size, self.vocab_size),
        ])
    }
}
