//! What the config of a Granite Speech says beside its parts.

use serde::Deserialize;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};

/// The `model_type` without more.
const GRANITE_SPEECH: &str = "granite_speech";
/// That of a model whose text may have who speaks and when words end.
const GRANITE_SPEECH_PLUS: &str = "granite_speech_plus";

/// What `config.json` says of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SpeechLlmConfig {
    /// The family.
    pub model_type: String,
    /// The id that stands for speech in a prompt.
    #[serde(alias = "audio_token_id")]
    pub audio_token_index: u32,
    /// Whether an adapter lies in the folder.
    pub has_lora_adapter: bool,
}

impl Default for SpeechLlmConfig {
    fn default() -> Self {
        Self { model_type: GRANITE_SPEECH.to_owned(), audio_token_index: 49_155, has_lora_adapter: true }
    }
}

impl SpeechLlmConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json(CONFIG_FILE)
    }

    /// Whether its text may have who speaks and when words end.
    pub(super) fn is_plus(&self) -> bool {
        self.model_type == GRANITE_SPEECH_PLUS
    }
}
