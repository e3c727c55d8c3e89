//! What is named and is no input.

use std::io;
use std::path::{Path, PathBuf};

/// Why what was named cannot be an input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// A folder was named, and folders were not asked for.
    #[error("cannot read audio `{}`: is a directory", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to read in a folder.
    #[error("cannot read audio `{}`: no audio file in this folder", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A pattern fits no file.
    #[error("cannot read audio `{}`: no file fits this pattern", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A pattern that is none.
    #[error("cannot read audio `{}`: no such file, and as a pattern it is wrong at character {}: {}",
        pattern.display(), source.pos + 1, source.msg)]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// The system does not let a folder be read.
    #[error("cannot read folder `{}`", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file would have to be read once for each channel, and is no file.
    #[error("cannot read audio `{}`: `--channel each` reads a file once for each channel, and this can be read only once",
        path.display())]
    ReadOnce {
        /// What was named.
        path: PathBuf,
    },
}

impl InputError {
    /// What was named, or the folder in it that cannot be read.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Folder { path }
            | Self::EmptyFolder { path }
            | Self::NoMatch { pattern: path }
            | Self::Pattern { pattern: path, .. }
            | Self::Unreadable { path, .. }
            | Self::ReadOnce { path } => path,
        }
    }

    /// One next step.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } => Some("`--recursive` takes the audio files in it and in the folders in it"),
            Self::EmptyFolder { .. } => Some("files in folders go by their names, such as `talk.mp3`"),
            Self::ReadOnce { .. } => {
                Some("write it to a file first, or name a channel, such as `--channel 1`")
            }
            Self::NoMatch { .. } | Self::Pattern { .. } | Self::Unreadable { .. } => None,
        }
    }
}
