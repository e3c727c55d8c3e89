//! The frozen encoder's output for every row of a corpus, computed once and kept on disk.
//!
//! A folder has the outputs of one encoder with one kind of features, whose hash is its name; a recording is found in its
//! files by the hash of its sound. So whatever is kept is used by every corpus, run and adapter that needs it, and with
//! other audio or another encoder nothing stale is read. Files appear as a whole, have checksums, and which recordings
//! share one depends on the corpus alone: an encoding that was killed goes on and ends with the same bytes. One process
//! encodes into a folder at a time; another one waits, and then finds what it needs. A signal stops it between two batches.

mod corpus;
mod plan;
mod shard;
mod space;
mod variants;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::Context;
use burn::prelude::*;
use rayon::prelude::*;
use slm_core::models::ctc;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::{FeatureExtractor, Features};
use slm_core::models::nn::{EncodedSpeech, PaddedBatch};

pub use corpus::{BYTES_A_ROW, EncodedCorpus};
pub use variants::Variants;

use super::buckets;
use super::manifest::Utterance;
use super::rows::Rows;
use super::speech;
use crate::digest::{digest, wide_digest};
use crate::failures;
use crate::file_lock;
use crate::signals::{Interrupted, Signals};
use crate::stopped::Stopped;
use corpus::Found;
use shard::{Key, Packed};
use variants::Recording;

/// Feature frames of a batch for the encoder, padding included.
const BATCH_FRAMES: usize = 20_000;
/// What the files are called after their hash.
const EXTENSION: &str = "states";
/// Held by the process that encodes.
const LOCK: &str = ".lock";

/// Says of a recording what is to be known of it without reading it again, or why nothing can be said.
pub type Measure<'a> = &'a (dyn Fn(&EncodedSpeech) -> anyhow::Result<usize> + Sync);

/// Whether work is to go on, as [`Signals::check`] says it.
pub type GoOn<'a> = &'a (dyn Fn() -> Result<(), Interrupted> + Sync);

/// A frozen encoder whose outputs are kept in a folder.
#[derive(Debug, Clone, Copy)]
pub struct CachedEncoder<'a> {
    /// The folder; it is made when it is not there.
    pub dir: &'a Path,
    /// The encoder's features.
    pub features: &'a FeatureExtractor,
    /// The encoder.
    pub encoder: &'a SpeechEncoder,
    /// Hash of all files of the encoder's folder, its config among them.
    pub encoder_hash: &'a str,
    /// Layers whose states lie side by side in what it gives.
    pub layers: usize,
    /// Where the encoder is.
    pub device: &'a Device,
}

/// Whether a file could not be read, and not what is in it is wrong: others may need it.
fn is_of_the_system(error: &anyhow::Error) -> bool {
    let is_io = |cause: &io::Error| cause.kind() != io::ErrorKind::UnexpectedEof;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(is_io)
}

/// Recordings that go into one file.
struct Part<'a> {
    recordings: Vec<Recording>,
    variants: Option<Variants<'a>>,
}

impl CachedEncoder<'_> {
    /// Looks up what is kept of `rows`, computes the rest, and keeps it.
    ///
    /// States are kept in 16 bits. `measure` is asked about every row once, and `note` is told what happens. From here on
    /// [`Signals`] are watched.
    ///
    /// # Errors
    ///
    /// Audio that cannot be read, all of it named, and a disk without room, before anything is computed. As [`Stopped`]
    /// what ends the computing: an utterance that the device or 16 bits refuse, a file that cannot be written. As
    /// [`Interrupted`] a signal; what was encoded by then is kept.
    pub fn encode(
        &self,
        rows: &Rows,
        measure: Measure,
        note: &dyn Fn(String),
    ) -> anyhow::Result<EncodedCorpus> {
        self.encode_variants(rows, None, measure, note)
    }

    /// As [`Self::encode`], with `variants` of all rows: row `n + r` is the first variant of row `r` of `n`.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`], and files of effects that cannot be read.
    pub fn encode_variants(
        &self,
        rows: &Rows,
        variants: Option<Variants>,
        measure: Measure,
        note: &dyn Fn(String),
    ) -> anyhow::Result<EncodedCorpus> {
        let of_encoder = digest(&(self.encoder_hash, self.features.settings()));
        let dir = self.dir.join(format!("encoder-{of_encoder}"));
        fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        let signals = Signals::watch()?;
        let go_on: GoOn = &|| signals.check();
        let recordings = variants::recordings(&keys(rows, go_on)?, variants);
        let keys: Vec<Key> = recordings.iter().map(|recording| recording.key).collect();
        let corpus_key = digest(&(of_encoder, &keys));
        let failed = || format!("cannot read `{}`", dir.display());

        let mut found = Found::nothing(&dir, &keys, measure);
        let damaged = found.look(go_on).with_context(failed)?;
        if damaged.is_empty() && keys.iter().all(|key| found.has(*key)) {
            return found.corpus(&keys, corpus_key);
        }
        let _lock = lock(&dir, note, go_on)?;
        // Another process may have made them meanwhile.
        for (path, error) in found.look(go_on).with_context(failed)? {
            if is_of_the_system(&error) {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
            note(format!("warning: `{}` is damaged and made again: {error:#}", path.display()));
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        let parts = missing(rows, &recordings, variants, &found);
        self.check(rows, &parts, &dir, go_on)?;
        self.make(rows, &parts, &mut found, note, go_on)?;
        found.corpus(&keys, corpus_key)
    }

    /// Reading takes little of the time: it finds what is wrong with the last part, and how much room all need, before the
    /// first one is encoded.
    fn check(&self, rows: &Rows, parts: &[Part], dir: &Path, go_on: GoOn) -> anyhow::Result<()> {
        let states = |features: &[(Features, String)]| -> usize {
            features.iter().map(|(row, _)| row.frames.div_ceil(self.encoder.stride())).sum()
        };
        let of_part = |part: &Part| -> anyhow::Result<usize> {
            go_on()?;
            Ok(states(&part.features(rows, self.features)?))
        };
        let all: Vec<_> = parts.iter().map(of_part).collect();
        go_on()?;
        let states: usize = failures::all("files", all)?.into_iter().sum();
        space::check(dir, states, self.layers * self.encoder.output_width())
    }

    /// Computes the parts and writes them. Features of the next part are made while the device has the one before.
    fn make(
        &self,
        rows: &Rows,
        parts: &[Part],
        found: &mut Found,
        note: &dyn Fn(String),
        go_on: GoOn,
    ) -> anyhow::Result<()> {
        let mut left: usize = parts.iter().map(|part| part.recordings.len()).sum();
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            let extractor = self.features;
            scope.spawn(move || {
                for part in parts {
                    if sender.send(part.features(rows, extractor)).is_err() {
                        return;
                    }
                }
            });
            for part in parts {
                note(format!("encoding {left} utterances"));
                let features = receiver.recv().context("features were not made").flatten();
                let made = features.and_then(|features| self.make_part(part, &features, found, go_on));
                made.map_err(|error| {
                    let kept = format!("what was encoded is kept in `{}`", found.dir().display());
                    if error.is::<Interrupted>() {
                        note(format!("encoding stopped, {left} utterances are left; {kept}"));
                        return error;
                    }
                    Stopped::because(error, format!("encoding stopped, {left} utterances are left; {kept}"))
                })?;
                left -= part.recordings.len();
            }
            Ok(())
        })
    }

    /// Computes a part and writes it, all of it or nothing: what shares a file depends on the corpus alone.
    fn make_part(
        &self,
        part: &Part,
        features: &[(Features, String)],
        found: &mut Found,
        go_on: GoOn,
    ) -> anyhow::Result<()> {
        let packed = self.compute(part, features, go_on)?;
        let path = part.path(found.dir());
        shard::write(&path, &packed)?;
        // What was written is what is used, so that a first run and a resumed one see the same values.
        found.look_at(&path)
    }

    fn compute(
        &self,
        part: &Part,
        features: &[(Features, String)],
        go_on: GoOn,
    ) -> anyhow::Result<Vec<(Key, Packed)>> {
        let lengths: Vec<usize> = features.iter().map(|(features, _)| features.frames).collect();
        let mut packed: Vec<Option<Packed>> = vec![None; features.len()];
        for batch in buckets::batches(&lengths, BATCH_FRAMES, 0, 0) {
            go_on()?;
            let failed = |i: usize| format!("cannot encode `{}`", features[i].1);
            let outputs = match self.encode_batch(features, &batch) {
                Ok(outputs) => outputs,
                // One by one they need less memory, and the error is that of one recording.
                Err(_) => batch
                    .iter()
                    .map(|&i| self.encode_batch(features, &[i]).with_context(|| failed(i)))
                    .collect::<anyhow::Result<Vec<_>>>()?
                    .concat(),
            };
            for (&i, output) in batch.iter().zip(outputs) {
                packed[i] = Some(Packed::new(&output).with_context(|| failed(i))?);
            }
        }
        let packed =
            packed.into_iter().collect::<Option<Vec<_>>>().context("an utterance was not encoded")?;
        Ok(part.keys().zip(packed).collect())
    }

    /// The outputs for the features at the places `batch`.
    fn encode_batch(
        &self,
        features: &[(Features, String)],
        batch: &[usize],
    ) -> anyhow::Result<Vec<EncodedSpeech>> {
        let rows: Vec<&[f32]> = batch.iter().map(|&i| features[i].0.values.as_slice()).collect();
        let inputs = PaddedBatch::from_rows(&rows, self.features.width(), self.device);
        Ok(ctc::encode(self.encoder, &inputs)?)
    }
}

impl Part<'_> {
    /// The features of its recordings, with their names.
    fn features(&self, rows: &Rows, extractor: &FeatureExtractor) -> anyhow::Result<Vec<(Features, String)>> {
        let of_rows = self.recordings.iter().map(|recording| rows.get(recording.row));
        let utterances: Vec<Utterance> = of_rows.collect::<anyhow::Result<_>>()?;
        let change = |at: usize, samples| self.recordings[at].of(samples, self.variants);
        let (features, _) = speech::features_and_spans(&utterances, extractor, &change)?;
        let names = utterances.iter().map(|row| row.audio_filepath.display().to_string());
        Ok(features.into_iter().zip(names).collect())
    }

    /// What the outputs of its recordings are kept under.
    fn keys(&self) -> impl Iterator<Item = Key> {
        self.recordings.iter().map(|recording| recording.key)
    }

    /// Its file.
    fn path(&self, dir: &Path) -> PathBuf {
        let keys: Vec<Key> = self.keys().collect();
        dir.join(format!("{}.{EXTENSION}", digest(&keys)))
    }
}

/// What the sound of every row is told apart by, on all cores.
///
/// # Errors
///
/// Audio files that cannot be read, all of them named; [`Interrupted`].
pub fn keys(rows: &Rows, go_on: GoOn) -> anyhow::Result<Vec<u128>> {
    let key = |row: usize| -> anyhow::Result<u128> {
        go_on()?;
        Ok(wide_digest(&speech::hash(&rows.get(row)?)?))
    };
    let keys: Vec<_> = (0..rows.len()).into_par_iter().map(key).collect();
    go_on()?;
    failures::all(speech::RECORDINGS, keys)
}

/// What was not found, in parts; rows with the same sound are one recording.
fn missing<'v>(
    rows: &Rows,
    recordings: &[Recording],
    variants: Option<Variants<'v>>,
    found: &Found,
) -> Vec<Part<'v>> {
    let mut seen = HashSet::new();
    let first: Vec<Recording> =
        recordings.iter().copied().filter(|recording| seen.insert(recording.key)).collect();
    plan::parts(first.iter().map(|recording| rows.seconds(recording.row)))
        .into_iter()
        .map(|part| {
            let recordings = first[part].iter().copied();
            Part { recordings: recordings.filter(|recording| !found.has(recording.key)).collect(), variants }
        })
        .filter(|part| !part.recordings.is_empty())
        .collect()
}

/// Waits until no other process encodes into the folder; the system releases the lock with the process.
fn lock(dir: &Path, note: &dyn Fn(String), go_on: GoOn) -> anyhow::Result<File> {
    let path = dir.join(LOCK);
    let failed = || format!("cannot lock `{}`", path.display());
    let file = File::create(&path).with_context(failed)?;
    let mut is_told = false;
    loop {
        if file_lock::take(&file).with_context(failed)? {
            return Ok(file);
        }
        if !is_told {
            note(format!("another process encodes into `{}`: waiting for it", dir.display()));
            is_told = true;
        }
        go_on()?;
    }
}
