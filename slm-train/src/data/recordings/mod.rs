//! Recordings as people have them, made of the utterances of another corpus: with silence or noise around, in pairs, and
//! joined to minutes with pauses, noise and music between.
//!
//! A recording depends on the utterances, the layout, the seed and its number alone. Its row in the manifest has the
//! joined text, and says when which utterance begins and where nobody speaks.

mod compose;
mod layout;

use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::corpus::MANIFEST_NAME;
use super::manifest::{self, Utterance};
use super::{speech, synth};
use crate::digest::digest;
use crate::failures;
use crate::random::rng_for;

pub use super::augment::Sound;
pub use compose::{Timeline, render};
pub use layout::{Joined, Layout, Padded, Pairs, Piece};

/// The stream of random numbers that noise is made of.
const SOUND_STREAM: u64 = 0x736f_756e;
/// To be raised when the same settings start to give other samples, so that old files are made anew.
const VERSION: u32 = 1;
/// Hexadecimal digits of a file's name.
const NAME_DIGITS: usize = 8;

/// Which recordings to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recordings {
    /// The corpus whose utterances they are made of.
    pub from: String,
    /// How many.
    pub count: u64,
    /// Seed of order, pauses and noise.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// How utterances lie in them.
    pub layout: Layout,
}

fn first_seed() -> u64 {
    1
}

/// Makes `recordings` of `source` in `out`, with a manifest; files that are there already are kept.
///
/// # Errors
///
/// Utterances that cannot be read, and files that cannot be written.
pub fn make(out: &Path, recordings: &Recordings, source: &[Utterance]) -> anyhow::Result<Vec<Utterance>> {
    anyhow::ensure!(!source.is_empty(), "there is no utterance to make recordings of");
    let folder = out.join("wav");
    synth::prepare(&folder)?;
    let hashes = speech::hashes(source)?;
    let texts: Vec<&str> = source.iter().map(|row| row.text.as_str()).collect();
    let speech = samples(source)?;
    let lengths: Vec<usize> = speech.iter().map(Vec::len).collect();
    let Recordings { seed, layout, .. } = recordings;
    let rows: Vec<anyhow::Result<Utterance>> = (0..recordings.count)
        .into_par_iter()
        .map(|index| {
            let mut name = digest(&(VERSION, layout, seed, index, &hashes, &texts));
            name.truncate(NAME_DIGITS);
            let path = folder.join(format!("{index:06}-{name}.wav"));
            let pieces = layout.pieces(&lengths, *seed, index);
            let timeline = Timeline::of(&pieces, &speech, &texts);
            if synth::intact_duration(&path).is_none() {
                let samples = render(&pieces, &speech, &mut rng_for(*seed, SOUND_STREAM, index));
                synth::write_wav(&path, &samples)?;
            }
            Ok(Utterance {
                audio_filepath: path,
                duration: timeline.seconds,
                text: timeline.text(),
                utterances: timeline.utterances,
                stretches: timeline.stretches,
                ..Utterance::default()
            })
        })
        .collect();
    let rows = failures::all("recordings", rows)?;
    let path = out.join(MANIFEST_NAME);
    manifest::write(&path, &rows)?;
    // Checked as any other manifest is.
    manifest::read(&path).context("the recordings that were made cannot be used")
}

/// The samples of every utterance.
fn samples(source: &[Utterance]) -> anyhow::Result<Vec<Vec<f32>>> {
    let read = |row: &Utterance| speech::samples(row).map(|audio| audio.samples);
    failures::all("recordings", source.par_iter().map(read).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use slm_core::audio;

    use super::*;

    fn source(dir: &Path) -> Vec<Utterance> {
        ["on", "off now", "up"]
            .into_iter()
            .enumerate()
            .map(|(index, text)| {
                let audio_filepath = dir.join(format!("{index}.wav"));
                let samples = vec![0.1 * (index + 1) as f32; 8_000];
                synth::write_wav(&audio_filepath, &samples).unwrap();
                Utterance { audio_filepath, duration: 0.5, text: text.into(), ..Utterance::default() }
            })
            .collect()
    }

    fn recordings(layout: &str) -> Recordings {
        toml::from_str(&format!("from = \"test\"\ncount = 2\nlayout = {layout}")).unwrap()
    }

    #[test]
    fn rows_say_what_is_in_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let out = dir.path().join("padded");
        let settings = recordings("{ padded = { before = 1, after = 0.5, sound = \"pink\" } }");
        let rows = make(&out, &settings, &source).unwrap();
        assert_eq!(rows.len(), 2);
        for row in &rows {
            assert!((row.duration - 2.0).abs() < 1e-9, "{row:?}");
            let spoken = &row.utterances[0];
            assert_eq!((spoken.start, spoken.end, &spoken.text), (1.0, 1.5, &row.text));
            assert_eq!(row.stretches.len(), 2);
            let samples = audio::read(&row.audio_filepath).unwrap().samples;
            let original = source.iter().find(|one| one.text == row.text).unwrap();
            let original = audio::read(&original.audio_filepath).unwrap().samples;
            for (found, expected) in samples[16_000..24_000].iter().zip(&original) {
                assert!((found - expected).abs() < 1e-4);
            }
            assert!(samples[..16_000].iter().any(|sample| *sample != 0.0));
            assert!(samples[..16_000].iter().all(|sample| sample.abs() < 0.01));
        }
    }

    #[test]
    fn files_are_kept_and_other_settings_are_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let out = dir.path().join("joined");
        let joined =
            "{ joined = { seconds = 4, pauses = [0.1, 0.2], between = [\"babble\"], between_seconds = 1 } }";
        let rows = make(&out, &recordings(joined), &source).unwrap();
        let written = std::fs::metadata(&rows[0].audio_filepath).unwrap().modified().unwrap();
        assert_eq!(make(&out, &recordings(joined), &source).unwrap(), rows);
        assert_eq!(std::fs::metadata(&rows[0].audio_filepath).unwrap().modified().unwrap(), written);
        let other = make(&out, &Recordings { seed: 2, ..recordings(joined) }, &source).unwrap();
        assert!(other.iter().all(|row| rows.iter().all(|old| old.audio_filepath != row.audio_filepath)));
        assert!(make(&out, &recordings(joined), &[]).is_err());
    }
}
