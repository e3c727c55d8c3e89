//! What every family of language models can do.
//!
//! Shapes: `B` rows, `S` source positions, `L` target positions, `D` width, `V` vocabulary rows.

use burn::prelude::*;
use burn::tensor::Int;

use super::drafts::Drafts;
use super::shared_prompt::SharedPrompt;
use super::token_ids::TokenIds;
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// A language model of any family, with its weights.
pub(super) trait TextModel {
    /// What its config says of it.
    fn sizes(&self) -> &dyn LlmSizes;

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`.
    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch;

    /// The root mean square of what [`Self::embed`] gives.
    fn embedding_rms(&self) -> Tensor<1>;

    /// Reads embeddings `[B, S, D]` to `[B, S, D]`; once `watch` stops, to unfinished states. A decoder-only model gives
    /// them back.
    fn encode(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch;

    /// Logits `[B, L, V]` after each of the decoder's input ids `[B, L]`, the first of which stands for the place where a
    /// text begins.
    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3>;

    /// Reads ids `[1, P]` that several prompts begin with; `None` where a model does not read prompts from their beginning.
    fn read_shared(&self, _: &PaddedIds) -> Option<SharedPrompt> {
        None
    }

    /// As [`Self::decode`], of prompts that begin with `shared`, of this model, which `memory` is without.
    fn decode_behind(
        &self,
        shared: &SharedPrompt,
        memory: &PaddedBatch,
        decoder_input_ids: Tensor<2, Int>,
    ) -> Tensor<3> {
        // Those that read nothing ahead have nothing to share.
        debug_assert!(shared.is_empty());
        self.decode(memory, decoder_input_ids)
    }

    /// Texts that follow `memory` `[B, S, D]`, before their first id; once `watch` stops, of unfinished states.
    fn begin(&self, memory: &PaddedBatch, watch: &Watch) -> Drafts<'_>;
}

/// What a language model is made of, and so what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// An encoder reads a sequence that ends with its end token, and a decoder writes beside it.
    EncoderDecoder,
    /// A decoder alone goes on with its prompt.
    DecoderOnly,
}

/// What the config of a language model says of it, without its weights.
pub trait LlmSizes: std::fmt::Debug {
    /// What it is made of.
    fn architecture(&self) -> Architecture;

    /// Width `D` of the embeddings.
    fn d_model(&self) -> usize;

    /// Vocabulary rows `V`, which may exceed the tokenizer's ids.
    fn vocab_size(&self) -> usize;

    /// The ids that mean something to the model itself.
    fn ids(&self) -> TokenIds;

    /// The ids that end a text that it writes, one at least; those of `generation_config.json`, where that has some.
    fn ends(&self) -> &[u32];

    /// An estimate of the bytes that reading `source` positions and writing `target` positions in `rows` rows, beams
    /// included, holds at the peak, weights aside.
    fn working_bytes(&self, rows: usize, source: usize, target: usize) -> u64;
}

/// Bytes of a decoder's keys and values, of its own `target` positions and of `source` of memory, with the logits of
/// a step on the device and on the host.
pub(super) fn decoder_bytes(
    rows: usize,
    source: usize,
    target: usize,
    layers: usize,
    keys_width: usize,
    vocab_size: usize,
) -> u64 {
    let positions = super::cache::capacity_for(target) + source;
    // When beams are reordered, the keys and values of a layer are there twice.
    let cache = rows * positions * 2 * keys_width * (layers + 1);
    ((cache + 3 * rows * vocab_size) * size_of::<f32>()) as u64
}
