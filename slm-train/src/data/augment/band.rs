//! A narrower band: what old recordings and low bit rates leave.

use std::path::PathBuf;

use anyhow::Context;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::audio::SAMPLE_RATE;

use super::filter::low_pass;
use super::{Effect, Range};

/// The share of the highest frequency from which on the band fades.
const FADES: f64 = 0.85;
/// The lowest end of a band that leaves words, in Hz.
const LOWEST: f64 = 1_000.0;

/// The end of the band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// How often.
    pub probability: f64,
    /// The highest frequency that is left, in Hz.
    pub hz: Range,
}

impl Effect for Band {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn problems(&self, name: &str) -> Vec<String> {
        self.hz.problem(&format!("{name}.hz"), LOWEST, f64::from(SAMPLE_RATE) / 2.0).into_iter().collect()
    }

    fn apply(&self, samples: Vec<f32>, _: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        let end = self.hz.draw(rng);
        low_pass(&samples, FADES * end, end).context("cannot filter a recording")
    }
}

#[cfg(test)]
mod tests {
    use super::super::acoustics::power;
    use super::*;
    use crate::random::rng_for;

    #[test]
    fn nothing_is_left_above_the_end() {
        let tone = |hertz: f32| -> Vec<f32> {
            let step = std::f32::consts::TAU * hertz / SAMPLE_RATE as f32;
            (0..16_384).map(|n| 0.1 * (step * n as f32).sin()).collect()
        };
        let band = Band { probability: 1.0, hz: Range(3_000.0, 3_000.0) };
        let left = |hertz: f32| {
            let made = band.apply(tone(hertz), &[], &mut rng_for(1, 2, 3)).unwrap();
            power(&made) / power(&tone(hertz))
        };
        assert!(left(1_000.0) > 0.99 && left(2_400.0) > 0.9, "{} {}", left(1_000.0), left(2_400.0));
        assert!(left(3_500.0) < 1e-3, "{}", left(3_500.0));
        let wrong = Band { probability: 1.0, hz: Range(500.0, 9_000.0) };
        assert_eq!(wrong.problems("augment.band").len(), 1);
    }
}
