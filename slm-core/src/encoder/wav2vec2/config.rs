//! Sizes of the wav2vec 2.0 Conformers, as their `config.json` has them.
//!
//! Source: transformers 5.23.0, `configuration_wav2vec2_bert.py` and `configuration_wav2vec2_conformer.py`. Unknown
//! keys of a file are ignored: most of them are for training.

use serde::Deserialize;

use crate::encoder::block::{BlockConfig, ConvolutionNormKind, KernelReach, Residuals};
use crate::encoder::positions::PositionKind;
use crate::encoder::span::AttentionSpan;

/// How attention knows positions, by the file's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionWord {
    /// [`PositionKind::Relative`].
    Relative,
    /// [`PositionKind::RelativeKey`].
    RelativeKey,
    /// [`PositionKind::RotaryInput`].
    Rotary,
}

/// What both models share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct BlockKeys {
    /// Width `E` of the hidden states.
    pub hidden_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Activation of feed-forward and convolution modules: `swish` or `silu`, which are the same.
    pub hidden_act: String,
    /// What the layer norms add to a variance.
    pub layer_norm_eps: f64,
    /// Kernel of the depthwise convolution, odd.
    pub conv_depthwise_kernel_size: usize,
    /// How attention knows positions; `null` where it does not.
    pub position_embeddings_type: Option<PositionWord>,
    /// Farthest key before the query, with `relative_key`.
    pub left_max_position_embeddings: usize,
    /// Farthest key after the query, with `relative_key`.
    pub right_max_position_embeddings: usize,
    /// Base of the wavelengths, with `rotary`.
    pub rotary_embedding_base: f64,
    /// Labels of the CTC head, the blank included, where there is a head.
    pub vocab_size: Option<usize>,
    /// The blank label of the CTC head.
    pub pad_token_id: Option<usize>,
}

impl Default for BlockKeys {
    fn default() -> Self {
        Self {
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            hidden_act: "swish".into(),
            layer_norm_eps: 1e-5,
            conv_depthwise_kernel_size: 31,
            position_embeddings_type: None,
            left_max_position_embeddings: 64,
            right_max_position_embeddings: 8,
            rotary_embedding_base: 10_000.0,
            vocab_size: None,
            pad_token_id: None,
        }
    }
}

impl BlockKeys {
    fn block(&self, reach: KernelReach, convolution_norm: ConvolutionNormKind) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            kernel: self.conv_depthwise_kernel_size,
            reach,
            convolution_norm,
            projection_bias: true,
            convolution_bias: false,
            position: self.position_embeddings_type.map(|word| match word {
                PositionWord::Relative => PositionKind::Relative,
                PositionWord::RelativeKey => PositionKind::RelativeKey {
                    left: self.left_max_position_embeddings,
                    right: self.right_max_position_embeddings,
                },
                PositionWord::Rotary => PositionKind::RotaryInput { base: self.rotary_embedding_base },
            }),
            span: AttentionSpan::Full,
            norm_epsilon: self.layer_norm_eps,
            norm_bias: true,
            residuals: Residuals::CONFORMER,
            dropout: 0.0,
        }
    }

    /// The blank label of the head.
    pub fn blank(&self) -> usize {
        self.pad_token_id.unwrap_or(0)
    }

    /// Labels of the head, for a file that has one.
    ///
    /// # Errors
    ///
    /// A text about the fields that do not allow a head.
    pub fn labels(&self) -> Result<usize, String> {
        match self.vocab_size {
            Some(labels) if self.blank() < labels => Ok(labels),
            Some(labels) => {
                Err(format!("`pad_token_id` (blank) is {}, vocabulary has {labels} entries", self.blank()))
            }
            None => Err("`vocab_size` is null, the CTC head needs it".into()),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !matches!(self.hidden_act.as_str(), "swish" | "silu") {
            problems.push(format!("`hidden_act` is `{}`, expected `swish` or `silu`", self.hidden_act));
        }
        if self.conv_depthwise_kernel_size.is_multiple_of(2) {
            problems
                .push(format!("`conv_depthwise_kernel_size` {} is even", self.conv_depthwise_kernel_size));
        }
        if self.num_hidden_layers == 0 {
            problems.push("`num_hidden_layers` is 0".into());
        }
        problems
    }
}

/// `config.json` of a `wav2vec2-bert` folder (`Wav2Vec2BertConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Wav2Vec2BertConfig {
    /// Blocks and head.
    #[serde(flatten)]
    pub blocks: BlockKeys,
    /// Width of the input: mel bins of two neighbouring frames.
    pub feature_projection_input_dim: usize,
    /// Whether layers after the blocks shorten the sequence.
    pub add_adapter: bool,
    /// Those layers.
    pub num_adapter_layers: usize,
    /// Kernel of their convolutions.
    pub adapter_kernel_size: usize,
    /// Stride of their convolutions.
    pub adapter_stride: usize,
    /// Activation of their feed-forward modules.
    pub adapter_act: String,
    /// Whether a feed-forward module stands before them.
    pub use_intermediate_ffn_before_adapter: bool,
    /// Their width; `null` for that of the blocks.
    pub output_hidden_size: Option<usize>,
}

impl Default for Wav2Vec2BertConfig {
    fn default() -> Self {
        Self {
            blocks: BlockKeys::default(),
            feature_projection_input_dim: 160,
            add_adapter: false,
            num_adapter_layers: 1,
            adapter_kernel_size: 3,
            adapter_stride: 2,
            adapter_act: "relu".into(),
            use_intermediate_ffn_before_adapter: false,
            output_hidden_size: None,
        }
    }
}

impl Wav2Vec2BertConfig {
    /// What its blocks are made of.
    pub fn block(&self) -> BlockConfig {
        self.blocks.block(KernelReach::Causal, ConvolutionNormKind::Layer)
    }

    /// Width of the output.
    pub fn output_width(&self) -> usize {
        self.output_hidden_size.filter(|_| self.add_adapter).unwrap_or(self.blocks.hidden_size)
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        problems.extend(self.blocks.problems());
        if self.feature_projection_input_dim == 0 {
            problems.push("`feature_projection_input_dim` is 0".into());
        }
        if self.add_adapter {
            for (name, value) in [
                ("num_adapter_layers", self.num_adapter_layers),
                ("adapter_kernel_size", self.adapter_kernel_size),
                ("adapter_stride", self.adapter_stride),
            ] {
                if value == 0 {
                    problems.push(format!("`{name}` is 0"));
                }
            }
            if self.adapter_act != "relu" {
                problems.push(format!("`adapter_act` is `{}`, expected `relu`", self.adapter_act));
            }
            let heads = self.blocks.num_attention_heads.max(1);
            if !self.output_width().is_multiple_of(heads) {
                problems.push(format!(
                    "`num_attention_heads`: {heads} does not divide `output_hidden_size` {}",
                    self.output_width()
                ));
            }
        } else if self.use_intermediate_ffn_before_adapter {
            problems.push("`use_intermediate_ffn_before_adapter` needs `add_adapter`".into());
        }
        problems
    }
}

/// How the waveform's convolutions are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveformNorm {
    /// Group norm after the first, one group a channel.
    Group,
    /// Layer norm after each.
    Layer,
}

/// `config.json` of a `wav2vec2-conformer` folder (`Wav2Vec2ConformerConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Wav2Vec2ConformerConfig {
    /// Blocks and head.
    #[serde(flatten)]
    pub blocks: BlockKeys,
    /// Channels after each convolution of the waveform.
    pub conv_dim: Vec<usize>,
    /// Their kernels.
    pub conv_kernel: Vec<usize>,
    /// Their strides.
    pub conv_stride: Vec<usize>,
    /// Whether they have biases.
    pub conv_bias: bool,
    /// Their norms.
    pub feat_extract_norm: WaveformNorm,
    /// Their activation.
    pub feat_extract_activation: String,
}

impl Default for Wav2Vec2ConformerConfig {
    fn default() -> Self {
        Self {
            blocks: BlockKeys::default(),
            conv_dim: vec![512; 7],
            conv_kernel: vec![10, 3, 3, 3, 3, 2, 2],
            conv_stride: vec![5, 2, 2, 2, 2, 2, 2],
            conv_bias: false,
            feat_extract_norm: WaveformNorm::Group,
            feat_extract_activation: "gelu".into(),
        }
    }
}

impl Wav2Vec2ConformerConfig {
    /// What its blocks are made of.
    pub fn block(&self) -> BlockConfig {
        self.blocks.block(KernelReach::Centred, ConvolutionNormKind::Batch)
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        problems.extend(self.blocks.problems());
        let counts = [self.conv_dim.len(), self.conv_kernel.len(), self.conv_stride.len()];
        if counts[0] == 0 || counts.iter().any(|&count| count != counts[0]) {
            problems.push(format!("`conv_dim`, `conv_kernel` and `conv_stride` have {counts:?} entries"));
        }
        let sizes = self.conv_dim.iter().chain(&self.conv_kernel).chain(&self.conv_stride);
        if sizes.into_iter().any(|&size| size == 0) {
            problems.push("`conv_dim`, `conv_kernel` or `conv_stride` has a 0".into());
        }
        if self.feat_extract_activation != "gelu" {
            problems.push(format!(
                "`feat_extract_activation` is `{}`, expected `gelu`",
                self.feat_extract_activation
            ));
        }
        problems
    }
}
