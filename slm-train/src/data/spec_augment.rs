//! SpecAugment: bands of mel bins and stretches of frames are set to the mean, which is 0.
//!
//! Paper: arXiv 1904.08779, with the share-of-length time masks of its section 2 for adaptive masking.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// How much is masked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpecAugment {
    /// Bands of bins.
    pub frequency_masks: usize,
    /// Widest band, in bins.
    pub frequency_width: usize,
    /// Stretches of frames.
    pub time_masks: usize,
    /// Longest stretch, as a share of the utterance.
    pub time_share: f64,
}

impl Default for SpecAugment {
    fn default() -> Self {
        Self { frequency_masks: 2, frequency_width: 15, time_masks: 2, time_share: 0.05 }
    }
}

impl SpecAugment {
    /// Masks `values`, row-major `[frames, bins]`, in place.
    pub fn apply<R: Rng>(self, values: &mut [f32], bins: usize, rng: &mut R) {
        let frames = values.len() / bins;
        for _ in 0..self.frequency_masks {
            let width = rng.random_range(0..=self.frequency_width.min(bins));
            let first = rng.random_range(0..=bins - width);
            for frame in values.chunks_exact_mut(bins) {
                frame[first..first + width].fill(0.0);
            }
        }
        let longest = (frames as f64 * self.time_share) as usize;
        for _ in 0..self.time_masks {
            let length = rng.random_range(0..=longest.min(frames));
            let first = rng.random_range(0..=frames - length);
            values[first * bins..(first + length) * bins].fill(0.0);
        }
    }
}
