//! What the CTC head says of each frame, and the host-side form in which encoder outputs are kept.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*. Labels other than the blank are
//! pieces of text; a run of the same label counts once.

use burn::prelude::*;

use super::posteriors::CtcPosteriors;
use crate::batch::PaddedBatch;

/// The CTC head's best guess for one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CtcFrame {
    /// The most probable label.
    pub label: u32,
    /// Its probability.
    pub probability: f32,
    /// The probability of the blank.
    pub blank: f32,
}

/// The encoder's output for one utterance, on the host: small, storable, the same for every backend.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedSpeech {
    /// Hidden states, row-major `[T', E]`.
    pub states: Vec<f32>,
    /// Width `E`.
    pub width: usize,
    /// One entry a state; empty when the encoder has no CTC head.
    pub ctc: Vec<CtcFrame>,
    /// The blank label.
    pub blank: u32,
}

impl EncodedSpeech {
    /// The number of states, `T'`.
    pub fn len(&self) -> usize {
        self.states.len() / self.width.max(1)
    }

    /// Whether there is no state.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// State `t`, of `E` values.
    pub fn state(&self, t: usize) -> &[f32] {
        &self.states[t * self.width..(t + 1) * self.width]
    }

    /// The labels heard: best label of each frame, runs merged, blanks dropped.
    pub fn ctc_labels(&self) -> Vec<u32> {
        collapse(self.ctc.iter().map(|frame| frame.label), self.blank)
    }
}

/// Merges runs of the same label, then drops blanks.
pub fn collapse(labels: impl IntoIterator<Item = u32>, blank: u32) -> Vec<u32> {
    let mut last = None;
    let mut kept = Vec::new();
    for label in labels {
        if last != Some(label) && label != blank {
            kept.push(label);
        }
        last = Some(label);
    }
    kept
}

/// Why a tensor could not be read back from its device.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the encoder's output from the device: {0}")]
pub struct ReadBackError(pub String);

/// What an encoder makes of one utterance: its states, and all that its CTC head says, where it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The states, with the head's best guesses.
    pub speech: EncodedSpeech,
    /// The probabilities of all labels; `None` without a CTC head.
    pub posteriors: Option<CtcPosteriors>,
}

impl Heard {
    /// Reads states `[B, T', E]` and the CTC head's log-probabilities `[B, T', V]`, where there is one, back from
    /// their device: one entry a row, without padding.
    ///
    /// # Errors
    ///
    /// [`ReadBackError`] when the device fails.
    pub fn read_back(
        states: &PaddedBatch,
        log_probs: Option<Tensor<3>>,
        blank: usize,
    ) -> Result<Vec<Self>, ReadBackError> {
        let values = |tensor: Tensor<3>| {
            tensor.try_into_vec_as::<f32>().map_err(|error| ReadBackError(error.to_string()))
        };
        let [_, time, width] = states.dims();
        let labels = log_probs.as_ref().map_or(0, |tensor| tensor.dims()[2]);
        let log_probs = log_probs.map(values).transpose()?;
        let states_values = values(states.values())?;
        let blank = blank as u32;
        Ok(states
            .lengths()
            .iter()
            .enumerate()
            .map(|(row, &length)| {
                let start = row * time;
                let posteriors = log_probs.as_ref().map(|log_probs| {
                    let rows = log_probs[start * labels..(start + length) * labels].to_vec();
                    CtcPosteriors::new(rows, labels, blank)
                });
                let states = states_values[start * width..(start + length) * width].to_vec();
                let ctc = posteriors.as_ref().map(CtcPosteriors::best_frames).unwrap_or_default();
                Self { speech: EncodedSpeech { states, width, ctc, blank }, posteriors }
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_merge_and_blanks_part_them() {
        assert_eq!(collapse([9, 1, 1, 9, 1, 2, 2, 9], 9), [1, 1, 2]);
        assert_eq!(collapse([9, 9], 9), [] as [u32; 0]);
    }
}
