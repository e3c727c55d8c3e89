//! The stack of layers between the embedding and the last norm.
//!
//! Reference: transformers 5.23.0, `CanaryDecoderModel` and `CohereAsrDecoder`.
//! Shapes: `B` rows, `L` positions, `S` states, `D` width.

use std::ops::Range;

use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::prelude::*;
use burn::tensor::Int;

use super::config::{PositionTable, SpeechDecoderConfig};
use super::sinusoids::sinusoids;
use crate::llm::decoder::{DecoderStack, Memory};
use crate::llm::pre_norm::PreNormLayer;
use crate::llm::visibility::causal;
use crate::nn::matrix::MatrixEmbedding;
use crate::nn::transformer::KeysValues;

/// The embedding with its norm, layers, and the last norm.
#[derive(Module, Debug)]
pub struct SpeechDecoderStack {
    /// The embedding, which may be the head as well.
    pub embed_tokens: MatrixEmbedding,
    /// In f32 always, a row a position; `None` where positions are computed.
    positions: Option<Embedding>,
    embedding_layernorm: LayerNorm,
    layers: Vec<PreNormLayer>,
    norm: LayerNorm,
}

impl SpeechDecoderConfig {
    /// Builds the stack with random weights on `device`.
    pub fn init_stack(&self, device: &Device) -> SpeechDecoderStack {
        let norm = || LayerNormConfig::new(self.width).init(device);
        SpeechDecoderStack {
            embed_tokens: EmbeddingConfig::new(self.vocab_size, self.width).init(device).into(),
            positions: (self.positions == PositionTable::Read)
                .then(|| EmbeddingConfig::new(self.max_positions, self.width).init(device)),
            embedding_layernorm: norm(),
            layers: (0..self.layers).map(|_| self.layer().init(device)).collect(),
            norm: norm(),
        }
    }
}

impl SpeechDecoderStack {
    /// What the layers read of ids `[B, L]` at these positions, `[B, L, D]`.
    ///
    /// Those past the end of a table have its last position: texts end before.
    pub(super) fn embed(&self, ids: Tensor<2, Int>, positions: Range<usize>) -> Tensor<3> {
        let tokens = self.embed_tokens.forward(ids);
        let [_, _, width] = tokens.dims();
        let places = match &self.positions {
            Some(table) => {
                let table = table.weight.val();
                let [rows, _] = table.dims();
                let start = positions.start.min(rows.saturating_sub(positions.len()));
                table.narrow(0, start, positions.len())
            }
            None => sinusoids(positions, width, &tokens.device()),
        };
        self.embedding_layernorm.forward(tokens + places.unsqueeze())
    }
}

impl DecoderStack for SpeechDecoderStack {
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
        self.norm.forward(x)
    }
}
