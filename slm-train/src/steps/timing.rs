//! Keeps the labels of a CTC head near the time at which they are said.
//!
//! CTC fixes the order of labels and not their time: an encoder that sees the whole utterance may emit the first words
//! all at once and the others half a second late, as the reference encoder did (median error of the start of a word
//! 0.36 s). This term asks for each label's probability around the place where it would stand if all letters were
//! equally long, from the first to the last frame with speech. That place is off by 0.08 s in the median, so it only
//! guides: the sound is what all utterances have in common, and so what the encoder learns. A label that is there in full
//! costs nothing, wherever exactly; CTC alone then decides.
//! Shapes: `B` utterances, `T` frames, `L` labels, `V` labels of the head.

use std::ops::Range;

use burn::prelude::*;
use burn::tensor::Int;
use serde::{Deserialize, Serialize};
use slm_core::models::nn::{PaddedIds, keep_mask};

/// Settings of the term.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// How far from its expected time a label may stand: the standard deviation of a Gaussian, in seconds.
    pub deviation_s: f64,
    /// What the term counts beside the CTC loss.
    pub weight: f64,
}

impl Timing {
    /// All settings that are out of range, one text each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in [("deviation_s", self.deviation_s), ("weight", self.weight)] {
            if !value.is_finite() || value <= 0.0 {
                problems.push(format!("`timing.{name}` is {value}, must be above 0"));
            }
        }
        problems
    }

    /// The sum of `-log` of each label's probability around its time, for log-probabilities `[B, T, V]`.
    ///
    /// `times` holds the expected frame of each label.
    pub fn loss(
        &self,
        log_probs: &Tensor<3>,
        targets: &PaddedIds,
        times: &[&[f32]],
        frame_seconds: f64,
    ) -> Tensor<1> {
        let [batch, frames, _] = log_probs.dims();
        let [_, labels] = targets.ids.dims();
        let device = log_probs.device();
        let deviation = self.deviation_s / frame_seconds;
        // What a label loses by its distance, [B, T, L].
        let mut penalties = Vec::with_capacity(batch * frames * labels);
        for row in times {
            for t in 0..frames {
                penalties.extend((0..labels).map(|label| {
                    let distance = row.get(label).map_or(0.0, |&time| f64::from(time) - t as f64) / deviation;
                    (-0.5 * distance * distance) as f32
                }));
            }
        }
        let penalties = Tensor::<3>::from_data(TensorData::new(penalties, [batch, frames, labels]), &device);
        let ids: Tensor<3, Int> =
            targets.ids.clone().reshape([batch, 1, labels]).expand([batch, frames, labels]);
        // [B, T, V] -> [B, T, L]
        let near = log_probs.clone().gather(2, ids) + penalties;
        let peak = near.clone().detach().max_dim(1);
        // [B, T, L] -> [B, 1, L] -> [B, L]; no more than 1 is asked for, so that holding a label gains nothing.
        let found = ((near - peak.clone()).exp().sum_dim(1).log() + peak).clamp_max(0.0);
        let found = found.reshape([batch, labels]);
        (found * keep_mask(&targets.lengths, labels, &device)).sum().neg() * self.weight
    }
}

/// The expected frame of each label: `spans` are the letters of each, spread evenly over the `speech` frames.
pub fn expected_times(letters: &[usize], speech: Range<f32>) -> Vec<f32> {
    let total: usize = letters.iter().sum();
    let scale = (speech.end - speech.start) / total.max(1) as f32;
    let mut before = 0;
    letters
        .iter()
        .map(|&count| {
            let middle = before as f32 + count as f32 / 2.0;
            before += count;
            speech.start + scale * middle
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_spread_evenly() {
        assert_eq!(expected_times(&[2, 1, 1], 10.0..18.0), [12.0, 15.0, 17.0]);
    }

    #[test]
    fn a_label_in_its_place_costs_least() {
        let device = Device::flex();
        let timing = Timing { deviation_s: 0.1, weight: 2.0 };
        let at = |frame: usize| {
            let values: Vec<f32> = (0..5)
                .flat_map(|t| if t == frame { [0.5_f32, 0.5] } else { [0.02, 0.98] })
                .map(f32::ln)
                .collect();
            let log_probs = Tensor::<3>::from_data(TensorData::new(values, [1, 5, 2]), &device);
            let targets = PaddedIds::from_rows(&[vec![0_u32]], 1, &device);
            timing.loss(&log_probs, &targets, &[&[2.0]], 0.04).into_scalar::<f32>()
        };
        assert!(at(2) < at(1) && at(1) < at(0));
        // Held in full by all frames it costs nothing, nor does it gain.
        let held = Tensor::<3>::zeros([1, 5, 2], &device);
        let targets = PaddedIds::from_rows(&[vec![0_u32]], 1, &device);
        assert!(timing.loss(&held, &targets, &[&[2.0]], 0.04).into_scalar::<f32>().abs() < 1e-6);
        // Not by much within the deviation.
        let weights = [0.08_f64, 0.04, 0.0, 0.04, 0.08].map(|d| (-0.5 * (d / 0.1_f64).powi(2)).exp());
        let expected: f64 =
            weights.iter().enumerate().map(|(t, w)| w * if t == 2 { 0.5 } else { 0.02 }).sum();
        assert!((f64::from(at(2)) + 2.0 * expected.ln()).abs() < 1e-4);
    }
}
