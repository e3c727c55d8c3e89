//! The encoder and decoder of T5Gemma: layers with a norm before and after each part.
//!
//! Reference: transformers 5.23.0, `T5GemmaEncoder`, `T5GemmaDecoder`, `T5Gemma2TextEncoder`, `T5Gemma2Decoder`.
//! Shapes: `B` rows, `S` positions of the source, `L` of the target, `D` width.

use std::ops::Range;

use burn::prelude::*;

use super::attention::GemmaAttention;
use super::config::{GemmaVersion, LayerType, StackConfig};
use super::feed_forward::GemmaFeedForward;
use super::norm::GemmaNorm;
use crate::llm::cache::{DecoderCache, capacity_for};
use crate::llm::visibility::visibility;
use crate::nn::rotary::Rotation;
use crate::nn::transformer::KeysValues;
use crate::nn::{PaddedBatch, Watch};

/// Shape of a [`GemmaEncoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaEncoderConfig {
    /// The stack of layers.
    pub stack: StackConfig,
}

/// Shape of a [`GemmaDecoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaDecoderConfig {
    /// The stack of layers.
    pub stack: StackConfig,
    /// Width of the encoder's states, which it reads.
    pub source_width: usize,
}

/// A layer of the encoder.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    self_attn: GemmaAttention,
    pre_self_attn_layernorm: GemmaNorm,
    post_self_attn_layernorm: GemmaNorm,
    mlp: GemmaFeedForward,
    pre_feedforward_layernorm: GemmaNorm,
    post_feedforward_layernorm: GemmaNorm,
}

/// Builds a layer of the encoder, or the part of the decoder's that is like it.
fn encoder_layer(config: &StackConfig, device: &Device) -> EncoderLayer {
    let norm = || config.norm().init(device);
    EncoderLayer {
        self_attn: config.attention(config.hidden_size).init(device),
        pre_self_attn_layernorm: norm(),
        post_self_attn_layernorm: norm(),
        mlp: config.feed_forward().init(device),
        pre_feedforward_layernorm: norm(),
        post_feedforward_layernorm: norm(),
    }
}

impl EncoderLayer {
    /// Attention over the layer's own normed positions, which `keys` turns into what is attended to; then the
    /// feed-forward layer, with `between` in the middle.
    fn forward(
        &self,
        x: Tensor<3>,
        place: &Place,
        keys: impl FnOnce(KeysValues) -> KeysValues,
        between: impl FnOnce(Tensor<3>) -> Tensor<3>,
        watch: &Watch,
    ) -> Tensor<3> {
        let normed = self.pre_self_attn_layernorm.forward(x.clone());
        let source = keys(self.self_attn.keys_values(normed.clone(), Some(&place.rotation)));
        let step = self.self_attn.forward(normed, Some(&place.rotation), source, &place.bias, watch);
        let x = between(x + self.post_self_attn_layernorm.forward(step));
        let step = self.mlp.forward(self.pre_feedforward_layernorm.forward(x.clone()));
        x + self.post_feedforward_layernorm.forward(step)
    }
}

/// How one kind of layer sees positions: the rotation of queries and keys, and what is added to the scores.
#[derive(Debug, Clone)]
struct Place {
    rotation: Rotation,
    bias: Tensor<4>,
}

/// A [`Place`] for each kind of layer.
struct Places {
    full: Place,
    sliding: Place,
}

impl Places {
    /// For queries at `positions`, with the `bias` of each kind.
    fn new(
        config: &StackConfig,
        positions: Range<usize>,
        bias: impl Fn(LayerType) -> Tensor<4>,
        device: &Device,
    ) -> Self {
        let place = |kind: LayerType| {
            let rope = config.rope(kind);
            Place {
                rotation: Rotation::scaled(
                    rope.theta,
                    rope.factor,
                    positions.clone(),
                    config.head_dim,
                    device,
                ),
                bias: bias(kind),
            }
        };
        Self { full: place(LayerType::Full), sliding: place(LayerType::Sliding) }
    }

    fn of(&self, kind: LayerType) -> &Place {
        match kind {
            LayerType::Full => &self.full,
            LayerType::Sliding => &self.sliding,
        }
    }
}

/// The encoder: a position sees every real one of its row, or those in a window around it.
#[derive(Module, Debug)]
pub struct GemmaEncoder {
    layers: Vec<EncoderLayer>,
    norm: GemmaNorm,
    #[module(skip)]
    config: StackConfig,
}

impl GemmaEncoderConfig {
    /// Builds an encoder on `device`.
    pub fn init(&self, device: &Device) -> GemmaEncoder {
        let config = &self.stack;
        GemmaEncoder {
            layers: (0..config.num_hidden_layers).map(|_| encoder_layer(config, device)).collect(),
            norm: config.norm().init(device),
            config: config.clone(),
        }
    }
}

impl GemmaEncoder {
    /// Embeddings `[B, S, D]`, scaled, to hidden states `[B, S, D]`; unfinished ones once `watch` stops.
    pub fn forward(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let [_, length, _] = inputs.dims();
        let mut x = inputs.values();
        let device = x.device();
        let padding = inputs.attention_bias();
        let window = self.config.encoder_window();
        let places = Places::new(
            &self.config,
            0..length,
            |kind| {
                let sees = |query: usize, key: usize| match kind {
                    LayerType::Full => true,
                    LayerType::Sliding if key <= query => query - key <= window.before,
                    LayerType::Sliding => key - query <= window.after,
                };
                visibility(0..length, length, &device, sees) + padding.clone()
            },
            &device,
        );
        for (layer, &kind) in self.layers.iter().zip(&self.config.layer_types) {
            if watch.is_stopped() {
                break;
            }
            x = layer.forward(x, places.of(kind), |own| own, |x| x, watch);
        }
        inputs.with_values(self.norm.forward(x))
    }
}

/// How a layer of the decoder reads the encoder's states.
#[derive(Module, Debug)]
pub struct CrossAttention {
    cross_attn: GemmaAttention,
    pre_cross_attn_layernorm: GemmaNorm,
    post_cross_attn_layernorm: GemmaNorm,
}

/// A layer of the decoder; without a cross-attention of its own, its self-attention reads the encoder's states too.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    own: EncoderLayer,
    cross: Option<CrossAttention>,
}

/// Builds a layer of the decoder.
fn decoder_layer(config: &StackConfig, source_width: usize, device: &Device) -> DecoderLayer {
    let norm = || config.norm().init(device);
    let cross = match config.version {
        GemmaVersion::One => Some(CrossAttention {
            cross_attn: config.attention(source_width).init(device),
            pre_cross_attn_layernorm: norm(),
            post_cross_attn_layernorm: norm(),
        }),
        GemmaVersion::Two => None,
    };
    DecoderLayer { own: encoder_layer(config, device), cross }
}

impl DecoderLayer {
    /// Keys and values of the encoder's states `[B, S, D]`, whose positions are not told.
    fn memory(&self, states: Tensor<3>) -> KeysValues {
        match &self.cross {
            Some(cross) => cross.cross_attn.keys_values(states, None),
            None => self.own.self_attn.keys_values(states, None),
        }
    }

    /// One layer over `x`: `append` gives the keys of all positions so far; `place` is for those, `memory_bias`
    /// `[B, 1, 1, S]` for the memory.
    fn forward(
        &self,
        x: Tensor<3>,
        place: &Place,
        append: impl FnOnce(KeysValues) -> KeysValues,
        memory: KeysValues,
        memory_bias: &Tensor<4>,
    ) -> Tensor<3> {
        let watch = &Watch::default();
        if let Some(cross) = &self.cross {
            let between = |x: Tensor<3>| {
                let normed = cross.pre_cross_attn_layernorm.forward(x.clone());
                let step = cross.cross_attn.forward(normed, None, memory, memory_bias, watch);
                x + cross.post_cross_attn_layernorm.forward(step)
            };
            return self.own.forward(x, place, append, between, watch);
        }
        // One softmax over the decoder's own positions and the encoder's.
        let [_, _, queries, keys] = place.bias.dims();
        let [batch, _, _, source] = memory_bias.dims();
        let bias = Tensor::cat(
            vec![
                place.bias.clone().expand([batch, 1, queries, keys]),
                memory_bias.clone().expand([batch, 1, queries, source]),
            ],
            3,
        );
        let merged = Place { rotation: place.rotation.clone(), bias };
        let join = |own: KeysValues| {
            let own = append(own);
            KeysValues {
                keys: Tensor::cat(vec![own.keys, memory.keys], 2),
                values: Tensor::cat(vec![own.values, memory.values], 2),
            }
        };
        self.own.forward(x, &merged, join, |x| x, watch)
    }
}

/// The decoder: a position sees itself, earlier ones or a window of them, and the encoder's real positions.
#[derive(Module, Debug)]
pub struct GemmaDecoder {
    layers: Vec<DecoderLayer>,
    norm: GemmaNorm,
    #[module(skip)]
    config: StackConfig,
}

impl GemmaDecoderConfig {
    /// Builds a decoder on `device`.
    pub fn init(&self, device: &Device) -> GemmaDecoder {
        let config = &self.stack;
        let layer = |_| decoder_layer(config, self.source_width, device);
        GemmaDecoder {
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            norm: config.norm().init(device),
            config: config.clone(),
        }
    }
}

impl GemmaDecoder {
    /// What each kind of layer sees from `queries` of `keys` positions.
    fn places(&self, queries: Range<usize>, keys: usize, device: &Device) -> Places {
        let window = self.config.sliding_window;
        let bias = |kind: LayerType| {
            visibility(queries.clone(), keys, device, |query, key| {
                key <= query && (kind == LayerType::Full || query - key < window)
            })
        };
        Places::new(&self.config, queries.clone(), bias, device)
    }

    /// All positions of a known target at once: embeddings `[B, L, D]`, scaled, to hidden states `[B, L, D]`.
    pub fn forward(&self, target: Tensor<3>, memory: &PaddedBatch) -> Tensor<3> {
        let [_, length, _] = target.dims();
        let places = self.places(0..length, length, &target.device());
        let memory_bias = memory.attention_bias();
        let mut x = target;
        for (layer, &kind) in self.layers.iter().zip(&self.config.layer_types) {
            let source = layer.memory(memory.values());
            x = layer.forward(x, places.of(kind), |own| own, source, &memory_bias);
        }
        self.norm.forward(x)
    }

    /// The cache before the first step over `memory`.
    pub fn start(&self, memory: &PaddedBatch) -> DecoderCache {
        let sources = self.layers.iter().map(|layer| layer.memory(memory.values())).collect();
        DecoderCache::new(sources, memory.attention_bias())
    }

    /// The next positions of each row: embeddings `[B, n, D]`, scaled, to hidden states `[B, n, D]`.
    pub fn step(&self, next: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let positions = cache.len..cache.len + added;
        // Unwritten positions of the buffers lie in the future, so the causal mask covers them too.
        let places = self.places(positions.clone(), capacity_for(positions.end), &next.device());
        let mut x = next;
        let states = self.layers.iter().zip(&self.config.layer_types).zip(&mut cache.layers);
        for ((layer, &kind), state) in states {
            let memory = state.memory.clone();
            x = layer.forward(x, places.of(kind), |own| state.own.append(own), memory, &cache.memory_bias);
        }
        cache.len += added;
        self.norm.forward(x)
    }
}
