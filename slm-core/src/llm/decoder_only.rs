//! A model that is a decoder alone: it reads its prompt and what it has written by the same layers.
//!
//! Shapes: `B` rows, `S` positions of what it reads, `L` of a text, `D` width, `V` vocabulary rows.

use burn::prelude::*;
use burn::tensor::Int;

use super::drafts::{Drafts, Stepping, after_prompt};
use super::prompt_cache::PromptCache;
use crate::nn::{PaddedBatch, Watch};

/// What a family says of its layers; how prompts are read and texts written is the same for all.
pub(super) trait DecoderOnly {
    /// The number of layers.
    fn depth(&self) -> usize;

    /// Embeddings of ids, `[B, L]` to `[B, L, D]`, as the layers read them.
    fn lookup(&self, ids: Tensor<2, Int>) -> Tensor<3>;

    /// Hidden states of the last of the next positions of each row, `[B, n, D]` to `[B, 1, D]`; once `watch` stops, they
    /// are unfinished.
    fn next_states(&self, next: Tensor<3>, cache: &mut PromptCache, watch: &Watch) -> Tensor<3>;

    /// Logits of hidden states, `[B, S, D]` to `[B, S, V]`.
    fn logits_of(&self, states: Tensor<3>) -> Tensor<3>;

    /// Logits `[B, L, V]` after `memory` and each of the ids `[B, L]`, the first of which stands for the end of the prompt.
    /// `states` gives the hidden states of all positions, `[B, S, D]` to the same.
    fn decode_through(
        &self,
        memory: &PaddedBatch,
        ids: Tensor<2, Int>,
        states: impl FnOnce(&PaddedBatch) -> PaddedBatch,
    ) -> Tensor<3> {
        let [batch, length] = ids.dims();
        let inputs = if length > 1 {
            let written = self.lookup(ids.narrow(1, 1, length - 1));
            memory.join(&PaddedBatch::new(written, vec![length - 1; batch]))
        } else {
            memory.clone()
        };
        let ends: Vec<usize> = memory.lengths().iter().map(|length| length - 1).collect();
        // [B, S + L - 1, D] -> [B, L, D] -> [B, L, V]
        self.logits_of(states(&inputs).values_from(&ends, length))
    }

    /// Texts that follow `memory` `[B, S, D]`, which is read into a new cache.
    fn begin_after<'a>(&'a self, memory: &PaddedBatch, watch: &Watch, ends: &'a [u32]) -> Drafts<'a>
    where
        Self: Sized,
    {
        let x = memory.values_at_end();
        let [_, length, _] = x.dims();
        let mut cache = PromptCache::new(self.depth(), memory.lengths(), length, &x.device());
        let states = self.next_states(x, &mut cache, watch);
        after_prompt(self, cache, self.logits_of(states).squeeze_dim(1), ends)
    }
}

impl<M: DecoderOnly> Stepping for M {
    type Cache = PromptCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut PromptCache) -> Tensor<2> {
        // [B, 1] -> [B, 1, D] -> [B, 1, V] -> [B, V]
        let states = self.next_states(self.lookup(last), cache, &Watch::default());
        self.logits_of(states).squeeze_dim(1)
    }
}
