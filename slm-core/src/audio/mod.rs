//! Audio files to mono samples at 16 kHz.
//!
//! WAV and its 64-bit relatives are read by a walk over their header of our own, which forgives what writers get wrong;
//! AIFF, CAF, MP3, FLAC, Ogg, MP4, Matroska, WebM and AAC are taken apart by symphonia and decoded by it too, but for AAC
//! and Opus, which have decoders of their own in pure Rust. The format goes by content, never by name. Damaged files give
//! what can be used with an [`AudioWarning`], or an [`AudioError`] that names expected and found; no input panics or takes
//! memory by a number in its header.
//!
//! An [`AudioStream`] gives the samples piece by piece, in memory that does not grow with the duration. [`read`] and its
//! like collect them, up to [`limits::MAX_HOURS`].

pub(crate) mod activity;
mod adpcm;
mod content;
mod decode;
mod encoding;
mod error;
mod guard;
mod kind;
pub mod limits;
mod losses;
mod mix;
mod options;
mod packets;
mod problem;
mod raw;
mod resample;
mod sniff;
mod source;
mod stored;
mod stream;
mod wav;

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

pub use activity::has_speech;
pub use content::Content;
pub use encoding::RawEncoding;
pub use error::{AudioError, AudioWarning};
pub use kind::ErrorKind;
pub use options::{Channel, ReadOptions};
pub use problem::AudioProblem;
pub use raw::{RawFormat, RawFormatError};

use source::Source;
use stream::Stream;

/// Samples a second of all audio inside the project.
pub const SAMPLE_RATE: u32 = 16_000;

/// How the names of audio files end, in lower case and in order. What a file is, its content decides.
pub const NAME_ENDINGS: [&str; 34] = [
    "3gp", "aac", "aif", "aifc", "aiff", "alac", "bw64", "caf", "f4a", "flac", "m4a", "m4b", "m4r", "m4v",
    "mk3d", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpga", "oga", "ogg", "ogv", "opus", "rf64",
    "spx", "w64", "wav", "wave", "weba", "webm",
];

/// Mono samples at [`SAMPLE_RATE`]: finite, full scale 1, magnitude of the source at most
/// [`limits::MAX_SAMPLE`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Audio {
    /// The samples; several channels are averaged.
    pub samples: Vec<f32>,
    /// What was odd about the file.
    pub warnings: Vec<AudioWarning>,
}

impl Audio {
    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }
}

/// Audio that is read piece by piece, in constant memory.
///
/// ```no_run
/// use slm_core::audio::{AudioStream, ReadOptions};
///
/// # fn main() -> Result<(), slm_core::audio::AudioError> {
/// let mut stream = AudioStream::open("talk.mp3".as_ref(), &ReadOptions::default())?;
/// while let Some(samples) = stream.next_piece()? {
///     // At most a second of mono samples at 16 kHz.
///     assert!(samples.len() <= 16_000);
/// }
/// # Ok(())
/// # }
/// ```
pub struct AudioStream {
    path: PathBuf,
    stream: Stream<'static>,
}

impl AudioStream {
    /// Opens a file, a pipe or a device.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is not audio of a supported format, is damaged beyond use or is outside of [`limits`];
    /// when `options` ask for a channel that is not there, or for a time that is none.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, AudioError> {
        let stream = open(path).and_then(|source| stream::open(source, options));
        Self::new(path, stream)
    }

    /// Reads from a source that cannot seek, such as standard input; `path` is named in errors. MP4, whose index may be at
    /// the end, is kept in a temporary file up to [`limits::MAX_STREAM_BYTES`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_reader<R: Read + Send + Sync + 'static>(
        reader: R,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Self, AudioError> {
        Self::new(path, stream::open(Source::pipe(reader), options))
    }

    fn new(path: &Path, stream: Result<Stream<'static>, AudioProblem>) -> Result<Self, AudioError> {
        match stream {
            Ok(stream) => Ok(Self { path: path.to_path_buf(), stream }),
            Err(problem) => Err(AudioError::new(path, problem)),
        }
    }

    /// Channels of the file.
    pub fn channels(&self) -> u16 {
        self.stream.channels
    }

    /// Name of the format, such as `WAV` or `Ogg Opus`.
    pub fn format(&self) -> &'static str {
        self.stream.format
    }

    /// Seconds that will be given, where a header tells. It may be wrong.
    pub fn declared_seconds(&self) -> Option<f64> {
        self.stream.declared_seconds()
    }

    /// The next mono samples at [`SAMPLE_RATE`], a second of them at most; `None` at the end. They are finite, full scale 1,
    /// and those of the source at most [`limits::MAX_SAMPLE`].
    ///
    /// # Errors
    ///
    /// When reading fails, or the samples are not finite or beyond the limit. Nothing comes after an error.
    pub fn next_piece(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        self.stream.next_piece().map_err(|problem| AudioError::new(&self.path, problem))
    }

    /// What was odd about the file since the last call. Some of it is known only at the end.
    pub fn take_warnings(&mut self) -> Vec<AudioWarning> {
        self.stream.take_warnings()
    }
}

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioStream")
            .field("path", &self.path)
            .field("format", &self.format())
            .field("channels", &self.channels())
            .finish_non_exhaustive()
    }
}

/// Reads an audio file, a pipe or a device into memory.
///
/// # Errors
///
/// When the file cannot be opened, is not audio of a supported format, is damaged beyond use, is outside
/// [`limits`], or has non-finite samples.
pub fn read(path: &Path) -> Result<Audio, AudioError> {
    open(path).and_then(collect).map_err(|problem| AudioError::new(path, problem))
}

/// Reads audio from memory; `path` is named in errors.
///
/// # Errors
///
/// As [`read`].
pub fn read_bytes(bytes: &[u8], path: &Path) -> Result<Audio, AudioError> {
    read_from(Cursor::new(bytes), path)
}

/// Reads audio from the start of `reader`; `path` is named in errors.
///
/// # Errors
///
/// As [`read`].
pub fn read_from<R: Read + Seek + Send + Sync>(reader: R, path: &Path) -> Result<Audio, AudioError> {
    let source = Source::file(reader).map_err(AudioProblem::Io);
    source.and_then(collect).map_err(|problem| AudioError::new(path, problem))
}

fn open(path: &Path) -> Result<Source<'static>, AudioProblem> {
    // Asked before opening: some systems refuse to open a folder, with a misleading error.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(AudioProblem::IsDirectory);
    }
    let file = File::open(path)?;
    Ok(if metadata.is_file() {
        Source::file(BufReader::new(file))?
    } else {
        Source::pipe(BufReader::new(file))
    })
}

/// Takes all samples into memory.
fn collect(source: Source<'_>) -> Result<Audio, AudioProblem> {
    let longest = f64::from(limits::MAX_HOURS) * 3600.0;
    let check = |seconds: f64| {
        if seconds > longest { Err(AudioProblem::TooLong { seconds }) } else { Ok(()) }
    };
    let mut stream = stream::open(source, &ReadOptions::default())?;
    check(stream.measured_seconds().unwrap_or(0.0))?;
    let mut audio = Audio::default();
    while let Some(piece) = stream.next_piece()? {
        let reserved = audio.samples.try_reserve(piece.len());
        reserved.map_err(|_| AudioProblem::OutOfMemory { seconds: audio.seconds() })?;
        audio.samples.extend_from_slice(&piece);
        check(audio.seconds())?;
    }
    audio.warnings = stream.take_warnings();
    Ok(audio)
}

#[cfg(test)]
mod tests;
