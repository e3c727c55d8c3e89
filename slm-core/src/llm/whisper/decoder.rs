//! The stack of layers between the embedding and the last norm.
//!
//! Reference: transformers 5.23.0, `WhisperDecoder`. Its parts have the names that files have for them.
//! Shapes: `B` rows, `L` positions, `S` states, `D` width.

use std::ops::Range;

use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::prelude::*;
use burn::tensor::Int;

use super::config::WhisperDecoderConfig;
use crate::llm::decoder::{DecoderStack, Memory};
use crate::llm::pre_norm::PreNormLayer;
use crate::llm::visibility::causal;
use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixEmbedding;
use crate::nn::transformer::KeysValues;

/// The embedding, a table of positions, layers, and the last norm.
#[derive(Module, Debug)]
pub struct WhisperStack {
    /// The embedding, which may be the head as well.
    pub embed_tokens: MatrixEmbedding,
    /// In f32 always, a row a position.
    embed_positions: Embedding,
    layers: Vec<PreNormLayer>,
    layer_norm: LayerNorm,
    embedding_scale: f64,
}

impl WhisperDecoderConfig {
    /// Builds the stack with random weights on `device`.
    pub fn init_stack(&self, device: &Device) -> WhisperStack {
        WhisperStack {
            embed_tokens: EmbeddingConfig::new(self.vocab_size, self.d_model).init(device).into(),
            embed_positions: EmbeddingConfig::new(self.max_target_positions, self.d_model).init(device),
            layers: (0..self.decoder_layers).map(|_| self.layer().init(device)).collect(),
            layer_norm: LayerNormConfig::new(self.d_model).init(device),
            embedding_scale: if self.scale_embedding { (self.d_model as f64).sqrt() } else { 1.0 },
        }
    }
}

impl WhisperStack {
    /// What the layers read of ids `[B, L]` at these positions, `[B, L, D]`.
    ///
    /// Those past the end of the table have its last position: texts end before.
    pub(super) fn embed(&self, ids: Tensor<2, Int>, positions: Range<usize>) -> Tensor<3> {
        let table = self.embed_positions.weight.val();
        let [rows, _] = table.dims();
        let start = positions.start.min(rows.saturating_sub(positions.len()));
        let places = table.narrow(0, start, positions.len());
        self.embed_tokens.forward(ids) * self.embedding_scale + places.unsqueeze()
    }

    /// As [`DecoderStack::forward`], with how much each of `heads` (layer and head) attends to the sound,
    /// `[B, N, L, S]`. Heads that there are not are left out, and `None` stands for no head at all.
    pub(super) fn traced(
        &self,
        target: Tensor<3>,
        memory: &PaddedBatch,
        heads: &[(usize, usize)],
    ) -> (Tensor<3>, Option<Tensor<4>>) {
        let [_, length, _] = target.dims();
        let causal = self.places(0..length, length, &target.device());
        let bias = memory.attention_bias();
        let mut x = target;
        let mut traced = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let memory = Memory { source: layer.keys_values(memory.values()), bias: &bias };
            let wanted: Vec<usize> =
                heads.iter().filter(|(layer, _)| *layer == index).map(|(_, head)| *head).collect();
            if !wanted.is_empty() {
                let all = layer.attention(x.clone(), &causal, &memory);
                let [_, count, ..] = all.dims();
                let known = wanted.into_iter().filter(|&head| head < count);
                traced.extend(known.map(|head| all.clone().narrow(1, head, 1)));
            }
            x = layer.forward(x, &causal, |own| own, memory);
        }
        let traced = (!traced.is_empty()).then(|| Tensor::cat(traced, 1));
        (self.leave(x), traced)
    }
}

impl DecoderStack for WhisperStack {
    /// What hides the future, `[1, 1, L, positions]`.
    type Places = Tensor<4>;

    fn num_layers(&self) -> usize {
        self.layers.len()
    }

    fn places(&self, queries: Range<usize>, keys: usize, device: &Device) -> Self::Places {
        causal(queries, keys, device)
    }

    fn keys_values(&self, layer: usize, states: Tensor<3>) -> KeysValues {
        self.layers[layer].keys_values(states)
    }

    fn layer(
        &self,
        layer: usize,
        x: Tensor<3>,
        places: &Self::Places,
        own: impl FnOnce(KeysValues) -> KeysValues,
        memory: Memory<'_>,
    ) -> Tensor<3> {
        self.layers[layer].forward(x, places, own, memory)
    }

    fn leave(&self, x: Tensor<3>) -> Tensor<3> {
        self.layer_norm.forward(x)
    }
}
