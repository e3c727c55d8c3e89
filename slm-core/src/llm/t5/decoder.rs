//! T5's decoder: every position sees itself, earlier ones, and the encoder's real positions.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `T5Stack`, `T5Block`.
//! Shapes: `B` rows, `S` positions of the source, `L` of the target, `D` width, `H` heads.

use std::ops::Range;

use burn::nn::{Dropout, DropoutConfig, RmsNorm};
use burn::prelude::*;

use crate::llm::decoder::{DecoderStack, Memory};
use crate::llm::visibility::{causal, rows_of};
use crate::nn::Watch;
use crate::nn::attend::Reading;
use crate::nn::host::{add, rms_norm};
use crate::nn::transformer::{
    Attention, Direction, FeedForward, KeysValues, RelativeBias, TransformerConfig,
};

/// Shape of a [`Decoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// The stack of blocks; each has a cross-attention of the same shape beside its own.
    pub stack: TransformerConfig,
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

/// The decoder.
#[derive(Module, Debug)]
pub struct Decoder {
    relative_bias: Vec<RelativeBias>,
    blocks: Vec<DecoderBlock>,
    final_layer_norm: RmsNorm,
    dropout: Dropout,
}

impl DecoderConfig {
    /// Builds a decoder on `device`.
    pub fn init(&self, device: &Device) -> Decoder {
        let stack = &self.stack;
        let block = || DecoderBlock {
            self_attention_norm: stack.norm().init(device),
            self_attention: stack.attention().init(device),
            cross_attention_norm: stack.norm().init(device),
            cross_attention: stack.attention().init(device),
            feed_forward_norm: stack.norm().init(device),
            feed_forward: stack.feed_forward().init(device),
        };
        Decoder {
            relative_bias: stack.tables(Direction::Causal, device),
            blocks: (0..stack.num_layers).map(|_| block()).collect(),
            final_layer_norm: stack.norm().init(device),
            dropout: DropoutConfig::new(stack.dropout).init(),
        }
    }
}

impl DecoderBlock {
    /// `[B, L, D]` to the same. `own` turns the keys and values of these positions into those of all so far, whose scores
    /// get `own_bias`.
    fn forward(
        &self,
        x: Tensor<3>,
        own_bias: &Tensor<4>,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
        dropout: &Dropout,
    ) -> Tensor<3> {
        let watch = Watch::default();
        let normed = rms_norm(&self.self_attention_norm, x.clone());
        let (queries, written) = self.self_attention.queries_keys_values(normed);
        let own_bias = |queries: Range<usize>| rows_of(own_bias, queries);
        let step = self.self_attention.read(&queries, &own(written), own_bias, Reading::new(&watch));
        let x = add(x, dropout.forward(step));
        let normed = rms_norm(&self.cross_attention_norm, x.clone());
        let read = memory.read(normed, |normed, source, bias| {
            let bias = |queries: Range<usize>| rows_of(bias, queries);
            self.cross_attention.forward(normed, source, bias, &watch)
        });
        let x = add(x, dropout.forward(read));
        let step = self.feed_forward.forward(rms_norm(&self.feed_forward_norm, x.clone()));
        add(x, dropout.forward(step))
    }
}

impl DecoderStack for Decoder {
    /// What each table of relative positions adds to the scores, the future hidden, `[1, H, L, S]`.
    type Places = Vec<Tensor<4>>;

    fn num_layers(&self) -> usize {
        self.blocks.len()
    }

    fn places(&self, queries: Range<usize>, keys: usize, device: &Device) -> Self::Places {
        let causal = causal(queries.clone(), keys, device);
        let of_table =
            |table: &RelativeBias| table.forward(queries.start, queries.len(), keys) + causal.clone();
        self.relative_bias.iter().map(of_table).collect()
    }

    fn keys_values(&self, layer: usize, states: Tensor<3>) -> KeysValues {
        self.blocks[layer].cross_attention.keys_values(states)
    }

    fn enter(&self, target: Tensor<3>) -> Tensor<3> {
        self.dropout.forward(target)
    }

    fn layer(
        &self,
        layer: usize,
        x: Tensor<3>,
        places: &Self::Places,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3> {
        // One table may be for all layers.
        let bias = &places[layer.min(places.len() - 1)];
        self.blocks[layer].forward(x, bias, own, memory, &self.dropout)
    }

    fn leave(&self, x: Tensor<3>) -> Tensor<3> {
        self.dropout.forward(rms_norm(&self.final_layer_norm, x))
    }
}
