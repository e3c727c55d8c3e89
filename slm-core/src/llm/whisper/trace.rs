//! A text that is known, read again beside its sound: how probable its tokens are, and where they look.
//!
//! Paper: arXiv 2212.04356; that some heads of the attention to the sound follow it in time is known from its authors'
//! code. Reference: transformers 5.23.0, `_extract_token_timestamps`.
//! Shapes: `L` tokens, `S` states, `N` heads, `V` vocabulary rows.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::model::WhisperDecoder;
use crate::checkpoint::tensors::Cause;
use crate::nn::{PaddedBatch, PaddedIds};

/// What a text looks like from within.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The log-probability of each token after the first, given those before it.
    pub log_probs: Vec<f32>,
    /// That of the ids asked for as the second token.
    pub second: Vec<f32>,
    /// How much each token attends to each state, head by head, `[N, L, S]`.
    pub attention: Vec<f32>,
    /// Heads, tokens and states of `attention`.
    pub dims: [usize; 3],
}

impl WhisperDecoder {
    /// Reads `ids`, which begin with what begins the text, beside the states of one sound, `[1, S, D]`. `heads` are those
    /// whose attention is wanted (layer and head), `second` ids whose probability as the second token is.
    ///
    /// # Errors
    ///
    /// What the backend says, where the device fails.
    pub fn trace(
        &self,
        memory: &PaddedBatch,
        ids: &[u32],
        heads: &[(usize, usize)],
        second: &[u32],
    ) -> Result<Trace, Cause> {
        let length = ids.len();
        let device = self.device();
        let rows = PaddedIds::from_rows(&[ids], 0, &device).ids;
        let (states, attention) =
            self.decoder.traced(self.decoder.embed(rows.clone(), 0..length), memory, heads);
        // [1, L, D] -> [1, L, V]
        let log_probs = log_softmax(self.logits(states), 2);
        let read = |tensor: Tensor<3>| tensor.try_into_vec_as::<f32>();
        let asked =
            second.iter().map(|&id| log_probs.clone().slice([0..1, 0..1, id as usize..id as usize + 1]));
        let asked: Vec<Tensor<3>> = asked.collect();
        let second = if asked.is_empty() { Vec::new() } else { read(Tensor::cat(asked, 2))? };
        let next: Tensor<3, Int> = rows.narrow(1, 1, length - 1).unsqueeze_dim(2);
        // [1, L, V] -> [1, L - 1, 1]
        let log_probs = read(log_probs.narrow(1, 0, length - 1).gather(2, next))?;
        let Some(attention) = attention else {
            return Ok(Trace { log_probs, second, attention: Vec::new(), dims: [0, length, 0] });
        };
        let [_, heads, tokens, states] = attention.dims();
        let attention = read(attention.squeeze_dim(0))?;
        Ok(Trace { log_probs, second, attention, dims: [heads, tokens, states] })
    }
}
