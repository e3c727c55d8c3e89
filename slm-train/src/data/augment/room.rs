//! The room between a mouth and a microphone.

use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::acoustics::{Room, power};
use super::filter::convolve;
use super::{Effect, Range, library};

/// A recorded room, or one that is made: a direct path and reflections that decay exponentially. The direct path keeps
/// its time, and the whole its level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reverberation {
    /// How often.
    pub probability: f64,
    /// Of a made room: seconds in which the reverberation falls by 60 dB.
    #[serde(default = "usual_seconds")]
    pub seconds: Range,
    /// Of a made room: energy of the direct path over that of the reverberation, in dB.
    #[serde(default = "usual_direct")]
    pub direct_db: Range,
    /// A folder of recorded impulse responses, in place of made ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
}

fn usual_seconds() -> Range {
    Range(0.1, 0.6)
}

fn usual_direct() -> Range {
    Range(0.0, 12.0)
}

impl Effect for Reverberation {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn folder(&self) -> Option<&Path> {
        self.files.as_deref()
    }

    fn problems(&self, name: &str) -> Vec<String> {
        let seconds = self.seconds.problem(&format!("{name}.seconds"), 0.0, 5.0);
        seconds.into_iter().chain(self.direct_db.problem(&format!("{name}.direct_db"), -30.0, 60.0)).collect()
    }

    fn apply(&self, samples: Vec<f32>, files: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        let mut heard = if files.is_empty() {
            let rt60_s = self.seconds.draw(rng) as f32;
            Room { rt60_s, direct_db: self.direct_db.draw(rng) as f32 }.apply(&samples, rng)
        } else {
            let response = library::read(library::pick::<PathBuf>(files, rng), 0.0, None)?;
            let loudest = response.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
            convolve(&samples, &response, loudest.map_or(0, |(place, _)| place))?
        };
        let found = power(&heard);
        if found > 0.0 {
            let scale = (power(&samples) / found).sqrt() as f32;
            for sample in &mut heard {
                *sample *= scale;
            }
        }
        Ok(heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::wav;
    use crate::random::rng_for;

    /// An impulse is heard as the response, from its loudest sample on, at the impulse's place and level.
    #[test]
    fn a_recorded_response_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        let mut response = vec![0.0; 300];
        (response[20], response[90], response[250]) = (0.8, -0.4, 0.2);
        wav::write(&dir.path().join("hall.wav"), &response).unwrap();
        let room = Reverberation {
            probability: 1.0,
            seconds: usual_seconds(),
            direct_db: usual_direct(),
            files: Some(dir.path().into()),
        };
        let mut impulse = vec![0.0; 1_000];
        impulse[100] = 0.5;
        let files = library::files(dir.path()).unwrap();
        let heard = room.apply(impulse, &files, &mut rng_for(1, 2, 3)).unwrap();
        let norm = (0.8_f32.powi(2) + 0.4_f32.powi(2) + 0.2_f32.powi(2)).sqrt();
        for (n, value) in heard.iter().enumerate() {
            let expected =
                if n >= 80 { response.get(n - 80).copied().unwrap_or(0.0) * 0.5 / norm } else { 0.0 };
            assert!((value - expected).abs() < 1e-3, "{n}: {value}, expected {expected}");
        }
    }

    #[test]
    fn a_made_room_keeps_length_and_level_and_rings_on() {
        let room = Reverberation {
            probability: 1.0,
            seconds: Range(0.3, 0.3),
            direct_db: Range(3.0, 3.0),
            files: None,
        };
        let mut burst: Vec<f32> = (0..1_000).map(|n| 0.3 * (0.3 * n as f32).sin()).collect();
        burst.resize(8_000, 0.0);
        let heard = room.apply(burst.clone(), &[], &mut rng_for(1, 2, 3)).unwrap();
        assert_eq!(heard.len(), 8_000);
        assert!((power(&heard) / power(&burst) - 1.0).abs() < 1e-3);
        assert!(power(&heard[1_200..2_000]) > 1e-3 * power(&heard[..1_000]));
    }
}
