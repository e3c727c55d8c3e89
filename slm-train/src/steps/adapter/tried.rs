//! A corpus of which a dry run puts to the encoder what its steps need, and no more.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use anyhow::{Context, anyhow};
use burn::prelude::*;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::nn::EncodedSpeech;

use super::Frozen;
use super::guess::{self, Guess};
use crate::data::encoded::{CachedEncoder, EncodedCorpus, Measure};
use crate::data::manifest::Utterance;
use crate::data::rows::Rows;
use crate::stopped::Stopped;

/// The utterances of a corpus.
pub(super) struct Tried {
    rows: Rows,
    /// Where the encoder's outputs lie that are made; it goes with this.
    dir: PathBuf,
    features: FeatureExtractor,
    encoder_hash: String,
    /// Layers whose states lie side by side.
    layers: usize,
    lengths: Guess,
    made: RwLock<Made>,
}

/// What was put to the encoder.
#[derive(Default)]
struct Made {
    corpora: Vec<EncodedCorpus>,
    /// The corpus of each utterance, and its place in that.
    places: HashMap<usize, (usize, usize)>,
    /// Of each corpus the seconds of its sound, and those that it took.
    took: Vec<(f64, f64)>,
}

/// What a second of sound takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Seconds.
    pub(super) seconds: f64,
    /// Bytes on the disk.
    pub(super) bytes: f64,
}

impl Tried {
    /// The utterances `rows`, of which none is put to the encoder of `parts`. What it gives for others lies in a folder of its
    /// own within `cache`.
    pub(super) fn untouched(rows: Rows, parts: &Frozen, cache: &Path, layers: usize) -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        Self {
            rows,
            dir: cache.join(format!(".tried-{}-{number}", process::id())),
            features: parts.features.clone(),
            encoder_hash: parts.encoder_hash.clone(),
            layers,
            lengths: Guess::default(),
            made: RwLock::default(),
        }
    }

    /// The same with a few that are put to it, by which the lengths of all are guessed: `measure` says how many rows the adapter
    /// reads of each.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub(super) fn new(
        rows: Rows,
        parts: &Frozen,
        cache: &Path,
        layers: usize,
        measure: Measure,
    ) -> anyhow::Result<Self> {
        let mut tried = Self::untouched(rows, parts, cache, layers);
        let some = guess::some(&tried.rows);
        tried.encode(some.iter().copied(), &parts.encoder, &parts.device, measure)?;
        let known: Vec<(f64, usize)> = {
            let made = tried.made.read().unwrap_or_else(PoisonError::into_inner);
            let measured = |row: usize| {
                let &(corpus, place) = made.places.get(&row)?;
                Some((tried.rows.seconds(row), made.corpora.get(corpus)?.measured(place)))
            };
            some.into_iter().filter_map(measured).collect()
        };
        tried.lengths = Guess::from_known(&known);
        Ok(tried)
    }

    /// Puts those of `utterances` to `encoder` that were not yet.
    ///
    /// # Errors
    ///
    /// As [`CachedEncoder::encode`], but nothing is kept.
    pub(super) fn encode(
        &self,
        utterances: impl IntoIterator<Item = usize>,
        encoder: &SpeechEncoder,
        device: &Device,
        measure: Measure,
    ) -> anyhow::Result<()> {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = |utterance: &usize| !made.places.contains_key(utterance);
        let mut utterances: Vec<usize> = utterances.into_iter().filter(is_new).collect();
        utterances.sort_unstable();
        utterances.dedup();
        if utterances.is_empty() {
            return Ok(());
        }
        let rows: Vec<Utterance> =
            utterances.iter().map(|&row| self.rows.get(row)).collect::<anyhow::Result<_>>()?;
        let cached = CachedEncoder {
            dir: &self.dir,
            features: &self.features,
            encoder,
            encoder_hash: &self.encoder_hash,
            layers: self.layers,
            device,
        };
        let began = Instant::now();
        let corpus = cached.encode(&Rows::keep(&self.dir, &rows)?, measure, &|_| ()).map_err(not_kept)?;
        let sound: f64 = rows.iter().map(|row| row.duration).sum();
        made.took.push((sound, began.elapsed().as_secs_f64()));
        let number = made.corpora.len();
        made.places.extend(utterances.into_iter().enumerate().map(|(place, row)| (row, (number, place))));
        made.corpora.push(corpus);
        Ok(())
    }

    /// What the encoder gave for an utterance.
    ///
    /// # Errors
    ///
    /// One that was not put to it, or a file that cannot be read.
    pub(super) fn read(&self, utterance: usize) -> anyhow::Result<EncodedSpeech> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        let place = made.places.get(&utterance);
        let &(corpus, place) = place.context("a dry run does not encode this utterance")?;
        made.corpora[corpus].read(place)
    }

    /// What a second of sound took, but for what was encoded first, where there was more: a device gets ready then.
    ///
    /// # Errors
    ///
    /// Files that are gone.
    pub(super) fn pace(&self) -> anyhow::Result<Option<Pace>> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = made.corpora.last() else { return Ok(None) };
        let sum = |took: &[(f64, f64)]| -> (f64, f64) {
            (took.iter().map(|(sound, _)| sound).sum(), took.iter().map(|(_, seconds)| seconds).sum())
        };
        let later = made.took.get(1..).filter(|later| !later.is_empty()).unwrap_or(&made.took);
        let ((all, _), (sound, seconds)) = (sum(&made.took), sum(later));
        let a_second = |value: f64, of: f64| if of > 0.0 { value / of } else { 0.0 };
        Ok(Some(Pace { seconds: a_second(seconds, sound), bytes: a_second(last.bytes()? as f64, all) }))
    }

    /// How many utterances there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Seconds of all utterances.
    pub(super) fn sound_seconds(&self) -> f64 {
        (0..self.rows.len()).map(|row| self.rows.seconds(row)).sum()
    }

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read again.
    pub(super) fn row(&self, utterance: usize) -> anyhow::Result<Utterance> {
        self.rows.get(utterance)
    }

    /// How many rows the adapter reads of an utterance, guessed.
    pub(super) fn length(&self, utterance: usize) -> usize {
        self.lengths.rows(self.rows.seconds(utterance))
    }
}

impl Drop for Tried {
    fn drop(&mut self) {
        // What was made of it is made again by a training.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The error without a word of what is kept, which a dry run keeps nothing of.
fn not_kept(error: anyhow::Error) -> anyhow::Error {
    if !error.is::<Stopped>() {
        return error;
    }
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    anyhow!(causes.join(": "))
}
