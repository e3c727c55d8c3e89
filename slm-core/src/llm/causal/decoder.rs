//! The layers: attention to earlier positions and a feed-forward layer, each behind a norm, around a residual stream.
//!
//! Reference: transformers 5.23.0, `LlamaModel`, `LlamaDecoderLayer`, `GraniteDecoderLayer`.
//! Shapes: `B` rows, `S` positions, `D` width.

use std::ops::Range;
use std::sync::Arc;

use burn::nn::{EmbeddingConfig, Initializer, RmsNorm, RmsNormConfig};
use burn::prelude::*;

use super::attention::CausalAttention;
use super::config::CausalConfig;
use super::feed_forward::CausalFeedForward;
use super::rope::Rope;
use crate::llm::cache::capacity_for;
use crate::llm::prompt_cache::PromptCache;
use crate::llm::shared_prompt::{SharedPrompt, behind};
use crate::llm::visibility::{rows_of, visibility};
use crate::nn::host::{add_scaled, rms_norm};
use crate::nn::matrix::MatrixEmbedding;
use crate::nn::recomputed::{recomputed, recomputes};
use crate::nn::rotary::Rotation;
use crate::nn::transformer::KeysValues;
use crate::nn::{PaddedBatch, Watch};

/// A layer.
#[derive(Module, Debug)]
pub struct CausalLayer {
    input_layernorm: RmsNorm,
    self_attn: CausalAttention,
    post_attention_layernorm: RmsNorm,
    mlp: CausalFeedForward,
    residual_multiplier: f64,
}

/// The embedding, the layers and the last norm.
#[derive(Module, Debug)]
pub struct CausalDecoder {
    /// The embedding.
    pub embed_tokens: MatrixEmbedding,
    layers: Vec<CausalLayer>,
    norm: RmsNorm,
    embedding_multiplier: f64,
    head_dim: usize,
    #[module(skip)]
    rope: Rope,
    #[module(skip)]
    windows: Vec<Option<usize>>,
}

impl CausalConfig {
    /// Builds the decoder on `device`.
    pub fn init_decoder(&self, device: &Device) -> CausalDecoder {
        let norm = || RmsNormConfig::new(self.hidden_size).with_epsilon(self.rms_norm_eps).init(device);
        let layer = |_| CausalLayer {
            input_layernorm: norm(),
            self_attn: self.init_attention(device),
            post_attention_layernorm: norm(),
            mlp: self.init_feed_forward(device),
            residual_multiplier: self.residual_multiplier,
        };
        CausalDecoder {
            embed_tokens: EmbeddingConfig::new(self.vocab_size, self.hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device)
                .into(),
            layers: (0..self.num_hidden_layers).map(layer).collect(),
            norm: norm(),
            embedding_multiplier: self.embedding_multiplier,
            head_dim: self.head_dim,
            rope: self.rope,
            windows: self.windows.clone(),
        }
    }
}

impl CausalLayer {
    /// `[B, S, D]` to the same. `own` turns the keys and values of these positions into those of all so far.
    fn forward(
        &self,
        x: Tensor<3>,
        places: &Places,
        window: Option<usize>,
        own: impl FnOnce(KeysValues) -> KeysValues,
        watch: &Watch,
    ) -> Tensor<3> {
        let normed = rms_norm(&self.input_layernorm, x.clone());
        let (queries, written) = self.self_attn.queries_keys_values(normed, &places.rotation);
        let bias = |queries: Range<usize>| places.bias(window, queries);
        let step = self.self_attn.read(&queries, &own(written), bias, watch);
        let x = add_scaled(x, step, (1.0, self.residual_multiplier));
        let step = self.mlp.forward(rms_norm(&self.post_attention_layernorm, x.clone()));
        add_scaled(x, step, (1.0, self.residual_multiplier))
    }
}

/// How the layers see positions.
struct Places {
    rotation: Rotation,
    /// For each window of a layer what hides the future and what lies before the window, `[1, 1, Q, S]`.
    visible: Vec<(Option<usize>, Tensor<4>)>,
    /// What hides the padding, `[B, 1, 1, S]`.
    padding: Option<Tensor<4>>,
}

impl Places {
    /// What is added to the scores of a range of queries, `[B or 1, 1, q, S]`.
    fn bias(&self, window: Option<usize>, queries: Range<usize>) -> Tensor<4> {
        // Every layer's window is in the list.
        let place = self.visible.iter().position(|(other, _)| *other == window).unwrap_or_default();
        let visible = rows_of(&self.visible[place].1, queries);
        match &self.padding {
            Some(padding) => visible + padding.clone(),
            None => visible,
        }
    }
}

impl CausalDecoder {
    /// The number of layers.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// Hidden states of all positions, `[B, S, D]` to the same, each of which has seen itself and those before it.
    ///
    /// Padding at a row's end needs no mask, as no real position sees it.
    pub fn forward(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let x = self.through(inputs.values(), None, watch);
        inputs.with_values(rms_norm(&self.norm, x))
    }

    /// The same behind what all rows begin with.
    pub(super) fn forward_after(&self, shared: &SharedPrompt, inputs: &PaddedBatch) -> PaddedBatch {
        let x = self.through(inputs.values(), Some(shared), &Watch::default());
        inputs.with_values(rms_norm(&self.norm, x))
    }

    /// Reads what all rows begin with, `[1, P, D]`.
    pub(super) fn read_shared(&self, inputs: Tensor<3>) -> SharedPrompt {
        let [_, len, _] = inputs.dims();
        let places = self.places(0..len, len, None, &inputs.device());
        let mut layers = Vec::with_capacity(self.layers.len());
        let mut x = inputs * self.embedding_multiplier;
        for (layer, window) in self.layers.iter().zip(&self.windows) {
            let keep = |own: KeysValues| {
                layers.push(own.clone());
                own
            };
            x = layer.forward(x, &places, *window, keep, &Watch::default());
        }
        SharedPrompt { layers, len }
    }

    /// The residual stream of all positions, behind what all rows begin with where they do, `[B, S, D]` to the same.
    fn through(&self, inputs: Tensor<3>, shared: Option<&SharedPrompt>, watch: &Watch) -> Tensor<3> {
        let [_, length, _] = inputs.dims();
        let start = shared.map_or(0, SharedPrompt::len);
        let end = start + length;
        let places = Arc::new(self.places(start..end, end, None, &inputs.device().inner()));
        let mut x = inputs * self.embedding_multiplier;
        for (number, (layer, &window)) in self.layers.iter().zip(&self.windows).enumerate() {
            let before = shared.and_then(|shared| shared.layers.get(number));
            if recomputes(&x, layer) {
                let (layer, places, before) = (layer.clone(), Arc::clone(&places), before.cloned());
                let watch = watch.clone();
                x = recomputed([x], move |[x]| {
                    layer.forward(x, &places, window, |own| behind(before.as_ref(), own), &watch)
                });
            } else {
                x = layer.forward(x, &places, window, |own| behind(before, own), watch);
            }
        }
        x
    }

    /// Hidden states of the last of the next positions of each row, `[B, n, D]` to `[B, 1, D]`; once `watch` stops, they
    /// are unfinished.
    pub(super) fn next(&self, next: Tensor<3>, cache: &mut PromptCache, watch: &Watch) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let x = self.step(next, cache, watch);
        rms_norm(&self.norm, x.narrow(1, added - 1, 1))
    }

    /// The residual stream after the next positions of each row, `[B, n, D]` to the same.
    fn step(&self, next: Tensor<3>, cache: &mut PromptCache, watch: &Watch) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let positions = cache.len..cache.len + added;
        // Unwritten positions of the buffers lie in the future, so that what hides the future hides them too.
        let keys = capacity_for(positions.end);
        let places = self.places(positions.clone(), keys, cache.padding(keys), &next.device());
        let mut x = next * self.embedding_multiplier;
        for ((layer, window), own) in self.layers.iter().zip(&self.windows).zip(&mut cache.layers) {
            x = layer.forward(x, &places, *window, |written| own.append(written), watch);
        }
        cache.len = positions.end;
        x
    }

    /// How the layers see `keys` positions from `queries`, which all rows share.
    fn places(
        &self,
        queries: Range<usize>,
        keys: usize,
        padding: Option<Tensor<4>>,
        device: &Device,
    ) -> Places {
        let mut visible: Vec<(Option<usize>, Tensor<4>)> = Vec::new();
        for &window in &self.windows {
            if visible.iter().all(|(other, _)| *other != window) {
                let sees = |query: usize, key: usize| {
                    key <= query && window.is_none_or(|window| query - key < window)
                };
                visible.push((window, visibility(queries.clone(), keys, device, sees)));
            }
        }
        Places { rotation: self.rope.rotation(queries, self.head_dim, device), visible, padding }
    }
}
