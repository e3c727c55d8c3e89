//! Errors of the synthesiser.

use std::path::PathBuf;
use std::process::ExitStatus;

use slm_core::audio::AudioProblem;

/// Why an utterance could not be spoken or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// The program is not installed.
    #[error("cannot run `{program}`: not found")]
    NotFound {
        /// Name of the program.
        program: &'static str,
    },
    /// The program could not be started or read.
    #[error("cannot run `{program}`: {source}")]
    Run {
        /// Name of the program.
        program: &'static str,
        /// Error of the system.
        source: std::io::Error,
    },
    /// The program ended with an error.
    #[error("`{program}` failed with {status}: {message}")]
    Failed {
        /// Name of the program.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Start of what it wrote to standard error.
        message: String,
    },
    /// The installed program lacks a voice of the set; it would speak with another one without saying so.
    #[error("`{program}` has no voice `{voice}`")]
    MissingVoice {
        /// Name of the program.
        program: &'static str,
        /// The program's own name of the voice or variant.
        voice: &'static str,
    },
    /// The program's output is no WAV that can be read.
    #[error("`{program}` gave no usable audio: {source}")]
    BadOutput {
        /// Name of the program.
        program: &'static str,
        /// What is wrong with it.
        source: Box<AudioProblem>,
    },
    /// The output holds no sound.
    #[error("`{program}` gave only silence")]
    Silent {
        /// Name of the program.
        program: &'static str,
    },
    /// The text has no letter and no digit that the voice can say.
    #[error("nothing to say: the text has no letter or digit")]
    NothingToSay,
    /// The text is too long for one utterance.
    #[error("text has {bytes} bytes, allowed are {limit}")]
    TextTooLong {
        /// Size of the text.
        bytes: usize,
        /// Largest size.
        limit: usize,
    },
    /// A folder could not be made or listed.
    #[error("cannot use folder `{}`: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// A WAV file could not be written.
    #[error("cannot write `{}`: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Error of the writer.
        source: hound::Error,
    },
    /// Two lines have the same number.
    #[error("two lines have the id {id}")]
    DuplicateId {
        /// The number.
        id: u64,
    },
    /// One line of a corpus failed.
    #[error("cannot speak line {id}: {source}")]
    Line {
        /// Number of the line.
        id: u64,
        /// What went wrong.
        source: Box<SynthError>,
    },
}

impl SynthError {
    /// One next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } | Self::MissingVoice { .. } => Some("apt-get install espeak-ng flite"),
            Self::Line { source, .. } => source.hint(),
            _ => None,
        }
    }
}
