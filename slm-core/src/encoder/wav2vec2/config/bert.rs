//! Sizes of a w2v-BERT. Source: transformers 5.23.0, `configuration_wav2vec2_bert.py`.

use serde::Deserialize;

use super::keys::{BlockKeys, adapted_width, adapter_stride};
use crate::encoder::activation;
use crate::encoder::conformer::block::BlockConfig;
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};
use crate::encoder::wav2vec2::length_adapter::LengthAdapterConfig;

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
    /// Activation of their feed-forward modules, by the name that transformers has for it.
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
        let epsilon = self.blocks.layer_norm_eps;
        self.blocks.block(KernelReach::Causal, ConvolutionNormKind::Layer { epsilon }, epsilon)
    }

    /// What the layers after the blocks are made of; `None` where there are none.
    pub fn adapter(&self) -> Option<LengthAdapterConfig> {
        self.add_adapter.then(|| LengthAdapterConfig {
            input: self.blocks.hidden_size,
            width: self.output_width(),
            inner_width: self.blocks.intermediate_size,
            num_layers: self.num_adapter_layers,
            num_heads: self.blocks.num_attention_heads,
            kernel: self.adapter_kernel_size,
            stride: self.adapter_stride,
            activation: activation::named(&self.adapter_act),
            norm_epsilon: self.blocks.layer_norm_eps,
        })
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        problems.extend(self.blocks.problems());
        if self.feature_projection_input_dim == 0 {
            problems.push("`feature_projection_input_dim` is 0".into());
        }
        if self.add_adapter {
            for (name, value) in
                [("adapter_kernel_size", self.adapter_kernel_size), ("adapter_stride", self.adapter_stride)]
            {
                if value == 0 {
                    problems.push(format!("`{name}` is 0"));
                }
            }
            problems.extend(activation::problem("adapter_act", &self.adapter_act));
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

impl EncoderSizes for Wav2Vec2BertConfig {
    fn input_width(&self) -> usize {
        self.feature_projection_input_dim
    }

    fn output_width(&self) -> usize {
        adapted_width(self.add_adapter, self.output_hidden_size, self.blocks.hidden_size)
    }

    fn equal_layers(&self) -> Option<usize> {
        (!self.add_adapter).then_some(self.blocks.num_hidden_layers)
    }

    fn blank(&self) -> usize {
        self.blocks.blank()
    }

    fn stride(&self) -> usize {
        adapter_stride(self.add_adapter, self.num_adapter_layers, self.adapter_stride)
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let input = rows as f64 * frames as f64 * self.feature_projection_input_dim as f64;
        let adapter = self.adapter().map_or(0.0, |adapter| adapter.working_values(rows, frames));
        let states = rows as f64 * frames as f64 / self.stride() as f64;
        let labels = self.blocks.vocab_size.unwrap_or(0);
        peak_bytes(&[
            input + self.block().working_values(rows, frames),
            input + adapter,
            input + output_values(states, self.output_width(), labels),
        ])
    }
}
