//! One decoding step: the last ids in, the logits of every row out, on the host.

use burn::prelude::*;
use burn::tensor::Int;

use super::{DecodeConfig, DecodeError};
use crate::batch::PaddedBatch;
use crate::llm::{DecoderCache, LanguageModel};

/// The model with its cache, and what must not be chosen.
pub(super) struct Stepper<'a> {
    model: &'a LanguageModel,
    cache: DecoderCache,
    device: Device,
    config: &'a DecodeConfig,
    step: usize,
}

/// The logits of one step, `[B, V]`; what must not be chosen is `-inf`.
pub(super) struct StepLogits {
    values: Vec<f32>,
    width: usize,
    /// `ln(sum(exp(logits)))` of each row, over the whole vocabulary.
    normalisers: Vec<f64>,
}

impl<'a> Stepper<'a> {
    /// Before the first step, one row for each of `memory`.
    pub(super) fn new(model: &'a LanguageModel, memory: &PaddedBatch, config: &'a DecodeConfig) -> Self {
        Self { model, cache: model.start(memory), device: memory.values().device(), config, step: 0 }
    }

    /// The id that every row starts from.
    pub(super) fn start_id(&self) -> u32 {
        self.model.ids().decoder_start
    }

    /// Feeds the last id of each row and reads the logits back.
    pub(super) fn advance(&mut self, last: &[u32]) -> Result<StepLogits, DecodeError> {
        let step = self.step;
        let ids: Vec<i64> = last.iter().copied().map(i64::from).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [last.len(), 1]), &self.device);
        let logits = self.model.step(ids, &mut self.cache);
        let [_, width] = logits.dims();
        let values = logits
            .try_into_vec_as::<f32>()
            .map_err(|error| DecodeError::ReadBack { step, reason: error.to_string() })?;
        self.step += 1;

        let mut logits =
            StepLogits { normalisers: values.chunks_exact(width).map(log_sum_exp).collect(), values, width };
        if let Some(row) = logits.normalisers.iter().position(|n| !n.is_finite()) {
            return Err(DecodeError::NonFinite { step, row });
        }
        let limit = self.config.vocab_limit.unwrap_or(width).min(width);
        let ruled_out = if step < self.config.min_new_tokens { self.model.ends() } else { &[] };
        for row in logits.values.chunks_exact_mut(width) {
            row[limit..].fill(f32::NEG_INFINITY);
            for &end in ruled_out {
                row[end as usize] = f32::NEG_INFINITY;
            }
        }
        Ok(logits)
    }

    /// Keeps the rows named by `index`, in that order, for the steps to come.
    pub(super) fn select(&mut self, index: &[usize]) {
        self.cache.select(index);
    }
}

impl StepLogits {
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

/// `ln(sum(exp(x)))`; NaN or infinite when a logit is NaN or `+inf`, or all are `-inf`.
fn log_sum_exp(logits: &[f32]) -> f64 {
    if logits.iter().any(|logit| logit.is_nan()) {
        return f64::NAN;
    }
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
    max + sum.ln()
}
