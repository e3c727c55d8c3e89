//! The keys that both models' files have: their blocks and head.

use serde::{Deserialize, Serialize};

use crate::encoder::activation;
use crate::encoder::conformer::block::{BlockConfig, Residuals};
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;

/// The field that says with `null` that attention knows no positions.
pub(in crate::encoder::wav2vec2) const NULLS: &[&str] = &["position_embeddings_type"];

/// How attention knows positions, by the file's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PositionWord {
    /// [`PositionKind::Relative`].
    Relative,
    /// [`PositionKind::RelativeKey`].
    RelativeKey,
    /// [`PositionKind::RotaryInput`].
    Rotary,
}

/// What both models share. The defaults are those of w2v-BERT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Activation of feed-forward and convolution modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// What layer norms add to a variance: all of w2v-BERT, but of wav2vec2-conformer only the feature projection's and
    /// the last one.
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
    /// Labels of the CTC head; `None` without a head. The weights tell whether there is one, not the file.
    #[serde(skip)]
    pub head: Option<usize>,
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
            position_embeddings_type: Some(PositionWord::RelativeKey),
            left_max_position_embeddings: 64,
            right_max_position_embeddings: 8,
            rotary_embedding_base: 10_000.0,
            vocab_size: None,
            pad_token_id: Some(0),
            head: None,
        }
    }
}

impl BlockKeys {
    pub(super) fn block(
        &self,
        reach: KernelReach,
        convolution_norm: ConvolutionNormKind,
        norm_epsilon: f64,
    ) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            head_dim: None,
            kernel: self.conv_depthwise_kernel_size,
            reach,
            convolution_norm,
            activation: activation::named(&self.hidden_act),
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
            norm_epsilon,
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
            None => Err("`vocab_size` is absent, the CTC head needs it".into()),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::from_iter(activation::problem("hidden_act", &self.hidden_act));
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

/// Width of the states, behind an adapter that may have one of its own.
pub(super) fn adapted_width(add_adapter: bool, own: Option<usize>, hidden: usize) -> usize {
    own.filter(|&width| add_adapter && width > 0).unwrap_or(hidden)
}

/// Factor by which an adapter shortens the sequence.
pub(super) fn adapter_stride(add_adapter: bool, layers: usize, stride: usize) -> usize {
    if add_adapter { stride.saturating_pow(layers as u32) } else { 1 }
}
