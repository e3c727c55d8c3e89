//! Why a tokenizer could not be loaded or used.

use std::io;
use std::path::PathBuf;

use super::MAX_TOKENIZER_BYTES;
use crate::checkpoint::nemo::NemoError;
use crate::checkpoint::{CheckpointError, absent};

/// Why a tokenizer could not be loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The system refused.
    #[error("cannot load tokenizer `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is larger than [`MAX_TOKENIZER_BYTES`].
    #[error("cannot load tokenizer `{}`: {bytes} bytes, limit is {MAX_TOKENIZER_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The content is not a tokenizer.
    #[error("cannot load tokenizer `{}`: tokenizer definition is invalid: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the crate said.
        reason: String,
    },
    /// The tokenizer has ids that the model has no row for.
    #[error("cannot load tokenizer `{}`: {tokens} tokens, embedding has {rows} rows", path.display())]
    TooManyTokens {
        /// The file.
        path: PathBuf,
        /// The largest id and one.
        tokens: usize,
        /// Rows of the embedding.
        rows: usize,
    },
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// A text has no encoding.
    #[error("cannot encode text `{text}`: {reason}")]
    Encode {
        /// The text, cut to 200 characters.
        text: String,
        /// What the crate said.
        reason: String,
    },
    /// Ids have no text.
    #[error("cannot decode token ids: {reason}")]
    Decode {
        /// What the crate said.
        reason: String,
    },
    /// The files of the model cannot be told.
    #[error(transparent)]
    Checkpoint(CheckpointError),
}

impl From<CheckpointError> for TokenizerError {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Io { path, source } => Self::Io { path, source },
            CheckpointError::Missing { path } => Self::Io { path, source: absent() },
            CheckpointError::TooLarge { path, bytes, .. } => Self::TooLarge { path, bytes },
            other => Self::Checkpoint(other),
        }
    }
}
