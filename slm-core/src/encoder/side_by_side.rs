//! The states of several layers of an encoder, side by side.
//!
//! A layer is named by how many blocks it is behind: 0 is what the first block reads. Those of the last layer, as the encoder
//! gives them without others, come last.
//! Shapes: `B` utterances, `T` states, `E` their width, `n` layers beside the last.

use std::collections::BTreeSet;

use burn::prelude::*;

use super::model::EncoderSizes;
use crate::nn::PaddedBatch;

/// What is kept while the blocks of an encoder run.
#[derive(Debug)]
pub(super) struct SideBySide<'a> {
    wanted: &'a BTreeSet<usize>,
    states: Vec<Tensor<3>>,
}

impl<'a> SideBySide<'a> {
    /// Keeps the layers `wanted`.
    pub(super) fn new(wanted: &'a BTreeSet<usize>) -> Self {
        Self { wanted, states: Vec::with_capacity(wanted.len() + 1) }
    }

    /// Is shown the states `[B, T, E]` behind so many blocks, in ascending order.
    pub(super) fn see(&mut self, behind: usize, states: Tensor<3>) {
        if self.wanted.contains(&behind) {
            self.states.push(states);
        }
    }

    /// What was kept and the `last` states: n + 1 of `[B, T, E]` to `[B, T, (n + 1) * E]`.
    pub(super) fn with(mut self, last: PaddedBatch) -> PaddedBatch {
        if self.states.is_empty() {
            return last;
        }
        self.states.push(last.values());
        last.with_values(Tensor::cat(self.states, 2))
    }
}

/// What keeps an encoder from giving the states of the layers `wanted` beside its last ones, as a text.
pub fn layers_problem(encoder: &dyn EncoderSizes, wanted: &BTreeSet<usize>) -> Option<String> {
    let last = *wanted.last()?;
    match encoder.equal_layers() {
        None => Some(
            "adapter `encoder_layers` needs layers whose states are as many and as wide as the last ones, the encoder's \
             are not"
                .to_owned(),
        ),
        Some(blocks) if last > blocks => {
            Some(format!("adapter `encoder_layers` has {last}, the encoder has {blocks} blocks"))
        }
        Some(_) => None,
    }
}
