//! A decoder of any family: a stack of layers, each of which reads its own positions so far and the encoder's states.
//! It goes over a known text at once, or on from where a cache ends.
//!
//! Shapes: `B` rows, `S` positions of the source, `L` of the target, `D` width.

use std::ops::Range;
use std::sync::Arc;

use burn::prelude::*;

use super::cache::{DecoderCache, Sharing, capacity_for};
use crate::nn::PaddedBatch;
use crate::nn::host::in_order;
use crate::nn::recomputed::{recomputed, recomputes};
use crate::nn::transformer::KeysValues;

/// What a layer reads of the encoder's states.
#[derive(Debug)]
pub(super) struct Memory<'a> {
    /// The layer's keys and values of them.
    pub(super) source: KeysValues,
    /// What is added to the scores, `[B, 1, 1, S]`.
    pub(super) bias: &'a Tensor<4>,
}

impl Memory<'_> {
    /// What positions `[B, L, D]` read of the memory by `read`, `[B, L, D]`. The memory has a row for some rows of them in
    /// their order, those of one text; they are put together as the positions of one row.
    pub(super) fn read(
        self,
        x: Tensor<3>,
        read: impl FnOnce(Tensor<3>, &KeysValues, &Tensor<4>) -> Tensor<3>,
    ) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let [texts, ..] = self.source.keys.dims();
        // [B, L, D] -> [T, B / T * L, D] -> [B, L, D]
        let x = x.reshape([texts, batch / texts.max(1) * length, width]);
        read(x, &self.source, self.bias).reshape([batch, length, width])
    }
}

/// What a family says of its decoder; the loops over its layers are the same for all.
pub(super) trait DecoderStack {
    /// How the layers see positions.
    type Places;

    /// The number of layers.
    fn num_layers(&self) -> usize;

    /// Whether rows of one text may share their memory: not where a layer joins it with the row's own positions.
    fn sharing(&self) -> Sharing {
        Sharing::Texts
    }

    /// How the layers see `keys` positions from `queries`, which they all share.
    fn places(&self, queries: Range<usize>, keys: usize, device: &Device) -> Self::Places;

    /// Keys and values that a layer makes of the encoder's states `[B, S, D]`.
    fn keys_values(&self, layer: usize, states: Tensor<3>) -> KeysValues;

    /// What the first layer makes its own of, `[B, L, D]` to the same.
    fn enter(&self, target: Tensor<3>) -> Tensor<3> {
        target
    }

    /// One layer, `[B, L, D]` to the same. `own` turns the keys and values of these positions into those of all so far.
    fn layer(
        &self,
        layer: usize,
        x: Tensor<3>,
        places: &Self::Places,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3>;

    /// Hidden states of what the last layer gives, `[B, L, D]` to the same.
    fn leave(&self, x: Tensor<3>) -> Tensor<3>;

    /// All positions of a known target at once: embeddings `[B, L, D]` to hidden states `[B, L, D]`.
    ///
    /// Padding at a target's end needs no mask, as no earlier position sees it.
    fn forward(&self, target: Tensor<3>, memory: &PaddedBatch) -> Tensor<3>
    where
        Self: Module + Sync + 'static,
        Self::Places: Send + Sync + 'static,
    {
        let [_, length, _] = target.dims();
        let places = Arc::new(self.places(0..length, length, &target.device().inner()));
        let bias = memory.attention_bias();
        let whole = recomputes(&memory.values(), self).then(|| Arc::new(self.clone()));
        let mut x = self.enter(target);
        for layer in 0..self.num_layers() {
            x = if let Some(whole) = &whole {
                let (whole, places, bias) = (Arc::clone(whole), Arc::clone(&places), bias.clone());
                recomputed([x, memory.values()], move |[x, states]| {
                    whole.read(layer, x, &places, states, &bias)
                })
            } else {
                self.read(layer, x, &places, memory.values(), &bias)
            };
        }
        self.leave(x)
    }

    /// One layer over a known target, `[B, L, D]` to the same, which reads the encoder's states `[B, S, D]`.
    fn read(
        &self,
        layer: usize,
        x: Tensor<3>,
        places: &Self::Places,
        states: Tensor<3>,
        bias: &Tensor<4>,
    ) -> Tensor<3> {
        let memory = Memory { source: self.keys_values(layer, states), bias };
        self.layer(layer, x, places, |own| own, memory)
    }

    /// The cache before the first step over `memory`.
    fn start(&self, memory: &PaddedBatch) -> DecoderCache {
        let of_layer = |layer| {
            let KeysValues { keys, values } = self.keys_values(layer, memory.values());
            KeysValues { keys: in_order(keys), values: in_order(values) }
        };
        let sources = (0..self.num_layers()).map(of_layer).collect();
        DecoderCache::new(sources, memory.attention_bias(), self.sharing())
    }

    /// The next positions of each row: embeddings `[B, n, D]` to hidden states `[B, n, D]`.
    fn step(&self, next: Tensor<3>, cache: &mut DecoderCache) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let positions = cache.len..cache.len + added;
        // Unwritten positions of the buffers lie in the future, so that what hides the future hides them too.
        let places = self.places(positions.clone(), capacity_for(positions.end), &next.device());
        let mut x = self.enter(next);
        for (layer, state) in cache.layers.iter_mut().enumerate() {
            let memory = Memory { source: state.memory.clone(), bias: &cache.memory_bias };
            x = self.layer(layer, x, &places, |own| state.own.append(own), memory);
        }
        cache.len = positions.end;
        self.leave(x)
    }
}
