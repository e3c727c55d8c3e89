//! Why a model could not be loaded or a request not be answered.

use std::path::PathBuf;

use crate::adapter::AdapterError;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::json::JsonError;
use crate::ctc::ReadBackError;
use crate::decode::DecodeError;
use crate::encoder::EncoderError;
use crate::features::FeatureError;
use crate::llm::{LlmError, LoraError};
use crate::prompt::TemplateError;
use crate::text::TokenizerError;
use crate::text::chat::ChatError;

use super::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};

/// Why the parts of a bundle could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The folder of a part.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The encoder's `preprocessor_config.json`.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The adapter.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The language model.
    #[error(transparent)]
    Llm(#[from] LlmError),
    /// The language model's LoRA adapter.
    #[error(transparent)]
    Lora(#[from] LoraError),
    /// The chat template.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The language model's `generation_config.json`.
    #[error(transparent)]
    Decode(#[from] JsonError),
    /// A tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The templates.
    #[error("invalid bundle: {0}")]
    Template(#[from] TemplateError),
    /// Templates for a model that is told nothing.
    #[error("templates phrase instructions, and the model takes none")]
    NoInstructions,
    /// Files that a published model takes from another one and does not hold.
    #[error("cannot load language model `{}`: it lacks {}; they are those of `{origin}`, put them there", place.display(),
        missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and "))]
    Origin {
        /// Where they are looked for.
        place: PathBuf,
        /// Those that are missing.
        missing: Vec<&'static str>,
        /// The model that they are from, as the published one names it.
        origin: String,
    },
    /// Parts that do not fit together.
    #[error("the parts of the model do not fit: {}", problems.join(", "))]
    Mismatch {
        /// One text a pair of fields.
        problems: Vec<String>,
    },
}

/// Why a request could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechError {
    /// The bundle was not made for this task.
    #[error("the bundle has no task `{key}`; it has {}", available.join(", "))]
    NoTask {
        /// The task's key.
        key: String,
        /// The keys that the bundle has.
        available: Vec<String>,
    },
    /// The model has no language model.
    #[error(
        "the model cannot do `{key}`: it is a speech encoder with a CTC head, which can `transcribe` and nothing else"
    )]
    OnlyTranscribes {
        /// The task's key.
        key: String,
    },
    /// Text in the place of speech, for a model that only hears.
    #[error(
        "the model cannot read text: it is a speech encoder with a CTC head, which can `transcribe` speech"
    )]
    OnlyHears,
    /// The model is a recogniser, which is not asked in words.
    #[error("the model cannot {wanted}: it is a speech recogniser, which can do {}", available.join(", "))]
    Recogniser {
        /// What it cannot do.
        wanted: String,
        /// The keys of its tasks.
        available: Vec<String>,
    },
    /// A language that the model does not know.
    #[error("the model does not know the language `{found}`; it knows {known}")]
    Language {
        /// What was asked for.
        found: String,
        /// What there is.
        known: String,
    },
    /// A language for a model that is not told any.
    #[error("the model is not told which language is spoken, the request says `{found}`")]
    NoLanguage {
        /// What was asked for.
        found: String,
    },
    /// The task's template cannot be filled.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Some rows of a batch have text before the speech and some have none.
    #[error("instructions of one batch differ in whether they begin before the speech")]
    UnevenInstructions,
    /// The chat template gives no prompt.
    #[error(transparent)]
    Chat(#[from] ChatError),
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
    /// There is nothing to look for phrases with.
    #[error("phrases need an encoder with a CTC head and a tokenizer for its labels, the model has none")]
    NoLabels,
    /// Text cannot be told while several hypotheses are looked for.
    #[error("text can be told as it comes for one hypothesis only, the request asks for {hypotheses}")]
    CannotStream {
        /// Hypotheses that were asked for.
        hypotheses: usize,
    },
    /// The audio is too long for a task that needs all of it at once.
    #[error("{seconds:.2} s of audio, limit for this task is {limit:.0} s")]
    AudioTooLong {
        /// Its duration.
        seconds: f64,
        /// The longest that the memory allows.
        limit: f64,
    },
    /// Recordings cannot be cut like that.
    #[error("`{field}` of the segments is {found}, must be {allowed}")]
    Segmentation {
        /// The field.
        field: &'static str,
        /// Its value.
        found: f64,
        /// What it can be.
        allowed: &'static str,
    },
    /// The audio is too long for a task that needs all of it at once, and its parts cannot be told apart.
    #[error(
        "more than {limit:.0} s of audio, and the bundle has no task `transcribe` to find the part that matters"
    )]
    NoTranscripts {
        /// The longest that goes through the model at once.
        limit: f64,
    },
    /// Text without tokens, or tokens without text.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] ReadBackError),
    /// The decoder.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl SpeechError {
    /// The class of the error, stable across versions.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InstructionTooLong { .. }
            | Self::TextTooLong { .. }
            | Self::AudioTooLong { .. }
            | Self::NoTranscripts { .. } => "limit",
            Self::NoTask { .. }
            | Self::OnlyTranscribes { .. }
            | Self::OnlyHears
            | Self::Recogniser { .. }
            | Self::Language { .. }
            | Self::NoLanguage { .. }
            | Self::NoLabels
            | Self::Template(_)
            | Self::Chat(_)
            | Self::UnevenInstructions
            | Self::CannotStream { .. }
            | Self::Segmentation { .. }
            | Self::Tokenizer(_) => "text",
            Self::Decode(DecodeError::NonFinite { .. }) => "nonfinite",
            Self::Decode(DecodeError::Cancelled)
            | Self::Encoder(ReadBackError::Cancelled)
            | Self::Cancelled => "cancelled",
            Self::Encoder(_) | Self::Decode(_) => "decoder_bug",
        }
    }

    /// One next step.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AudioTooLong { .. } => {
                Some("split the recording, transcribe it first, or allow more memory (`--memory`)".into())
            }
            Self::NoTranscripts { .. } => Some(
                "split the recording, or use a bundle with `transcribe`, which finds the part that matters"
                    .into(),
            ),
            Self::OnlyTranscribes { .. } | Self::OnlyHears => Some(
                "a bundle (`slm.json`) joins such an encoder with a language model, which does the rest"
                    .into(),
            ),
            _ => None,
        }
    }

    /// Whether the work was ended by its caller.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.kind() == "cancelled"
    }
}
