//! Silence around an utterance.

use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::audio::SAMPLE_RATE;

use super::{Effect, Range};

/// Silence before an utterance and after it, each drawn by itself. What comes later in the chain is heard in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// How often.
    pub probability: f64,
    /// How long, in seconds.
    pub seconds: Range,
}

impl Effect for Silence {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn problems(&self, name: &str) -> Vec<String> {
        self.seconds.problem(&format!("{name}.seconds"), 0.0, 60.0).into_iter().collect()
    }

    fn apply(&self, samples: Vec<f32>, _: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        let [before, after] = [(); 2].map(|()| samples_of(self.seconds.draw(rng)));
        let mut made = vec![0.0; before];
        made.extend(samples);
        made.resize(made.len() + after, 0.0);
        Ok(made)
    }
}

/// Samples of so many seconds.
pub(super) fn samples_of(seconds: f64) -> usize {
    (seconds * f64::from(SAMPLE_RATE)).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::rng_for;

    #[test]
    fn the_utterance_lies_between_two_silences() {
        let silence = Silence { probability: 1.0, seconds: Range(0.1, 0.5) };
        let made = silence.apply(vec![0.5; 4000], &[], &mut rng_for(1, 2, 3)).unwrap();
        let first = made.iter().position(|sample| *sample != 0.0).unwrap();
        let last = made.iter().rposition(|sample| *sample != 0.0).unwrap();
        assert_eq!(last + 1 - first, 4000);
        for silent in [first, made.len() - 1 - last] {
            assert!((1600..=8000).contains(&silent), "{silent}");
        }
        assert_ne!(first, made.len() - 1 - last);
    }
}
