//! What every family of speech encoders can do.
//!
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `E`, `V` labels.

use std::collections::BTreeSet;

use burn::prelude::*;

use crate::nn::{PaddedBatch, Watch};

/// An encoder of any family, with its weights.
pub(super) trait EncoderModel {
    /// Features `[B, T, M]` to states `[B, T', E]`; once `watch` stops, to unfinished ones, maybe fewer.
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch;

    /// The CTC head's matrix `[V, E]` and bias `[V]`; `None` without a head.
    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)>;

    /// What its config says of it.
    fn sizes(&self) -> &dyn EncoderSizes;

    /// The layers whose states are given beside the last ones, to be set; `None` where the family does not do it.
    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        None
    }
}

/// What the config of an encoder says of it, without its weights.
pub trait EncoderSizes: std::fmt::Debug + Send + Sync {
    /// Width `M` of the features that it reads.
    fn input_width(&self) -> usize;

    /// Width `E` of the states.
    fn output_width(&self) -> usize;

    /// The blank label of the CTC head, where there is a head.
    fn blank(&self) -> usize;

    /// What says what the labels of the CTC head spell, where there is a head.
    fn spelling(&self) -> Spelling {
        Spelling::Tokenizer
    }

    /// From which [doubt](crate::ctc::CtcPosteriors::doubt) of the CTC head on a sound counts as no speech, where the config says it.
    fn no_speech_threshold(&self) -> Option<f64> {
        None
    }

    /// Frames `T` of the input for each state: its rate over that of the states.
    fn stride(&self) -> usize;

    /// The number of blocks, where the states behind all of them are as many and as wide as the last ones, and can be
    /// [given beside them](super::SpeechEncoder::with_layers).
    fn equal_layers(&self) -> Option<usize> {
        None
    }

    /// An estimate of the bytes that a forward pass over `rows` utterances of `frames` feature frames, and what its CTC
    /// head says of them, hold at the peak, weights aside.
    ///
    /// It counts the tensors in f32 that are there at the same time on a backend that computes one operation after the
    /// other and frees what is no longer used. Backends that keep freed memory for later hold more.
    fn working_bytes(&self, rows: usize, frames: usize) -> u64;
}

/// What says what the labels of a CTC head spell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// The tokenizer in the folder.
    Tokenizer,
    /// Nothing in the folder: of so many labels each is the number of a character. The tokenizer is another model's.
    CodePoints(usize),
}

/// Bytes of a pass that holds each of `phases`, counted in f32 values, one after the other.
pub(super) fn peak_bytes(phases: &[f64]) -> u64 {
    let values = phases.iter().copied().fold(0.0, f64::max);
    (size_of::<f32>() as f64 * values) as u64
}

/// Values of states of `width` values and of what a CTC head says of them: scores of `labels` labels, their
/// logarithms as probabilities, and those on the host.
pub(super) fn output_values(states: f64, width: usize, labels: usize) -> f64 {
    states * (2.0 * width as f64 + 4.0 * labels as f64)
}

/// Stands for the states of `features` where the work ended before there were any: a state of zeros a row, `[B, 1, E]`.
pub(super) fn unfinished(features: &PaddedBatch, width: usize) -> PaddedBatch {
    let rows = features.lengths().len();
    PaddedBatch::new(Tensor::zeros([rows, 1, width], &features.values().device()), vec![1; rows])
}
