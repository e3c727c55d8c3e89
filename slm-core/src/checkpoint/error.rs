//! Why the files of a model cannot be listed or read.

use std::io;
use std::path::PathBuf;

use super::gguf::GgufError;
use super::tensors::WeightsError;

/// Why the files of a model cannot be listed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refused.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not in the list of the model's files.
    #[error("cannot read `{}`: the model has no such file", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is larger than any real one.
    #[error("cannot read `{}`: {bytes} bytes, limit is {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A name in a list leads out of the folder.
    #[error("cannot open model `{}`: file name `{}` leaves the folder", dir.display(), name.escape_debug())]
    Outside {
        /// The folder.
        dir: PathBuf,
        /// The name.
        name: String,
    },
    /// A GGUF file.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The weight files cannot be told.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
