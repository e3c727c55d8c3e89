//! Noise and music behind an utterance.

use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::acoustics::power;
use super::{Effect, Range, Sound, library};

/// The level at which sounds are made before they are scaled, in dB below full scale.
const MADE_AT_DB: f64 = -26.0;
/// Lowest and highest ratio that a setting may ask for.
const LIMIT_DB: f64 = 100.0;

/// A sound behind an utterance, at a ratio of the utterance's power to its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// How often.
    pub probability: f64,
    /// Power of what was heard so far over that of the sound, both over the whole row, in dB.
    pub snr_db: Range,
    /// The sounds that are made, in place of recorded ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sounds: Vec<Sound>,
    /// A folder of recorded ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
}

impl Effect for Background {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn folder(&self) -> Option<&Path> {
        self.files.as_deref()
    }

    fn problems(&self, name: &str) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.snr_db.problem(&format!("{name}.snr_db"), -LIMIT_DB, LIMIT_DB));
        if self.sounds.is_empty() == self.files.is_none() {
            problems.push(format!("`{name}` needs `sounds` or `files`, one of them"));
        }
        for silent in self.sounds.iter().filter(|sound| matches!(sound, Sound::Silence | Sound::Babble)) {
            problems
                .push(format!("`{name}.sounds` has `{}`, which cannot be made of nothing", silent.name()));
        }
        problems
    }

    fn apply(
        &self,
        mut samples: Vec<f32>,
        files: &[PathBuf],
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<Vec<f32>> {
        let snr_db = self.snr_db.draw(rng);
        let sound = if files.is_empty() {
            library::pick(&self.sounds, rng).samples(samples.len(), MADE_AT_DB, &[[0.0; 0]; 0], rng)
        } else {
            library::cut(library::pick::<PathBuf>(files, rng), samples.len(), rng)?
        };
        mix(&mut samples, &sound, snr_db);
        Ok(samples)
    }
}

/// Adds `sound` at the wanted ratio. Without power on one side there is no ratio, and nothing is added.
fn mix(samples: &mut [f32], sound: &[f32], snr_db: f64) {
    let of_sound = power(sound);
    if of_sound > 0.0 {
        let scale = (power(samples) / of_sound / 10_f64.powf(snr_db / 10.0)).sqrt() as f32;
        for (sample, sound) in samples.iter_mut().zip(sound) {
            *sample += scale * sound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::wav;
    use crate::random::rng_for;

    /// The ratio of the samples' power to that of what was added, in dB.
    fn ratio(clean: &[f32], noisy: &[f32]) -> f64 {
        let square = |sum: f64, x: f32| sum + f64::from(x) * f64::from(x);
        let signal = clean.iter().fold(0.0, |sum, x| square(sum, *x));
        let noise = clean.iter().zip(noisy).fold(0.0, |sum, (a, b)| square(sum, b - a));
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn the_ratio_is_the_wanted_one() {
        let dir = tempfile::tempdir().unwrap();
        let hum: Vec<f32> = (0..5_000).map(|n| 0.2 * (0.03 * n as f32).sin()).collect();
        wav::write(&dir.path().join("hum.wav"), &hum).unwrap();
        let clean: Vec<f32> = (0..16_000).map(|n| 0.1 * (0.1 * n as f32).sin()).collect();
        let files = library::files(dir.path()).unwrap();
        let of = |sounds: Vec<Sound>, files: Option<PathBuf>, db: f64| Background {
            probability: 1.0,
            snr_db: Range(db, db),
            sounds,
            files,
        };
        for db in [-5.0, 0.0, 12.0, 30.0] {
            for sound in [Sound::White, Sound::Pink, Sound::Brown, Sound::Hum, Sound::Clicks, Sound::Music] {
                let made =
                    of(vec![sound], None, db).apply(clean.clone(), &[], &mut rng_for(1, 2, 3)).unwrap();
                assert!((ratio(&clean, &made) - db).abs() < 0.1, "{sound:?}: {}", ratio(&clean, &made));
            }
            let recorded = of(Vec::new(), Some(dir.path().into()), db);
            let made = recorded.apply(clean.clone(), &files, &mut rng_for(1, 2, 3)).unwrap();
            assert!((ratio(&clean, &made) - db).abs() < 0.1, "{}", ratio(&clean, &made));
        }
        let silence = of(vec![Sound::White], None, 5.0).apply(vec![0.0; 10], &[], &mut rng_for(1, 2, 3));
        assert_eq!(silence.unwrap(), [0.0; 10]);
    }
}
