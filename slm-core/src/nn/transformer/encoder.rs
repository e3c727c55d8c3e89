//! The encoder of T5: pre-norm blocks around a residual stream, and a last norm. Every position sees every real position
//! of its row.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `T5Stack`, `T5Block`.
//! Shapes: `B` rows, `S` positions, `D` width, `H` heads.

use std::ops::Range;

use burn::nn::{Dropout, DropoutConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;

use super::attention::{Attention, AttentionConfig};
use super::feed_forward::{FeedForward, FeedForwardConfig, FeedForwardKind};
use super::relative_bias::{BiasSharing, Buckets, Direction, RelativeBias, RelativeBiasConfig};
use crate::nn::attend::Reading;
use crate::nn::batch::PaddedBatch;
use crate::nn::blocks::{MAX_SCORES, score_values};
use crate::nn::host::{add, rms_norm};
use crate::nn::recomputed::{recomputed, recomputes};
use crate::nn::watch::Watch;

/// Shape of a stack of Transformer layers.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerConfig {
    /// Width `D` of the positions.
    pub width: usize,
    /// Width of one attention head.
    pub head_dim: usize,
    /// Inner width of the feed-forward layers.
    pub inner_width: usize,
    /// Blocks.
    pub num_layers: usize,
    /// Attention heads `H`.
    pub num_heads: usize,
    /// Buckets of relative distance.
    pub num_buckets: usize,
    /// The distance from which on all share the last bucket.
    pub max_distance: usize,
    /// What the norms add to a variance.
    pub norm_epsilon: f64,
    /// Dropout, in training.
    pub dropout: f64,
    /// The feed-forward layers' kind.
    pub feed_forward: FeedForwardKind,
    /// Which blocks have a table of relative positions.
    pub bias_sharing: BiasSharing,
}

impl TransformerConfig {
    /// A norm of the stack.
    pub fn norm(&self) -> RmsNormConfig {
        RmsNormConfig::new(self.width).with_epsilon(self.norm_epsilon)
    }

    /// The attention of a block.
    pub fn attention(&self) -> AttentionConfig {
        let Self { width, num_heads, head_dim, dropout, .. } = *self;
        AttentionConfig { width, num_heads, head_dim, dropout }
    }

    /// The feed-forward layer of a block.
    pub fn feed_forward(&self) -> FeedForwardConfig {
        let Self { width, inner_width, feed_forward: kind, dropout, .. } = *self;
        FeedForwardConfig { width, inner_width, kind, dropout }
    }

    /// A table of relative positions.
    pub fn relative_bias(&self, direction: Direction) -> RelativeBiasConfig {
        RelativeBiasConfig {
            num_heads: self.num_heads,
            buckets: Buckets { count: self.num_buckets, max_distance: self.max_distance, direction },
            std: (self.width as f64).powf(-0.5),
        }
    }

    /// All tables of the stack.
    pub fn tables(&self, direction: Direction, device: &Device) -> Vec<RelativeBias> {
        let count = self.bias_sharing.tables(self.num_layers);
        (0..count).map(|_| self.relative_bias(direction).init(device)).collect()
    }

    /// Builds an encoder on `device`.
    pub fn init(&self, device: &Device) -> TransformerEncoder {
        let block = || EncoderBlock {
            self_attention_norm: self.norm().init(device),
            self_attention: self.attention().init(device),
            feed_forward_norm: self.norm().init(device),
            feed_forward: self.feed_forward().init(device),
        };
        TransformerEncoder {
            relative_bias: self.tables(Direction::Bidirectional, device),
            blocks: (0..self.num_layers).map(|_| block()).collect(),
            final_layer_norm: self.norm().init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
        }
    }

    /// Bytes that a pass over `rows` rows of `length` positions holds at the peak beside the weights.
    pub fn working_bytes(&self, rows: usize, length: usize) -> u64 {
        let positions = rows * length;
        let inner = self.num_heads * self.head_dim;
        let scores = score_values(length, rows * self.num_heads * length);
        let stream = positions * (3 * self.width + (4 * inner).max(3 * self.inner_width));
        // Scores, their bias, exponentials and sums of a block.
        ((stream + 4 * scores) * size_of::<f32>()) as u64
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

impl EncoderBlock {
    /// `[B, S, D]` to the same; `bias` is what is added to the scores of a range of queries.
    fn forward(
        &self,
        max_scores: usize,
        x: Tensor<3>,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        dropout: &Dropout,
        watch: &Watch,
    ) -> Tensor<3> {
        let normed = rms_norm(&self.self_attention_norm, x.clone());
        let (queries, source) = self.self_attention.queries_keys_values(normed);
        let reading = Reading { max_scores, ..Reading::new(watch) };
        let step = self.self_attention.read(&queries, &source, bias, reading);
        let x = add(x, dropout.forward(step));
        let step = self.feed_forward.forward(rms_norm(&self.feed_forward_norm, x.clone()));
        add(x, dropout.forward(step))
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct TransformerEncoder {
    relative_bias: Vec<RelativeBias>,
    blocks: Vec<EncoderBlock>,
    final_layer_norm: RmsNorm,
    dropout: Dropout,
}

impl TransformerEncoder {
    /// Embeddings `[B, S, D]` to hidden states `[B, S, D]`.
    pub fn forward(&self, inputs: &PaddedBatch) -> PaddedBatch {
        self.forward_watched(inputs, &Watch::default())
    }

    /// The same until `watch` stops: from then on the states are unfinished.
    pub fn forward_watched(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        self.forward_within(MAX_SCORES, inputs, watch)
    }

    /// The same with tensors of scores of at most `max_scores` values.
    fn forward_within(&self, max_scores: usize, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let [batch, length, _] = inputs.dims();
        let padding = inputs.attention_bias();
        // [1, H, q, S] + [B, 1, 1, S] -> [B, H, q, S]
        let bias_of = move |table: &RelativeBias, padding: &Tensor<4>, queries: Range<usize>| {
            table.forward(queries.start, queries.len(), length) + padding.clone()
        };
        let heads = self.relative_bias.first().map_or(1, RelativeBias::num_heads);
        // One table that serves all blocks is looked up once, where all queries fit into one tensor.
        let shared = match self.relative_bias.as_slice() {
            [only] if batch * heads * length * length <= max_scores => {
                Some(bias_of(only, &padding, 0..length))
            }
            _ => None,
        };
        let mut x = self.dropout.forward(inputs.values());
        for (layer, block) in self.blocks.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            let table = self.relative_bias[layer.min(self.relative_bias.len() - 1)].clone();
            let (shared, padding) = (shared.clone(), padding.clone());
            let bias = move |queries: Range<usize>| match &shared {
                Some(bias) => bias.clone(),
                None => bias_of(&table, &padding, queries),
            };
            if recomputes(&x, block) {
                let (block, dropout, watch) = (block.clone(), self.dropout.clone(), watch.clone());
                x = recomputed([x], move |[x]| block.forward(max_scores, x, &bias, &dropout, &watch));
            } else {
                x = block.forward(max_scores, x, bias, &self.dropout, watch);
            }
        }
        inputs.with_values(self.dropout.forward(rms_norm(&self.final_layer_norm, x)))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn blocks_of_queries_give_what_all_at_once_give() {
        let device = Device::flex();
        device.seed(5);
        for bias_sharing in [BiasSharing::FirstBlock, BiasSharing::EveryBlock] {
            let config = TransformerConfig {
                width: 12,
                head_dim: 4,
                inner_width: 16,
                num_layers: 2,
                num_heads: 2,
                num_buckets: 8,
                max_distance: 20,
                norm_epsilon: 1e-6,
                dropout: 0.1,
                feed_forward: FeedForwardKind::Gated(crate::nn::ActivationKind::GeluTanh),
                bias_sharing,
            };
            let encoder = config.init(&device);
            let x = Tensor::random([2, 53, 12], Distribution::Normal(0.0, 1.0), &device);
            let batch = PaddedBatch::new(x, vec![53, 41]);
            let whole = encoder.forward(&batch).values();
            let in_blocks = encoder.forward_within(1, &batch, &Watch::default()).values();
            let gap = (whole - in_blocks).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "{bias_sharing:?}: {gap}");
        }
    }
}
