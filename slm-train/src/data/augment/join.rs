//! Two utterances in one row: the second one after a pause, and its text after the first one's.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Range;
use super::silence::samples_of;

/// Joined utterances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// How often.
    pub probability: f64,
    /// Seconds of silence in between.
    pub pause: Range,
    /// Seconds of both together at most; where they are more, the row stays as it is.
    #[serde(default = "usual_seconds")]
    pub max_seconds: f64,
}

fn usual_seconds() -> f64 {
    30.0
}

impl Join {
    pub(super) fn problems(&self, name: &str) -> Vec<String> {
        let pause = self.pause.problem(&format!("{name}.pause"), 0.0, 60.0);
        let is_right = self.max_seconds > 0.0;
        let longest = || format!("`{name}.max_seconds` is {}, must be above 0", self.max_seconds);
        pause.into_iter().chain((!is_right).then(longest)).collect()
    }

    /// The samples of one, a pause, and the other.
    #[must_use]
    pub fn apply(&self, mut samples: Vec<f32>, other: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
        samples.resize(samples.len() + samples_of(self.pause.draw(rng)), 0.0);
        samples.extend(other);
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::rng_for;

    #[test]
    fn both_are_there_with_a_pause_between() {
        let join = Join { probability: 1.0, pause: Range(0.2, 0.4), max_seconds: 30.0 };
        let made = join.apply(vec![0.5; 1_000], &[-0.5; 2_000], &mut rng_for(1, 2, 3));
        let pause = made.len() - 3_000;
        assert!((3_200..=6_400).contains(&pause), "{pause}");
        let same = |part: &[f32], value: f32| part.iter().all(|sample| sample.to_bits() == value.to_bits());
        assert!(same(&made[..1_000], 0.5) && same(&made[1_000..1_000 + pause], 0.0));
        assert!(same(&made[1_000 + pause..], -0.5));
    }
}
