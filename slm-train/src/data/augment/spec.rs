//! SpecAugment: bands of mel bins and stretches of frames are set to the mean, which is 0; and frequencies are
//! scaled, as a longer or shorter vocal tract does.
//!
//! Papers: arXiv 1904.08779, with the share-of-length time masks of its section 2 for adaptive masking; "Vocal Tract
//! Length Perturbation (VTLP) improves speech recognition", Jaitly and Hinton, 2013.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// How much is masked and scaled.
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
    /// Greatest scaling of the frequencies: with 0.1 they are multiplied by 0.9 to 1.1, the same for an utterance.
    pub warp: f64,
}

impl Default for SpecAugment {
    fn default() -> Self {
        Self { frequency_masks: 2, frequency_width: 15, time_masks: 2, time_share: 0.05, warp: 0.0 }
    }
}

impl SpecAugment {
    /// What is out of range of the settings, which stand under `name`.
    pub fn problems(&self, name: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if !(0.0..1.0).contains(&self.warp) {
            problems.push(format!("`{name}.warp` is {}, must be 0 to below 1", self.warp));
        }
        if !(0.0..=1.0).contains(&self.time_share) {
            problems.push(format!("`{name}.time_share` is {}, must be 0 to 1", self.time_share));
        }
        problems
    }

    /// Scales and masks `values`, row-major `[frames, bins]`, in place.
    pub fn apply<R: Rng>(self, values: &mut [f32], bins: usize, rng: &mut R) {
        let frames = values.len() / bins;
        if self.warp > 0.0 {
            warp(values, bins, rng.random_range(1.0 - self.warp..=1.0 + self.warp));
        }
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

/// Moves what stands at a frequency to `factor` times that frequency.
///
/// Slaney's mel scale is linear up to 1 kHz, a third of the bins when they end at 8 kHz, and logarithmic above, where a
/// scaled frequency is a shifted bin. Bins that would come from beyond an end repeat the last one.
fn warp(values: &mut [f32], bins: usize, factor: f64) {
    let knee = bins as f64 / 3.0;
    let sources: Vec<(usize, f32)> = (0..bins)
        .map(|bin| {
            let bin = bin as f64;
            let source = if bin < knee * factor { bin / factor } else { bin - knee * (factor - 1.0) };
            let source = source.clamp(0.0, (bins - 1) as f64);
            let below = (source as usize).min(bins.saturating_sub(2));
            (below, (source - below as f64) as f32)
        })
        .collect();
    let mut old = vec![0.0; bins];
    for frame in values.chunks_exact_mut(bins) {
        old.copy_from_slice(frame);
        for (value, &(below, part)) in frame.iter_mut().zip(&sources) {
            let above = old[(below + 1).min(bins - 1)];
            *value = old[below] + part * (above - old[below]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with one peak, at `bin`.
    fn peak(bin: usize) -> Vec<f32> {
        (0..80).map(|i| if i == bin { 1.0 } else { 0.0 }).collect()
    }

    /// The centre of mass.
    fn centre(values: &[f32]) -> f64 {
        let sum: f32 = values.iter().sum();
        values.iter().enumerate().map(|(i, &value)| i as f64 * f64::from(value)).sum::<f64>() / f64::from(sum)
    }

    #[test]
    fn a_warp_of_one_changes_nothing() {
        let mut values: Vec<f32> = (0..160).map(|i| (i as f32).sin()).collect();
        let before = values.clone();
        warp(&mut values, 80, 1.0);
        assert_eq!(values, before);
    }

    #[test]
    fn frequencies_are_scaled() {
        for factor in [0.85, 1.15] {
            // 500 Hz is bin 13; scaled it stays below 1 kHz.
            let mut low = peak(13);
            warp(&mut low, 80, factor);
            assert!((centre(&low) - 13.0 * factor).abs() < 0.6, "{factor}: {}", centre(&low));
            // A shift above: by ln(factor) / (ln(6.4) / 27) mels, 80 bins being 45.2 mels.
            let mut high = peak(50);
            warp(&mut high, 80, factor);
            let shift = factor.ln() / (6.4_f64.ln() / 27.0) * 80.0 / 45.245;
            assert!((centre(&high) - 50.0 - shift).abs() < 0.7, "{factor}: {}", centre(&high));
        }
    }
}
