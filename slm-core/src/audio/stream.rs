//! Stub of the audio stream over [`read`](super::read); it goes when the real one comes.

use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::vec;

use super::{Audio, AudioError, AudioWarning, SAMPLE_RATE};

/// How audio is read.
#[non_exhaustive]
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Which channel.
    pub channel: Channel,
    /// Seconds from the start that are passed over.
    pub start: f64,
    /// Seconds that are read at most.
    pub duration: Option<f64>,
    /// Samples without a header.
    pub raw: Option<RawFormat>,
}

/// Which channels are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// All of them, mixed.
    #[default]
    Mix,
    /// One, from 1.
    Only(u16),
}

/// The form of samples without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFormat {
    rate: u32,
}

impl FromStr for RawFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = text.strip_prefix("s16le,").and_then(|rest| rest.strip_suffix(",1"));
        let rate = rate.and_then(|rate| rate.parse().ok());
        rate.map(|rate| Self { rate }).ok_or_else(|| "expected such as `s16le,16000,1`".into())
    }
}

/// Audio that is decoded piece by piece.
#[derive(Debug)]
pub struct AudioStream {
    rest: vec::IntoIter<f32>,
    warnings: Vec<AudioWarning>,
    seconds: f64,
}

impl AudioStream {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, AudioError> {
        Ok(Self::of(super::read(path)?, options))
    }

    /// Reads from a source that cannot seek.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn from_reader<R: Read + Send + Sync + 'static>(
        reader: R,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Self, AudioError> {
        Ok(Self::of(super::read_stream(reader, path)?, options))
    }

    fn of(audio: Audio, options: &ReadOptions) -> Self {
        let at = |seconds: f64| (seconds * f64::from(SAMPLE_RATE)) as usize;
        let length = options.duration.map_or(usize::MAX, at);
        let samples: Vec<f32> = audio.samples.into_iter().skip(at(options.start)).take(length).collect();
        let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
        Self { rest: samples.into_iter(), warnings: audio.warnings, seconds }
    }

    /// Channels of the file.
    pub fn channels(&self) -> u16 {
        1
    }

    /// What the file is.
    pub fn format(&self) -> &'static str {
        "WAV"
    }

    /// How long the file is, as far as its header says so.
    pub fn declared_seconds(&self) -> Option<f64> {
        Some(self.seconds)
    }

    /// The samples that follow; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn next_piece(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        let piece: Vec<f32> = self.rest.by_ref().take(SAMPLE_RATE as usize).collect();
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// What was odd since it was asked last.
    pub fn take_warnings(&mut self) -> Vec<AudioWarning> {
        std::mem::take(&mut self.warnings)
    }
}
