//! The decoder of T5Gemma: a position sees itself, earlier ones or a window of them, and the encoder's real positions.
//!
//! Reference: transformers 5.23.0, `T5GemmaDecoder`, `T5Gemma2Decoder`.
//! Shapes: `B` rows, `S` positions of the source, `L` of the target, `D` width.

use std::ops::Range;

use burn::prelude::*;

use super::attention::GemmaAttention;
use super::config::{GemmaVersion, StackConfig};
use super::encoder::EncoderLayer;
use super::norm::GemmaNorm;
use super::places::Places;
use crate::llm::cache::Sharing;
use crate::llm::decoder::{DecoderStack, Memory};
use crate::llm::visibility::rows_of;
use crate::nn::Watch;
use crate::nn::blocks::MAX_SCORES;
use crate::nn::rotary::Rotation;
use crate::nn::transformer::KeysValues;

/// Shape of a [`GemmaDecoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct GemmaDecoderConfig {
    /// The stack of layers.
    pub stack: StackConfig,
    /// Width of the encoder's states, which it reads.
    pub source_width: usize,
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

/// The decoder.
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
        let norm = || config.norm().init(device);
        let cross = || CrossAttention {
            cross_attn: config.attention(self.source_width).init(device),
            pre_cross_attn_layernorm: norm(),
            post_cross_attn_layernorm: norm(),
        };
        let layer = |_| DecoderLayer {
            own: config.init_layer(device),
            cross: (config.version == GemmaVersion::One).then(cross),
        };
        GemmaDecoder {
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            norm: norm(),
            config: config.clone(),
        }
    }
}

impl CrossAttention {
    /// Adds what positions read of the memory, `[B, L, D]` to the same.
    fn forward(&self, x: Tensor<3>, memory: Memory<'_>) -> Tensor<3> {
        let normed = self.pre_cross_attn_layernorm.forward(x.clone());
        let step = memory.read(normed, |normed, source, bias| {
            let bias = |queries: Range<usize>| rows_of(bias, queries);
            self.cross_attn.forward(MAX_SCORES, normed, None, source, bias, &Watch::default())
        });
        x + self.post_cross_attn_layernorm.forward(step)
    }
}

impl DecoderLayer {
    /// `[B, L, D]` to the same. `own` turns the keys and values of these positions into those of all so far, whose scores
    /// get `own_bias`.
    fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        own_bias: &Tensor<4>,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3> {
        let watch = Watch::default();
        let Some(cross) = &self.cross else {
            // One softmax over the decoder's own positions and the encoder's.
            let merged = merge_biases(own_bias, memory.bias);
            let bias = |queries: Range<usize>| rows_of(&merged, queries);
            let join = |written: KeysValues| merge(own(written), memory.source);
            let x = self.own.attend(MAX_SCORES, x, rotation, join, bias, &watch);
            return self.own.feed(x);
        };
        let bias = |queries: Range<usize>| rows_of(own_bias, queries);
        let x = self.own.attend(MAX_SCORES, x, rotation, own, bias, &watch);
        self.own.feed(cross.forward(x, memory))
    }

    /// Keys and values of the encoder's states `[B, S, D]`, whose positions are not told.
    fn keys_values(&self, states: Tensor<3>) -> KeysValues {
        match &self.cross {
            Some(cross) => cross.cross_attn.keys_values(states, None),
            None => self.own.keys_values(states, None),
        }
    }
}

/// What is added to the scores of the decoder's own positions, then to those of the memory: `[1, 1, L, S]` and
/// `[B, 1, 1, S']` to `[B, 1, L, S + S']`.
fn merge_biases(own: &Tensor<4>, memory: &Tensor<4>) -> Tensor<4> {
    let [_, _, queries, keys] = own.dims();
    let [batch, _, _, source] = memory.dims();
    let own = own.clone().expand([batch, 1, queries, keys]);
    Tensor::cat(vec![own, memory.clone().expand([batch, 1, queries, source])], 3)
}

/// The keys and values of both.
fn merge(own: KeysValues, memory: KeysValues) -> KeysValues {
    KeysValues {
        keys: Tensor::cat(vec![own.keys, memory.keys], 2),
        values: Tensor::cat(vec![own.values, memory.values], 2),
    }
}

impl DecoderStack for GemmaDecoder {
    type Places = Places;

    fn num_layers(&self) -> usize {
        self.layers.len()
    }

    fn sharing(&self) -> Sharing {
        let is_apart = self.layers.iter().all(|layer| layer.cross.is_some());
        if is_apart { Sharing::Texts } else { Sharing::Rows }
    }

    fn places(&self, queries: Range<usize>, keys: usize, device: &Device) -> Places {
        Places::new(&self.config, queries, keys, device)
    }

    fn keys_values(&self, layer: usize, states: Tensor<3>) -> KeysValues {
        self.layers[layer].keys_values(states)
    }

    fn layer(
        &self,
        layer: usize,
        x: Tensor<3>,
        places: &Places,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3> {
        let (rotation, own_bias) = places.of(self.config.layer_types[layer]);
        self.layers[layer].forward(x, rotation, own_bias, own, memory)
    }

    fn leave(&self, x: Tensor<3>) -> Tensor<3> {
        self.norm.forward(x)
    }
}
