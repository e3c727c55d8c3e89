//! Why a conversation could not be turned into a prompt.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::json::JsonError;
use crate::text::TokenizerError;

/// Why a conversation could not be turned into a prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// A file of the model cannot be read.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// A settings file is not what it should be.
    #[error(transparent)]
    Settings(#[from] JsonError),
    /// The template is not text in UTF-8.
    #[error("cannot load chat template `{}`: it is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The template cannot be parsed.
    #[error("cannot load chat template `{}`: line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// The template refuses the conversation.
    #[error("chat template `{}` refuses the conversation: {message}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it says.
        message: String,
    },
    /// The template fails on the conversation.
    #[error("chat template `{}` fails in line {line}: {reason}", path.display())]
    Render {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What went wrong.
        reason: String,
    },
    /// The rendered text cannot be tokenized.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The rendered text has another number of places for speech than there are recordings.
    #[error("the chat template made {found} of {expected} places for speech (`{placeholder}`)")]
    Places {
        /// What marks a place.
        placeholder: String,
        /// The recordings.
        expected: usize,
        /// The places.
        found: usize,
    },
}
