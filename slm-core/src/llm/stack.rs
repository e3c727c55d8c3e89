//! T5's encoder and decoder: pre-norm blocks around a residual stream, and a last norm.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `T5Stack`, `T5Block`.
//! Shapes: `B` rows, `S` positions of the source, `L` of the target, `D` width, `H` heads.

use burn::nn::{Dropout, DropoutConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;

use super::attention::Attention;
use super::cache::{DecoderCache, capacity_for};
use super::config::{RelativeBiasSharing, T5Config};
use super::feed_forward::FeedForward;
use super::relative_bias::{Direction, RelativeBias};
use crate::batch::{MASKED, PaddedBatch};

fn norm(config: &T5Config, device: &Device) -> RmsNorm {
    RmsNormConfig::new(config.d_model).with_epsilon(config.layer_norm_epsilon).init(device)
}

fn tables(config: &T5Config, layers: usize, direction: Direction, device: &Device) -> Vec<RelativeBias> {
    let count = match config.relative_bias_sharing() {
        RelativeBiasSharing::FirstBlock => 1,
        RelativeBiasSharing::EveryBlock => layers,
    };
    (0..count).map(|_| RelativeBias::init(config, direction, device)).collect()
}

/// The position biases of every block: computed once a table, shared where there is one table.
struct Positions(Vec<Tensor<4>>);

impl Positions {
    fn new(tables: &[RelativeBias], bias: impl Fn(&RelativeBias) -> Tensor<4>) -> Self {
        Self(tables.iter().map(bias).collect())
    }

    fn of(&self, layer: usize) -> Tensor<4> {
        self.0[layer.min(self.0.len() - 1)].clone()
    }
}

/// A block of the encoder.
#[derive(Module, Debug)]
pub struct EncoderBlock {
    self_attention_norm: RmsNorm,
    self_attention: Attention,
    feed_forward_norm: RmsNorm,
    feed_forward: FeedForward,
}

/// The encoder: every position sees every real position of its row.
#[derive(Module, Debug)]
pub struct Encoder {
    relative_bias: Vec<RelativeBias>,
    blocks: Vec<EncoderBlock>,
    final_layer_norm: RmsNorm,
    dropout: Dropout,
}

impl Encoder {
    /// Builds an encoder of `config.num_layers` blocks on `device`.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            relative_bias: tables(config, config.num_layers, Direction::Bidirectional, device),
            blocks: (0..config.num_layers)
                .map(|_| EncoderBlock {
                    self_attention_norm: norm(config, device),
                    self_attention: Attention::init(config, device),
                    feed_forward_norm: norm(config, device),
                    feed_forward: FeedForward::init(config, device),
                })
                .collect(),
            final_layer_norm: norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// Embeddings `[B, S, D]` to hidden states `[B, S, D]`.
    pub fn forward(&self, inputs: &PaddedBatch) -> PaddedBatch {
        let [_, length, _] = inputs.dims();
        let padding = inputs.attention_bias();
        // [1, H, S, S] + [B, 1, 1, S] -> [B, H, S, S]
        let positions =
            Positions::new(&self.relative_bias, |table| table.forward(0, length, length) + padding.clone());
        let mut x = self.dropout.forward(inputs.values());
        for (layer, block) in self.blocks.iter().enumerate() {
            let normed = block.self_attention_norm.forward(x.clone());
            let source = block.self_attention.keys_values(normed.clone());
            let step = block.self_attention.forward(normed, source, positions.of(layer));
            x = x + self.dropout.forward(step);
            let step = block.feed_forward.forward(block.feed_forward_norm.forward(x.clone()));
            x = x + self.dropout.forward(step);
        }
        inputs.with_values(self.dropout.forward(self.final_layer_norm.forward(x)))
    }
}

/// A block of the decoder.
#[derive(Module, Debug)]
pub struct DecoderBlock {
    self_attention_norm: RmsNorm,
    self_attention: Attention,
    cross_attention_norm: RmsNorm,
    cross_attention: Attention,
    feed_forward_norm: RmsNorm,
    feed_forward: FeedForward,
}

/// The decoder: every position sees itself, earlier ones, and the encoder's real positions.
#[derive(Module, Debug)]
pub struct Decoder {
    relative_bias: Vec<RelativeBias>,
    blocks: Vec<DecoderBlock>,
    final_layer_norm: RmsNorm,
    dropout: Dropout,
}

impl Decoder {
    /// Builds a decoder on `device`.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        Self {
            relative_bias: tables(config, config.decoder_layers(), Direction::Causal, device),
            blocks: (0..config.decoder_layers())
                .map(|_| DecoderBlock {
                    self_attention_norm: norm(config, device),
                    self_attention: Attention::init(config, device),
                    cross_attention_norm: norm(config, device),
                    cross_attention: Attention::init(config, device),
                    feed_forward_norm: norm(config, device),
                    feed_forward: FeedForward::init(config, device),
                })
                .collect(),
            final_layer_norm: norm(config, device),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
        }
    }

    /// All positions of a known target at once: embeddings `[B, L, D]` to hidden states `[B, L, D]`.
    ///
    /// Padding at a target's end needs no mask, as no earlier position sees it.
    pub fn forward(&self, target: Tensor<3>, memory: &PaddedBatch) -> Tensor<3> {
        let [_, length, _] = target.dims();
        let causal = causal_bias(0, length, length, &target.device());
        // [1, H, L, L] + [1, 1, L, L]
        let positions =
            Positions::new(&self.relative_bias, |table| table.forward(0, length, length) + causal.clone());
        let memory_bias = memory.attention_bias();
        let mut x = self.dropout.forward(target);
        for (layer, block) in self.blocks.iter().enumerate() {
            let normed = block.self_attention_norm.forward(x.clone());
            let source = block.self_attention.keys_values(normed.clone());
            let step = block.self_attention.forward(normed, source, positions.of(layer));
            x = x + self.dropout.forward(step);
            let source = block.cross_attention.keys_values(memory.values());
            let normed = block.cross_attention_norm.forward(x.clone());
            let step = block.cross_attention.forward(normed, source, memory_bias.clone());
            x = x + self.dropout.forward(step);
            let step = block.feed_forward.forward(block.feed_forward_norm.forward(x.clone()));
            x = x + self.dropout.forward(step);
        }
        self.dropout.forward(self.final_layer_norm.forward(x))
    }

    /// The cache before the first step over `memory`.
    pub fn start(&self, memory: &PaddedBatch) -> DecoderCache {
        let sources =
            self.blocks.iter().map(|block| block.cross_attention.keys_values(memory.values())).collect();
        DecoderCache::new(sources, memory.attention_bias())
    }

    /// The next positions of each row: embeddings `[B, n, D]` to hidden states `[B, n, D]`.
    pub fn step(&self, next: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let first = cache.len;
        let capacity = capacity_for(first + added);
        // Unwritten positions of the buffers lie in the future, so the causal mask covers them too.
        let causal = causal_bias(first, added, capacity, &next.device());
        let positions = Positions::new(&self.relative_bias, |table| {
            table.forward(first, added, capacity) + causal.clone()
        });
        let memory_bias = cache.memory_bias.clone();
        let mut x = next;
        for (layer, (block, state)) in self.blocks.iter().zip(&mut cache.layers).enumerate() {
            let normed = block.self_attention_norm.forward(x.clone());
            let source = state.own.append(block.self_attention.keys_values(normed.clone()));
            x = x + block.self_attention.forward(normed, source, positions.of(layer));
            let normed = block.cross_attention_norm.forward(x.clone());
            x = x + block.cross_attention.forward(normed, state.memory.clone(), memory_bias.clone());
            x = x.clone() + block.feed_forward.forward(block.feed_forward_norm.forward(x));
        }
        cache.len += added;
        self.final_layer_norm.forward(x)
    }
}

/// 0 where key `k` is not after query `first + q`, [`MASKED`] elsewhere, `[1, 1, Q, S]`.
fn causal_bias(first: usize, queries: usize, keys: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (first..first + queries)
        .flat_map(|query| (0..keys).map(move |key| if key <= query { 0.0 } else { MASKED }))
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, queries, keys]), device)
}
