//! What an effect is drawn from.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// From the first to the second number, which a setting writes as `[a, b]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range(pub f64, pub f64);

impl Range {
    /// A number of it.
    pub(super) fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        rng.random_range(self.0..=self.1)
    }

    /// What is wrong with the setting `name`, whose numbers are `least` to `most`.
    pub(super) fn problem(self, name: &str, least: f64, most: f64) -> Option<String> {
        let Self(from, to) = self;
        let is_sound = least <= from && from <= to && to <= most;
        (!is_sound).then(|| format!("`{name}` is [{from}, {to}], must rise within {least} to {most}"))
    }
}
