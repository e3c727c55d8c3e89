//! A recording several times: as it is, and as augmentation changes it, each time otherwise.
//!
//! What a frozen encoder makes of changed sound is kept like all else, so that a change is encoded once and not in every step. It
//! depends on the sound, the effects and the seed alone: another manifest finds what this one left.

use super::shard::Key;
use crate::data::augment::{Chain, Moment};
use crate::digest::wide_digest;

/// How recordings are changed.
#[derive(Debug, Clone, Copy)]
pub struct Variants<'a> {
    /// The effects.
    pub chain: &'a Chain,
    /// How often each recording is there, as it is among them.
    pub count: usize,
    /// The seed of what is drawn.
    pub seed: u64,
}

/// What the encoder is to hear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recording {
    /// The row of its sound.
    pub(super) row: usize,
    /// What its outputs are kept under.
    pub(super) key: Key,
    /// What its sound is told apart by.
    sound: Key,
    /// 0 as it is.
    variant: usize,
}

/// All recordings of rows with these sounds: the rows as they are, then all of them in the first variant, and so on.
pub(super) fn recordings(sounds: &[Key], variants: Option<Variants>) -> Vec<Recording> {
    let as_they_are =
        sounds.iter().enumerate().map(|(row, &sound)| Recording { row, key: sound, sound, variant: 0 });
    let mut all: Vec<Recording> = as_they_are.collect();
    let Some(Variants { chain, count, seed }) = variants else { return all };
    for variant in 1..count {
        all.extend(sounds.iter().enumerate().map(|(row, &sound)| {
            let key = wide_digest(&(sound.to_le_bytes(), chain.identity(), seed, variant));
            Recording { row, key, sound, variant }
        }));
    }
    all
}

impl Recording {
    /// Its samples, of those of its row.
    pub(super) fn of(&self, samples: Vec<f32>, variants: Option<Variants>) -> anyhow::Result<Vec<f32>> {
        match variants {
            Some(Variants { chain, seed, .. }) if self.variant > 0 => {
                let moment = Moment { seed, step: self.variant as u64, row: self.sound as usize };
                chain.apply(samples, moment)
            }
            _ => Ok(samples),
        }
    }
}
