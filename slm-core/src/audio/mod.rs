//! Audio files to mono samples at 16 kHz.
//!
//! WAV is read: PCM of 8, 16, 24 and 32 bit and 32-bit float, up to 64 channels, 1 to 768 kHz. The format goes by
//! content, never by name. Damaged files give what can be used with an [`AudioWarning`], or an [`AudioError`] that
//! names expected and found; no input panics or takes memory by a number in its header. Memory is that of the samples at
//! 16 kHz, whatever the rate of the file, and their duration is limited.

pub(crate) mod activity;
mod error;
mod kind;
pub mod limits;
mod problem;
mod resample;
mod sniff;
mod stream;
mod wav;
mod wav_header;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

pub use activity::has_speech;
pub use error::{AudioError, AudioWarning};
pub use kind::ErrorKind;
pub use problem::{AudioProblem, Content};
pub use stream::{AudioStream, Channel, RawFormat, ReadOptions};

/// Samples a second of all audio inside the project.
pub const SAMPLE_RATE: u32 = 16_000;

/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 16;

/// Mono samples at [`SAMPLE_RATE`]: finite, full scale 1, magnitude of the source at most
/// [`limits::MAX_SAMPLE`].
#[derive(Clone, Debug, Default, PartialEq)]
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

/// Reads an audio file. Pipes and devices are held in memory, up to [`limits::MAX_STREAM_BYTES`].
///
/// # Errors
///
/// When the file cannot be opened, is not audio of a supported format, is damaged beyond use, is outside
/// [`limits`], or has non-finite samples.
pub fn read(path: &Path) -> Result<Audio, AudioError> {
    open(path).map_err(|problem| AudioError::new(path, problem))
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
pub fn read_from<R: Read + Seek>(reader: R, path: &Path) -> Result<Audio, AudioError> {
    decode(reader).map_err(|problem| AudioError::new(path, problem))
}

/// Reads audio from a source that cannot seek, such as standard input, up to [`limits::MAX_STREAM_BYTES`]; `path` is
/// named in errors. Content that is not audio is refused after its first bytes.
///
/// # Errors
///
/// As [`read`].
pub fn read_stream<R: Read>(reader: R, path: &Path) -> Result<Audio, AudioError> {
    buffer(reader).map_err(|problem| AudioError::new(path, problem))
}

fn open(path: &Path) -> Result<Audio, AudioProblem> {
    // Asked before opening: some systems refuse to open a folder, with a misleading error.
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(AudioProblem::IsDirectory);
    }
    let file = File::open(path)?;
    if metadata.is_file() { decode(file) } else { buffer(file) }
}

/// Takes a whole stream into memory, then decodes it.
fn buffer<R: Read>(mut reader: R) -> Result<Audio, AudioProblem> {
    let mut bytes = Vec::new();
    reader.by_ref().take(sniff::SNIFF_BYTES).read_to_end(&mut bytes)?;
    sniff::require_wav(&bytes, bytes.len() as u64)?;
    let mut rest = reader.take(limits::MAX_STREAM_BYTES);
    rest.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits::MAX_STREAM_BYTES {
        return Err(AudioProblem::StreamTooLong { limit: limits::MAX_STREAM_BYTES });
    }
    decode(Cursor::new(bytes))
}

fn decode<R: Read + Seek>(reader: R) -> Result<Audio, AudioProblem> {
    let mut reader = BufReader::with_capacity(READ_BYTES, reader);
    let len = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    let mut head = Vec::new();
    Read::by_ref(&mut reader).take(sniff::SNIFF_BYTES).read_to_end(&mut head)?;
    sniff::require_wav(&head, len)?;
    let header = wav_header::walk(&mut reader, len)?;
    Ok(Audio { samples: wav::decode(&mut reader, &header)?, warnings: header.warnings })
}

#[cfg(test)]
mod tests;
