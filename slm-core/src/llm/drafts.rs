//! Texts that a model writes: what a search runs over, whatever the model is made of.
//!
//! Shapes: `B` rows, `V` vocabulary rows.

use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;

use super::cache::{Rows, row_index};

/// What gives the logits of the ids after the first, and remembers those before.
pub trait DraftState {
    /// Logits `[B, V]` after the last id of each row, `[B, 1]`.
    fn step(&mut self, last: Tensor<2, Int>) -> Tensor<2>;

    /// Keeps the rows of these numbers, in that order: beams that survive, or rows not yet finished.
    fn select(&mut self, rows: &[usize]);
}

/// Texts before their first id, one a row. An encoder-decoder has read its start token, a decoder-only model its prompt.
pub struct Drafts<'a> {
    /// Logits `[B, V]` of each row's first id.
    pub first: Tensor<2>,
    /// What gives those of the ids after it.
    pub state: Box<dyn DraftState + 'a>,
    /// The ids that every text begins with, though nobody chose them: the start token of an encoder-decoder.
    pub start: Vec<u32>,
    /// The ids that end a text, one at least.
    pub ends: &'a [u32],
}

impl Drafts<'_> {
    /// The same texts as `other` begins too, which are read in both ways: their logits are the mean of the logs of both
    /// probabilities, in which those of `other` count `weight`, from 0 to 1.
    #[must_use]
    pub fn mixed_with(self, other: Self, weight: f64) -> Self {
        let first = weighted(self.first, other.first, weight);
        let state = Box::new(Mixed { own: self.state, other: other.state, weight });
        Self { first, state, start: self.start, ends: self.ends }
    }

    /// The number of texts.
    pub fn rows(&self) -> usize {
        let [rows, _] = self.first.dims();
        rows
    }

    /// Every text `count` times, one after the other.
    #[must_use]
    pub fn repeated(mut self, count: usize) -> Self {
        let rows: Vec<usize> = (0..self.rows()).flat_map(|row| std::iter::repeat_n(row, count)).collect();
        self.state.select(&rows);
        let index = row_index(&rows, &self.first.device());
        self.first = self.first.select(0, index);
        self
    }
}

impl std::fmt::Debug for Drafts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, start, ends) = (self.rows(), &self.start, &self.ends);
        f.debug_struct("Drafts")
            .field("rows", &rows)
            .field("start", start)
            .field("ends", ends)
            .finish_non_exhaustive()
    }
}

/// Texts that are read in two ways.
struct Mixed<'a> {
    own: Box<dyn DraftState + 'a>,
    other: Box<dyn DraftState + 'a>,
    weight: f64,
}

impl DraftState for Mixed<'_> {
    fn step(&mut self, last: Tensor<2, Int>) -> Tensor<2> {
        weighted(self.own.step(last.clone()), self.other.step(last), self.weight)
    }

    fn select(&mut self, rows: &[usize]) {
        self.own.select(rows);
        self.other.select(rows);
    }
}

/// The mean of the logs of two probabilities, `[B, V]` each, before the softmax; `weight` is that of the second.
fn weighted(one: Tensor<2>, other: Tensor<2>, weight: f64) -> Tensor<2> {
    log_softmax(one, 1) * (1.0 - weight) + log_softmax(other, 1) * weight
}

/// A model that writes a token at a time beside a cache.
pub(super) trait Stepping {
    /// What it keeps between steps.
    type Cache: Rows + 'static;

    /// Logits `[B, V]` after the last id of each row, `[B, 1]`.
    fn step(&self, last: Tensor<2, Int>, cache: &mut Self::Cache) -> Tensor<2>;
}

/// A model and its cache.
struct Writing<'a, M: Stepping> {
    model: &'a M,
    cache: M::Cache,
    /// How many texts there are.
    rows: usize,
}

impl<M: Stepping> DraftState for Writing<'_, M> {
    fn step(&mut self, last: Tensor<2, Int>) -> Tensor<2> {
        self.model.step(last, &mut self.cache)
    }

    fn select(&mut self, rows: &[usize]) {
        // All in their places: nothing moves.
        if rows.len() != self.rows || rows.iter().enumerate().any(|(place, &row)| place != row) {
            self.cache.select(rows);
            self.rows = rows.len();
        }
    }
}

/// The texts of an encoder-decoder, which begin with its `start` token. `cache` has a row for each of `rows`.
pub(super) fn after_start<'a, M: Stepping>(
    model: &'a M,
    mut cache: M::Cache,
    rows: usize,
    start: u32,
    ends: &'a [u32],
    device: &Device,
) -> Drafts<'a> {
    let ids = TensorData::new(vec![i64::from(start); rows], [rows, 1]);
    let first = model.step(Tensor::from_data(ids, device), &mut cache);
    Drafts { first, state: Box::new(Writing { model, cache, rows }), start: vec![start], ends }
}

/// The texts of a decoder-only model, whose `cache` holds what they follow.
pub(super) fn after_prompt<'a, M: Stepping>(
    model: &'a M,
    cache: M::Cache,
    first: Tensor<2>,
    ends: &'a [u32],
) -> Drafts<'a> {
    let [rows, _] = first.dims();
    Drafts { first, state: Box::new(Writing { model, cache, rows }), start: Vec::new(), ends }
}
