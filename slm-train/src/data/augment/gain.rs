//! A louder or softer recording.

use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::acoustics::amplify;
use super::{Effect, Range};

/// Largest magnitude of a sample that is made louder.
const PEAK: f32 = 0.99;

/// A change of the level, to less where a peak would be cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// How often.
    pub probability: f64,
    /// By how much, in dB.
    pub db: Range,
}

impl Effect for Gain {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn problems(&self, name: &str) -> Vec<String> {
        self.db.problem(&format!("{name}.db"), -60.0, 60.0).into_iter().collect()
    }

    fn apply(&self, mut samples: Vec<f32>, _: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        amplify(&mut samples, self.db.draw(rng) as f32, PEAK);
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::super::acoustics::power;
    use super::*;
    use crate::random::rng_for;

    #[test]
    fn the_level_changes_by_so_many_decibels() {
        let samples: Vec<f32> = (0..8000).map(|n| 0.05 * (0.1 * n as f32).sin()).collect();
        for db in [-20.0, -3.0, 12.0] {
            let gain = Gain { probability: 1.0, db: Range(db, db) };
            let made = gain.apply(samples.clone(), &[], &mut rng_for(1, 2, 3)).unwrap();
            let found = 10.0 * (power(&made) / power(&samples)).log10();
            assert!((found - db).abs() < 1e-3, "{found} dB, expected {db}");
        }
        let loud = Gain { probability: 1.0, db: Range(40.0, 40.0) };
        let made = loud.apply(samples, &[], &mut rng_for(1, 2, 3)).unwrap();
        assert!(made.iter().all(|sample| sample.abs() <= PEAK + 1e-6));
    }
}
