//! The encoder of T5Gemma: layers with a norm before and after each part. A position sees every real one of its row, or
//! those in a window around it.
//!
//! Reference: transformers 5.23.0, `T5GemmaEncoder`, `T5Gemma2TextEncoder`.
//! Shapes: `B` rows, `S` positions, `D` width, `H` heads.

use std::ops::Range;

use burn::prelude::*;

use super::attention::GemmaAttention;
use super::config::{LayerType, StackConfig};
use super::feed_forward::GemmaFeedForward;
use super::norm::GemmaNorm;
use super::places::Rotations;
use crate::llm::visibility::visibility;
use crate::nn::blocks::MAX_SCORES;
use crate::nn::recomputed::{recomputed, recomputes};
use crate::nn::rotary::Rotation;
use crate::nn::transformer::KeysValues;
use crate::nn::{PaddedBatch, Watch};

/// Shape of a [`GemmaEncoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaEncoderConfig {
    /// The stack of layers.
    pub stack: StackConfig,
}

/// A layer of the encoder, and what a layer of the decoder has in common with it.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    self_attn: GemmaAttention,
    pre_self_attn_layernorm: GemmaNorm,
    post_self_attn_layernorm: GemmaNorm,
    mlp: GemmaFeedForward,
    pre_feedforward_layernorm: GemmaNorm,
    post_feedforward_layernorm: GemmaNorm,
}

/// The encoder.
#[derive(Module, Debug)]
pub struct GemmaEncoder {
    layers: Vec<EncoderLayer>,
    norm: GemmaNorm,
    #[module(skip)]
    config: StackConfig,
}

impl StackConfig {
    /// Builds a layer of the encoder on `device`, or what a layer of the decoder has in common with it.
    pub(super) fn init_layer(&self, device: &Device) -> EncoderLayer {
        let norm = || self.norm().init(device);
        EncoderLayer {
            self_attn: self.attention(self.hidden_size).init(device),
            pre_self_attn_layernorm: norm(),
            post_self_attn_layernorm: norm(),
            mlp: self.feed_forward().init(device),
            pre_feedforward_layernorm: norm(),
            post_feedforward_layernorm: norm(),
        }
    }
}

impl GemmaEncoderConfig {
    /// Builds an encoder on `device`.
    pub fn init(&self, device: &Device) -> GemmaEncoder {
        let config = &self.stack;
        GemmaEncoder {
            layers: (0..config.num_hidden_layers).map(|_| config.init_layer(device)).collect(),
            norm: config.norm().init(device),
            config: config.clone(),
        }
    }
}

impl EncoderLayer {
    /// `[B, S, D]` to the same; `bias` gives what is added to the scores of a range of queries.
    fn forward(
        &self,
        max_scores: usize,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        watch: &Watch,
    ) -> Tensor<3> {
        let x = self.attend(max_scores, x, rotation, |own| own, bias, watch);
        self.feed(x)
    }

    /// Adds what the positions read of each other, or of what `keys` makes of their keys and values.
    pub(super) fn attend(
        &self,
        max_scores: usize,
        x: Tensor<3>,
        rotation: &Rotation,
        keys: impl FnOnce(KeysValues) -> KeysValues,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        watch: &Watch,
    ) -> Tensor<3> {
        let normed = self.pre_self_attn_layernorm.forward(x.clone());
        let source = keys(self.keys_values(normed.clone(), Some(rotation)));
        let step = self.self_attn.forward(max_scores, normed, Some(rotation), &source, bias, watch);
        x + self.post_self_attn_layernorm.forward(step)
    }

    /// Adds what the feed-forward layer says.
    pub(super) fn feed(&self, x: Tensor<3>) -> Tensor<3> {
        let step = self.mlp.forward(self.pre_feedforward_layernorm.forward(x.clone()));
        x + self.post_feedforward_layernorm.forward(step)
    }

    /// Keys and values of `[B, S, D]`; keys are rotated where positions are told.
    pub(super) fn keys_values(&self, source: Tensor<3>, rotation: Option<&Rotation>) -> KeysValues {
        self.self_attn.keys_values(source, rotation)
    }
}

impl GemmaEncoder {
    /// Embeddings `[B, S, D]`, scaled, to hidden states `[B, S, D]`; unfinished ones once `watch` stops.
    pub fn forward(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        self.forward_within(MAX_SCORES, inputs, watch)
    }

    /// The same with tensors of scores of at most `max_scores` values.
    fn forward_within(&self, max_scores: usize, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let [batch, length, _] = inputs.dims();
        let mut x = inputs.values();
        let device = x.device().inner();
        let rotations = Rotations::new(&self.config, &(0..length), &device);
        let padding = inputs.attention_bias();
        let window = self.config.encoder_window();
        let in_window = move |query: usize, key: usize| {
            if key <= query { query - key <= window.before } else { key - query <= window.after }
        };
        // [1, 1, q, S] + [B, 1, 1, S] -> [B, 1, q, S]
        let hidden = padding.clone();
        let of_window =
            move |queries: Range<usize>| visibility(queries, length, &device, in_window) + hidden.clone();
        // Made once for all layers, where the scores of all queries fit into one tensor.
        let scores = batch * self.config.num_attention_heads * length * length;
        let shared = (scores <= max_scores).then(|| of_window(0..length));
        let bias = move |kind: LayerType, queries: Range<usize>| match (kind, &shared) {
            (LayerType::Full, _) => padding.clone(),
            (LayerType::Sliding, Some(bias)) => bias.clone(),
            (LayerType::Sliding, None) => of_window(queries),
        };
        for (layer, &kind) in self.layers.iter().zip(&self.config.layer_types) {
            if watch.is_stopped() {
                break;
            }
            if recomputes(&x, layer) {
                let (layer, rotation, watch) = (layer.clone(), rotations.of(kind).clone(), watch.clone());
                let bias = bias.clone();
                x = recomputed([x], move |[x]| {
                    layer.forward(max_scores, x, &rotation, |queries| bias(kind, queries), &watch)
                });
            } else {
                x = layer.forward(max_scores, x, rotations.of(kind), |queries| bias(kind, queries), watch);
            }
        }
        inputs.with_values(self.norm.forward(x))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Distribution;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::llm::gemma::config::GemmaConfig;

    #[test]
    fn blocks_of_queries_give_what_all_at_once_give() {
        let device = Device::flex();
        device.seed(7);
        let stack = r#"{"vocab_size": 9, "hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "query_pre_attn_scalar": 4,
            "sliding_window": 20, "layer_types": ["sliding_attention", "full_attention"]}"#;
        let dir = tempfile::tempdir().unwrap();
        let text = format!(r#"{{"model_type": "t5gemma", "encoder": {stack}, "decoder": {stack}}}"#);
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        let config = GemmaConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap()).unwrap();
        let encoder = GemmaEncoderConfig { stack: config.encoder }.init(&device);
        let x = Tensor::random([2, 53, 12], Distribution::Normal(0.0, 1.0), &device);
        let batch = PaddedBatch::new(x, vec![53, 41]);
        let whole = encoder.forward(&batch, &Watch::default()).values();
        let in_blocks = encoder.forward_within(1, &batch, &Watch::default()).values();
        let gap = (whole - in_blocks).abs().max().try_into_scalar::<f32>().unwrap();
        assert!(gap < 1e-5, "{gap}");
    }
}
