//! Rotary positions and how they are stretched over more positions than a model was trained on first.
//!
//! Reference: transformers 5.23.0, `modeling_rope_utils.py`.

use std::f64::consts::TAU;
use std::ops::Range;

use burn::prelude::*;

use crate::nn::rotary::{Rotation, frequencies};

/// Rotary positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Base of the wavelengths.
    pub theta: f64,
    /// How they are stretched.
    pub scaling: RopeScaling,
}

/// How rotary positions are stretched.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All positions are divided by a factor (arXiv 2306.15595).
    Linear {
        /// What they are divided by.
        factor: f64,
    },
    /// As in Llama 3.1: long wavelengths are divided by a factor, short ones stay, those between are blended.
    Llama3 {
        /// What long wavelengths are divided by.
        factor: f64,
        /// The trained length in the longest wavelengths that are divided by less than the factor.
        low_freq_factor: f64,
        /// The trained length in the longest wavelengths that stay.
        high_freq_factor: f64,
        /// Positions that the model was trained on first.
        trained: f64,
    },
}

impl Rope {
    /// The rotation of `positions` in heads of width `head_dim`.
    pub fn rotation(&self, positions: Range<usize>, head_dim: usize, device: &Device) -> Rotation {
        let frequencies: Vec<f64> =
            frequencies(self.theta, head_dim).map(|frequency| self.scaling.stretch(frequency)).collect();
        Rotation::of_frequencies(&frequencies, positions, device)
    }

    /// What is out of range, one text each.
    pub(super) fn problems(&self) -> Vec<String> {
        let RopeScaling::Llama3 { low_freq_factor, high_freq_factor, trained, .. } = self.scaling else {
            return positive([("rope_theta", self.theta), ("rope factor", self.scaling.factor())]);
        };
        let mut problems = positive([
            ("rope_theta", self.theta),
            ("rope factor", self.scaling.factor()),
            ("low_freq_factor", low_freq_factor),
            ("high_freq_factor", high_freq_factor),
            ("original_max_position_embeddings", trained),
        ]);
        if high_freq_factor <= low_freq_factor {
            problems.push(format!(
                "`high_freq_factor` {high_freq_factor} is not above `low_freq_factor` {low_freq_factor}"
            ));
        }
        problems
    }
}

impl RopeScaling {
    /// The factor that positions are divided by at most.
    fn factor(self) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Linear { factor } | Self::Llama3 { factor, .. } => factor,
        }
    }

    /// What becomes of a frequency.
    pub(super) fn stretch(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low_freq_factor, high_freq_factor, trained } => {
                // How often the wave fits into the trained length decides: 0 for divided, 1 for kept.
                let periods = trained * frequency / TAU;
                let kept = (periods - low_freq_factor) / (high_freq_factor - low_freq_factor);
                let kept = kept.clamp(0.0, 1.0);
                (1.0 - kept) * frequency / factor + kept * frequency
            }
        }
    }
}

/// The fields that are not positive numbers, one text each.
pub(super) fn positive<const N: usize>(fields: [(&str, f64); N]) -> Vec<String> {
    let wrong = fields.into_iter().filter(|(_, value)| !(value.is_finite() && *value > 0.0));
    wrong.map(|(field, value)| format!("`{field}` {value} is not a positive number")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `ROPE_INIT_FUNCTIONS["llama3"]` of transformers 5.23.0 says: two waves are kept, one is blended, one divided.
    const EXPECTED: [f64; 4] = [1.0, 0.427_287_012, 0.068_600_706_8, 0.009_751_447_48];

    #[test]
    fn llama3_divides_long_waves_and_keeps_short_ones() {
        let scaling =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, trained: 64.0 };
        let found: Vec<f64> = frequencies(30.0, 8).map(|frequency| scaling.stretch(frequency)).collect();
        for (found, expected) in found.iter().zip(EXPECTED) {
            assert!((found - expected).abs() < 1e-7 * expected, "{found} {expected}");
        }
        let linear = RopeScaling::Linear { factor: 4.0 };
        assert_eq!((linear.stretch(1.0), RopeScaling::None.stretch(1.0)), (0.25, 1.0));
    }
}
