//! Errors and warnings of the audio reader.
//!
//! An [`AudioError`] prints as one line that stands alone; [`AudioError::hint`] gives the next step and
//! [`std::error::Error::source`] the error of the system, where there is one.

use std::fmt;
use std::path::{Path, PathBuf};

use super::kind::ErrorKind;
use super::problem::{AudioProblem, plural};

/// Why an audio file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct AudioError {
    /// The file, or the name the caller gave the input.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: AudioProblem,
}

impl AudioError {
    pub(super) fn new(path: &Path, problem: AudioProblem) -> Self {
        Self { path: path.to_path_buf(), problem }
    }

    /// The class of the error, stable across versions.
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }

    /// One thing the user can do, if there is one.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint().map(str::to_owned)
    }
}

impl fmt::Display for AudioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "cannot read audio `{path}`: {}", self.problem)
    }
}

impl std::error::Error for AudioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

/// Something odd about a file that was read all the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AudioWarning {
    /// The file ends before its data.
    DataTruncated {
        /// Seconds of audio that are there.
        found: f64,
        /// Seconds the header announces.
        declared: f64,
    },
    /// The recorder did not write the size.
    DataSizeZero {
        /// Bytes up to the end of the file.
        bytes: u64,
    },
    /// The data ends inside a frame.
    TrailingBytes {
        /// Bytes left over.
        bytes: u64,
    },
    /// There is not one whole frame.
    NoSamples,
    /// There are samples, but no speech among them, see [`has_speech`](super::has_speech); reading alone
    /// does not look for it.
    NoSpeech,
}

impl fmt::Display for AudioWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataTruncated { found, declared } => {
                write!(f, "data ends after {found:.2} s, header says {declared:.2} s")
            }
            Self::DataSizeZero { bytes } => {
                let s = plural(*bytes);
                write!(f, "data size is 0 in the header, using the {bytes} byte{s} that follow")
            }
            Self::TrailingBytes { bytes } => {
                let s = plural(*bytes);
                write!(f, "{bytes} byte{s} after the last whole frame ignored")
            }
            Self::NoSamples => f.write_str("no audio samples"),
            Self::NoSpeech => f.write_str("no speech found"),
        }
    }
}
