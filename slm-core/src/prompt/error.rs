//! Why a prompt could not be made.

use std::path::PathBuf;

use super::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::checkpoint::{CHAT_TEMPLATE_FILE, MANIFEST_NAME};
use crate::text::TokenizerError;
use crate::text::chat::ChatError;

/// Why a prompt could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// Nobody says how the language model reads a conversation.
    #[error("the language model `{}` has no chat template (`{CHAT_TEMPLATE_FILE}`)", place.display())]
    NoTemplate {
        /// The model.
        place: PathBuf,
    },
    /// Examples for a model that reads no conversation.
    #[error("`prompt.examples` are turns of a conversation, which an encoder-decoder does not read")]
    NoTurns,
    /// The chat template gives no prompt.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The chat template gives no text.
    #[error("the chat template made an empty prompt")]
    Empty,
    /// The instruction is too long.
    #[error("instruction has {tokens} tokens, limit is {MAX_INSTRUCTION_TOKENS}")]
    InstructionTooLong {
        /// Its length.
        tokens: usize,
    },
    /// The text in the place of speech is too long.
    #[error("text has {tokens} tokens, limit is {MAX_TEXT_TOKENS}")]
    TextTooLong {
        /// Its length.
        tokens: usize,
    },
    /// Text without tokens.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl PromptError {
    /// Whether something is longer than allowed.
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::InstructionTooLong { .. } | Self::TextTooLong { .. })
    }

    /// One next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoTemplate { .. } => {
                Some(format!("put one into the folder, or into `{MANIFEST_NAME}` as `prompt.chat_template`"))
            }
            _ => None,
        }
    }
}
