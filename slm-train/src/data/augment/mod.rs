//! What becomes of a row's sound before it is learnt from: other speeds, levels, rooms, noise and telephones.
//!
//! An effect is a file and an entry of the table `[augment]`: how often, and from which range. All that is drawn depends
//! on the seed, the step and the row alone, so that it is the same whichever thread makes it. What a model is judged by
//! is never changed.

pub(crate) mod acoustics;
mod background;
mod band;
mod codec;
mod filter;
mod gain;
mod join;
mod library;
mod range;
mod room;
mod silence;
mod sounds;
mod spec;
mod speed;

use std::path::{Path, PathBuf};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use acoustics::{Colour, Noise, Room};
pub use background::Background;
pub use band::Band;
pub use codec::{Codec, Telephone};
pub use gain::Gain;
pub use join::Join;
pub use range::Range;
pub use room::Reverberation;
pub use silence::Silence;
pub use sounds::Sound;
pub use spec::SpecAugment;
pub use speed::Speed;

use crate::random::rng_for;

/// The streams of random numbers that effects draw from, one after the other.
const STREAM: u64 = 0x6175_676d_0000;
/// Parts the numbers of one step from those of the next.
const OF_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The effects, in the order in which they are applied. What is absent is not applied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Another utterance after this one, with its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Another speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// Silence around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// A room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Reverberation>,
    /// Noise behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Background>,
    /// Music behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub music: Option<Background>,
    /// A telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telephone: Option<Telephone>,
    /// Another level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// A narrower band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// Masks in the features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<SpecAugment>,
}

/// An effect on the samples of a row.
trait Effect {
    /// How often it is applied.
    fn probability(&self) -> f64;

    /// The folder of files that it needs.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// What is wrong with the settings, which stand under `name`, but for the probability.
    fn problems(&self, name: &str) -> Vec<String>;

    /// Changes samples at 16 kHz; `files` are those of its folder.
    fn apply(&self, samples: Vec<f32>, files: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>>;
}

/// Which row of which step a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The run's seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// The row's number.
    pub row: usize,
}

impl Moment {
    /// The random numbers of one effect at this moment.
    fn rng(self, effect: u64) -> ChaCha8Rng {
        let seed = self.seed.wrapping_add(self.step.wrapping_add(1).wrapping_mul(OF_STEP));
        rng_for(seed, STREAM + effect, self.row as u64)
    }
}

/// The streams of what is no [`Effect`]: after those of the effects.
const JOIN: u64 = 100;
const SPEC: u64 = 101;

/// Effects whose files are known.
#[derive(Debug, Clone)]
pub struct Chain {
    settings: Augment,
    /// Of each effect its files.
    files: Vec<Vec<PathBuf>>,
}

impl Augment {
    /// The effects on samples by their names, in order.
    fn effects(&self) -> [(&'static str, Option<&dyn Effect>); 8] {
        fn of<E: Effect>(effect: Option<&E>) -> Option<&dyn Effect> {
            effect.map(|effect| -> &dyn Effect { effect })
        }
        [
            ("speed", of(self.speed.as_ref())),
            ("silence", of(self.silence.as_ref())),
            ("room", of(self.room.as_ref())),
            ("noise", of(self.noise.as_ref())),
            ("music", of(self.music.as_ref())),
            ("telephone", of(self.telephone.as_ref())),
            ("gain", of(self.gain.as_ref())),
            ("band", of(self.band.as_ref())),
        ]
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut probabilities = Vec::new();
        for (name, effect) in self.effects() {
            let Some(effect) = effect else { continue };
            probabilities.push((name, effect.probability()));
            problems.extend(effect.problems(&format!("augment.{name}")));
        }
        if let Some(join) = &self.join {
            probabilities.push(("join", join.probability));
            problems.extend(join.problems("augment.join"));
        }
        if let Some(spec) = &self.spec {
            problems.extend(spec.problems("augment.spec"));
        }
        for (name, probability) in probabilities {
            if !(0.0..=1.0).contains(&probability) {
                problems.push(format!("`augment.{name}.probability` is {probability}, must be 0 to 1"));
            }
        }
        problems
    }

    /// Lists the files that effects need.
    ///
    /// # Errors
    ///
    /// Folders that cannot be read, or are empty.
    pub fn prepare(&self) -> anyhow::Result<Chain> {
        let files = self.effects().map(|(_, effect)| effect.and_then(Effect::folder).map(library::files));
        let files = files.into_iter().map(|files| files.transpose().map(Option::unwrap_or_default));
        Ok(Chain { settings: self.clone(), files: files.collect::<anyhow::Result<_>>()? })
    }
}

impl Chain {
    /// The settings, and the names of all files: what the samples depend on, for fingerprints.
    pub fn identity(&self) -> impl Serialize + '_ {
        (&self.settings, &self.files)
    }

    /// How the row is joined with another one, where it is.
    pub fn join(&self, moment: Moment) -> Option<(Join, ChaCha8Rng)> {
        let join = self.settings.join.as_ref()?;
        let mut rng = moment.rng(JOIN);
        (rng.random::<f64>() < join.probability).then(|| (join.clone(), rng))
    }

    /// Changes the samples of a row.
    ///
    /// # Errors
    ///
    /// A file of an effect that cannot be read.
    pub fn apply(&self, mut samples: Vec<f32>, moment: Moment) -> anyhow::Result<Vec<f32>> {
        for (number, ((_, effect), files)) in self.settings.effects().into_iter().zip(&self.files).enumerate()
        {
            let Some(effect) = effect else { continue };
            // Each has its own numbers, so that one more effect does not change the others.
            let mut rng = moment.rng(number as u64);
            if rng.random::<f64>() < effect.probability() {
                samples = effect.apply(samples, files, &mut rng)?;
            }
        }
        Ok(samples)
    }

    /// Masks the features of a row, `bins` values a frame.
    pub fn mask(&self, values: &mut [f32], bins: usize, moment: Moment) {
        if let Some(spec) = self.settings.spec {
            spec.apply(values, bins, &mut moment.rng(SPEC));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
        join = { probability = 0.5, pause = [0.1, 0.5] }
        speed = { probability = 0.5, factor = [0.9, 1.1] }
        silence = { probability = 0.5, seconds = [0.0, 0.3] }
        room = { probability = 0.5 }
        noise = { probability = 0.5, snr_db = [0, 20], sounds = [\"white\", \"pink\", \"hum\"] }
        music = { probability = 0.5, snr_db = [10, 20], sounds = [\"music\"] }
        telephone = { probability = 0.5 }
        gain = { probability = 0.5, db = [-10, 10] }
        band = { probability = 0.5, hz = [3000, 7000] }
        spec = { frequency_masks = 1 }
    ";

    fn moment(seed: u64, step: u64, row: usize) -> Moment {
        Moment { seed, step, row }
    }

    fn tone() -> Vec<f32> {
        (0..8_000).map(|n| 0.2 * (0.1 * n as f32).sin()).collect()
    }

    #[test]
    fn what_is_drawn_depends_on_seed_step_and_row_alone() {
        let settings: Augment = toml::from_str(TABLE).unwrap();
        assert!(settings.problems().is_empty(), "{:?}", settings.problems());
        let chain = settings.prepare().unwrap();
        let made = |moment| chain.apply(tone(), moment).unwrap();
        let all: Vec<Vec<f32>> = (0..20).map(|row| made(moment(1, 2, row))).collect();
        // In another order and on other threads.
        std::thread::scope(|scope| {
            for row in (0..20).rev() {
                let (all, made) = (&all, &made);
                scope.spawn(move || assert_eq!(made(moment(1, 2, row)), all[row]));
            }
        });
        let others = [moment(2, 2, 0), moment(1, 3, 0)];
        assert!(others.iter().all(|&other| (0..20).any(|row| made(Moment { row, ..other }) != all[row])));
        let changed = all.iter().filter(|samples| **samples != tone()).count();
        assert!(changed > 15, "{changed}");
        assert!(all.iter().flatten().all(|sample| sample.is_finite()));
    }

    #[test]
    fn one_more_effect_does_not_change_the_others() {
        let speed = "speed = { probability = 1, factor = [0.9, 1.1] }";
        let more = format!("{speed}\ngain = {{ probability = 1, db = [0, 0] }}");
        let made = |text: &str| {
            let settings: Augment = toml::from_str(text).unwrap();
            settings.prepare().unwrap().apply(tone(), moment(1, 2, 3)).unwrap()
        };
        assert_eq!(made(speed), made(&more));
        assert_eq!(made(""), tone());
    }

    #[test]
    fn settings_out_of_range_are_all_named() {
        let text = "
            join = { probability = 2, pause = [1, 0] }
            speed = { probability = -1, factor = [0, 1] }
            noise = { probability = 0.5, snr_db = [0, 20] }
            music = { probability = 0.5, snr_db = [0, 20], sounds = [\"silence\"] }
            telephone = { probability = 0.5, codecs = [] }
        ";
        let problems = toml::from_str::<Augment>(text).unwrap().problems();
        assert_eq!(problems.len(), 7, "{problems:?}");
        assert!(toml::from_str::<Augment>("speeed = { probability = 1 }").is_err());
    }
}
