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
    /// More follows after the end that the header declares, which is left out; no chunk, so it may be audio.
    DataBeyondEnd {
        /// Bytes of it.
        bytes: u64,
    },
    /// The file is longer than its header can say, and is read to the end.
    DataSizeWrapped {
        /// Bytes in the header.
        declared: u64,
        /// Bytes that are there.
        bytes: u64,
    },
    /// The file ends in the middle of something, and its header does not tell how long it should be.
    BreaksOff {
        /// Seconds of audio that are there.
        found: f64,
    },
    /// Audio could not be decoded, and is silence now, so that later times stay right.
    AudioLost {
        /// Where, in seconds.
        at: f64,
        /// How much, in seconds.
        seconds: f64,
    },
    /// More of the same, after so many places that the others are not told one by one.
    MoreAudioLost {
        /// Further places.
        places: u64,
        /// How much in all of them, in seconds.
        seconds: f64,
    },
    /// The channels cancel out, so the louder one is taken.
    ChannelsCancel {
        /// That one, from 1.
        taken: u16,
    },
    /// Some channels are without sound, so the mean is that of the others.
    DeadChannels {
        /// The others, from 1.
        live: Vec<u16>,
    },
    /// The audio ends before the part that was asked for.
    StartBeyondEnd {
        /// Where that part begins, in seconds.
        start: f64,
        /// Seconds of audio that are there.
        seconds: f64,
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
            Self::DataBeyondEnd { bytes } => {
                let s = plural(*bytes);
                write!(f, "{bytes} byte{s} after the end that the header declares ignored")
            }
            Self::DataSizeWrapped { declared, bytes } => {
                write!(
                    f,
                    "data has {bytes} bytes, more than a WAV header can say ({declared}), using them all"
                )
            }
            Self::BreaksOff { found } => write!(f, "audio breaks off after {found:.2} s"),
            Self::AudioLost { at, seconds } => write!(f, "{seconds:.2} s of audio lost at {at:.2} s"),
            Self::MoreAudioLost { places, seconds } => {
                let s = plural(*places);
                write!(f, "{seconds:.2} s of audio lost at {places} more place{s}")
            }
            Self::ChannelsCancel { taken } => {
                write!(f, "channels cancel each other out, using channel {taken}")
            }
            Self::DeadChannels { live } => {
                let s = plural(live.len() as u64);
                let live: Vec<String> = live.iter().map(u16::to_string).collect();
                write!(f, "some channels are silent, using channel{s} {}", live.join(", "))
            }
            Self::StartBeyondEnd { start, seconds } => {
                write!(f, "audio ends at {seconds:.2} s, before the start at {start:.2} s")
            }
            Self::NoSamples => f.write_str("no audio samples"),
            Self::NoSpeech => f.write_str("no speech found"),
        }
    }
}
