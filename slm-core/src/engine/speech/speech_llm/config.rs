//! What the config of a speech language model says beside its parts.

use serde::Deserialize;

use crate::adapter::WindowQFormerConfig;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::{self, EncoderError};
use crate::engine::speech::texts::token_limit;
use crate::llm::{CausalConfig, LlmSizes};

/// The `model_type`s of speech language models.
pub(in crate::engine) const MODEL_TYPES: &[&str] = &["granite_speech", "granite_speech_plus"];

/// Tokens of an instruction and what stands around it, for estimates.
pub(super) const INSTRUCTION_TOKENS: usize = 128;

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
        Self { model_type: MODEL_TYPES[0].to_owned(), audio_token_index: 49_155, has_lora_adapter: true }
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
        self.model_type == MODEL_TYPES[1]
    }
}

/// Bytes of the work on a stretch of `seconds`, which has `frames` feature frames, from the configs alone.
pub(in crate::engine) fn working_bytes(
    checkpoint: &Checkpoint,
    frames: usize,
    seconds: f64,
) -> Result<u64, EncoderError> {
    let projector = WindowQFormerConfig::from_checkpoint(checkpoint)?;
    let source = projector.count(frames) + INSTRUCTION_TOKENS;
    let writing = CausalConfig::from_inside(checkpoint)?.working_bytes(1, source, token_limit(seconds));
    Ok(encoder::sizes(checkpoint)?.working_bytes(1, frames).max(writing))
}
