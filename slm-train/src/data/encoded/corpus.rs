//! What an encoder gives for the rows of a corpus, on disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;
use slm_core::models::nn::EncodedSpeech;

use super::shard::{Key, Shard};
use super::{EXTENSION, GoOn, Measure};

/// Where a recording is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    start: u64,
    hash: u64,
    shard: u32,
    states: u32,
    measured: u32,
}

/// What is held of a row: its place on the disk.
pub const BYTES_A_ROW: usize = size_of::<Place>();

/// What an encoder gives for the rows of a corpus: memory holds [`BYTES_A_ROW`] of each, the rest is read when it is asked
/// for.
#[derive(Debug)]
pub struct EncodedCorpus {
    shards: Vec<Shard>,
    places: Vec<Place>,
    key: String,
}

impl EncodedCorpus {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What the measure said of row `index`.
    pub fn measured(&self, index: usize) -> usize {
        self.places[index].measured as usize
    }

    /// A hash of all that the rows depend on.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Bytes of all sound files of its folder, those that others use among them.
    ///
    /// # Errors
    ///
    /// A file that is gone.
    pub fn bytes(&self) -> anyhow::Result<u64> {
        let bytes = |shard: &Shard| -> anyhow::Result<u64> { Ok(fs::metadata(shard.path())?.len()) };
        self.shards.iter().map(bytes).sum()
    }

    /// Reads row `index`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that was damaged since it was checked.
    pub fn read(&self, index: usize) -> anyhow::Result<EncodedSpeech> {
        let place = &self.places[index];
        let shard = &self.shards[place.shard as usize];
        shard.read(place.states, place.start, place.hash).with_context(|| {
            let path = shard.path().display();
            format!("cannot read the encoder's outputs in `{path}`; the same command makes them again")
        })
    }
}

/// The sound files of a folder, and which of the wanted recordings are where in them.
pub(super) struct Found<'a> {
    dir: &'a Path,
    measure: Measure<'a>,
    shards: Vec<Shard>,
    /// The wanted recordings, with their places as far as they were found.
    places: HashMap<Key, Option<Place>>,
}

/// A file that is not what it was, and why.
pub(super) type Damaged = (PathBuf, anyhow::Error);

impl<'a> Found<'a> {
    /// Nothing yet, of the recordings `wanted`.
    pub(super) fn nothing(dir: &'a Path, wanted: &[Key], measure: Measure<'a>) -> Self {
        let places = wanted.iter().map(|&key| (key, None)).collect();
        Self { dir, measure, shards: Vec::new(), places }
    }

    /// The folder.
    pub(super) fn dir(&self) -> &'a Path {
        self.dir
    }

    /// Looks at all files of the folder that are not known yet, on all cores. Of each the wanted recordings are read, so
    /// that a damaged one is found before the work. Gives the files that are damaged.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read; [`Interrupted`](crate::signals::Interrupted).
    pub(super) fn look(&mut self, go_on: GoOn) -> anyhow::Result<Vec<Damaged>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(self.dir)? {
            let path = entry?.path();
            let is_known = || self.shards.iter().any(|shard| shard.path() == path);
            if path.extension().is_some_and(|extension| extension == EXTENSION) && !is_known() {
                paths.push(path);
            }
        }
        // Where two hold the same recording the first one counts, always the same.
        paths.sort();
        let check = |path: &PathBuf| -> anyhow::Result<(Shard, Vec<(Key, Place)>)> {
            go_on()?;
            self.check(path)
        };
        let checked: Vec<_> = paths.par_iter().map(check).collect();
        // What was not looked at is not damaged.
        go_on()?;
        let mut damaged = Vec::new();
        for (path, checked) in paths.into_iter().zip(checked) {
            match checked {
                Ok((shard, places)) => self.add(shard, places),
                Err(error) => damaged.push((path, error)),
            }
        }
        Ok(damaged)
    }

    /// Adds a file that was just written.
    ///
    /// # Errors
    ///
    /// What was written cannot be read.
    pub(super) fn look_at(&mut self, path: &Path) -> anyhow::Result<()> {
        let (shard, places) =
            self.check(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        self.add(shard, places);
        Ok(())
    }

    fn check(&self, path: &Path) -> anyhow::Result<(Shard, Vec<(Key, Place)>)> {
        let (shard, entries) = Shard::open(path)?;
        let wanted = entries.into_iter().filter(|entry| self.places.contains_key(&entry.key));
        let places = wanted.map(|entry| {
            let speech = shard.read(entry.states, entry.start, entry.hash)?;
            let measured = (self.measure)(&speech)? as u32;
            let place =
                Place { start: entry.start, hash: entry.hash, shard: 0, states: entry.states, measured };
            Ok((entry.key, place))
        });
        let places = places.collect::<anyhow::Result<Vec<_>>>()?;
        Ok((shard, places))
    }

    fn add(&mut self, shard: Shard, places: Vec<(Key, Place)>) {
        let number = self.shards.len() as u32;
        self.shards.push(shard);
        for (key, place) in places {
            if let Some(found) = self.places.get_mut(&key) {
                found.get_or_insert(Place { shard: number, ..place });
            }
        }
    }

    /// Whether a recording was found.
    pub(super) fn has(&self, key: Key) -> bool {
        self.places.get(&key).is_some_and(Option::is_some)
    }

    /// The corpus whose rows have these keys, when all of them were found.
    pub(super) fn corpus(&self, keys: &[Key], key: String) -> anyhow::Result<EncodedCorpus> {
        let places = keys.iter().map(|key| self.places.get(key).copied().flatten());
        let places = places.collect::<Option<Vec<_>>>().context("an utterance was not encoded")?;
        Ok(EncodedCorpus { shards: self.shards.clone(), places, key })
    }
}
