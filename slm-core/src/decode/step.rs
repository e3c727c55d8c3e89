//! One decoding step: the last ids in, the logits of every row out, on the host.
//!
//! Shapes: `B` rows, `V` vocabulary rows.

use burn::prelude::*;

use super::error::DecodeError;
use crate::llm::{DraftState, Drafts};
use crate::nn::host::log_sum_exp;

/// Texts that are being written.
pub(super) struct Stepper<'a> {
    state: Box<dyn DraftState + 'a>,
    /// What the first step has, which is known before it.
    first: Option<Tensor<2>>,
    device: Device,
    step: usize,
}

/// The logits of one step, `[B, V]`.
#[derive(Debug)]
pub(super) struct StepLogits {
    values: Vec<f32>,
    width: usize,
    /// `ln(sum(exp(logits)))` of each row, over the whole vocabulary, as the model gave them.
    normalisers: Vec<f64>,
}

impl<'a> Stepper<'a> {
    /// Before the first step.
    pub(super) fn new(drafts: Drafts<'a>) -> Self {
        let device = drafts.first.device();
        Self { state: drafts.state, first: Some(drafts.first), device, step: 0 }
    }

    /// Feeds the last id of each row, which before the first step there is none of, and reads the logits back.
    pub(super) fn advance(&mut self, last: &[u32]) -> Result<StepLogits, DecodeError> {
        let step = self.step;
        let logits = self.first.take().unwrap_or_else(|| {
            let ids: Vec<i64> = last.iter().copied().map(i64::from).collect();
            // [B, 1] -> [B, V]
            self.state.step(Tensor::from_data(TensorData::new(ids, [last.len(), 1]), &self.device))
        });
        let [_, width] = logits.dims();
        let values = logits
            .try_into_vec_as::<f32>()
            .map_err(|error| DecodeError::ReadBack { step, source: error.into() })?;
        self.step += 1;
        let logits = StepLogits::new(values, width);
        match logits.normalisers.iter().position(|normaliser| !normaliser.is_finite()) {
            Some(row) => Err(DecodeError::NonFinite { step, row }),
            None => Ok(logits),
        }
    }

    /// Keeps the rows of these numbers, in that order, for the steps to come.
    pub(super) fn select(&mut self, rows: &[usize]) {
        self.state.select(rows);
    }
}

impl StepLogits {
    /// Takes rows of `width` logits.
    pub(super) fn new(values: Vec<f32>, width: usize) -> Self {
        Self { normalisers: values.chunks_exact(width).map(log_sum_exp).collect(), values, width }
    }

    /// The logits of a row, by id.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// The same, to be changed.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.width..(row + 1) * self.width]
    }

    /// What turns a logit of `row` into a log-probability when it is subtracted.
    pub(super) fn normaliser(&self, row: usize) -> f64 {
        self.normalisers[row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisers_are_finite_where_a_probability_is_defined() {
        let out = f32::NEG_INFINITY;
        let logits = StepLogits::new(vec![0.0, out, 1.0, f32::NAN, out, out, f32::INFINITY, 0.0], 2);
        assert!(logits.normaliser(0).abs() < 1e-12);
        assert!((1..4).all(|row| !logits.normaliser(row).is_finite()));
        let large = StepLogits::new(vec![1e30, 1e30], 2);
        assert!((large.normaliser(0) - f64::from(1e30_f32)).abs() < 1e20);
    }
}
