//! What the folder of a published speech language model gives, whatever family it is of.

use crate::adapter::Projector;
use crate::checkpoint::json::JsonError;
use crate::decode::DecodeConfig;
use crate::engine::speech::error::LoadError;
use crate::llm::{CausalConfig, CausalLm, Lora};
use crate::nn::weights::Placement;
use crate::prompt::{TemplateError, Templates};
use crate::text::TextTokenizer;
use crate::text::chat::Chat;

/// Tokens of an instruction and what stands around it, for estimates.
pub(super) const INSTRUCTION_TOKENS: usize = 128;

/// What a language model is told in, and how it is decoded.
pub(super) struct Words {
    /// Its tokenizer.
    pub(super) tokenizer: TextTokenizer,
    /// How conversations are written.
    pub(super) chat: Chat,
    /// How it is decoded where a request does not say it.
    pub(super) decode: DecodeConfig,
}

/// What questions are answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// The speech itself.
    Speech,
    /// Its transcript.
    Transcript,
}

/// A folder, beside its encoder and its features.
pub(super) trait Published {
    /// The phrasings of its tasks.
    fn templates(&self) -> Result<Templates, TemplateError>;

    /// What comes of its small files; the first that is missing is told.
    fn words(&self) -> Result<Words, LoadError>;

    /// What questions are answered from.
    fn basis(&self) -> Basis {
        Basis::Speech
    }

    /// The adapter that is on where there is speech.
    fn adapter(&self) -> Result<Option<Lora>, LoadError>;

    /// The projector.
    fn projector(&self, placement: &Placement) -> Result<Projector, LoadError>;

    /// The language model without the adapter.
    fn language_model(&self, placement: &Placement) -> Result<CausalLm, LoadError>;

    /// Embeddings of `states` states.
    fn embeddings(&self, states: usize) -> Result<usize, JsonError>;

    /// Sizes of the language model.
    fn language_model_config(&self) -> Result<CausalConfig, LoadError>;
}
