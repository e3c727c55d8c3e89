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
use crate::prompt::{PromptError, RowsError, TemplateError};
use crate::text::TokenizerError;
use crate::text::chat::ChatError;

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
    /// How the language model is told what to do.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The language model's `generation_config.json`.
    #[error(transparent)]
    Decode(#[from] JsonError),
    /// A tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// An adapter whose rows the encoder cannot give.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The templates.
    #[error("invalid bundle: {0}")]
    Template(#[from] TemplateError),
    /// Templates for a model that is told nothing.
    #[error("templates phrase instructions, and the model takes none")]
    NoInstructions,
    /// An adapter for a model that has no language model.
    #[error("adapters change a language model, and the model has none")]
    NoLanguageModel,
    /// A bundle's adapter for a published speech language model, which has a projector of its own.
    #[error("`{}` is no LoRA adapter; the model takes no other, as it has a projector of its own", place.display())]
    NoSpeechAdapter {
        /// The adapter's folder.
        place: PathBuf,
    },
    /// An adapter of a bundle that was trained for other models than these.
    #[error("the adapter of bundle `{}` was trained for another {part}", place.display())]
    OtherBase {
        /// The bundle of the adapter.
        place: PathBuf,
        /// What differs.
        part: &'static str,
    },
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
    /// A model that knows several languages and does not find out which one is spoken.
    #[error("the model must be told which language is spoken; it knows {known}")]
    WhichLanguage {
        /// What there is.
        known: String,
    },
    /// Two languages of which none is English, for a model that translates from English and into English.
    #[error("the model translates from English and into English, the request asks for `{from}` to `{to}`")]
    NoTranslation {
        /// What is spoken.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// A language for a model that is not told any.
    #[error("the model is not told which language is spoken, the request says `{found}`")]
    NoLanguage {
        /// What was asked for.
        found: String,
    },
    /// An adapter that the model was not opened with.
    #[error("the model has no adapter `{found}`; {}", adapters_text(available))]
    NoAdapter {
        /// What was asked for.
        found: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// The task's template cannot be filled.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The instruction cannot be put to the language model.
    #[error(transparent)]
    Prompt(#[from] PromptError),
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
            Self::Prompt(error) if error.is_limit() => "limit",
            Self::AudioTooLong { .. } | Self::NoTranscripts { .. } => "limit",
            Self::NoTask { .. }
            | Self::OnlyTranscribes { .. }
            | Self::OnlyHears
            | Self::Recogniser { .. }
            | Self::Language { .. }
            | Self::WhichLanguage { .. }
            | Self::NoTranslation { .. }
            | Self::NoLanguage { .. }
            | Self::NoAdapter { .. }
            | Self::NoLabels
            | Self::Template(_)
            | Self::Prompt(_)
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
            Self::Prompt(error) => error.hint(),
            Self::WhichLanguage { .. } => Some("name it (`--language`)".into()),
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

/// Which adapters there are.
fn adapters_text(names: &[String]) -> String {
    if names.is_empty() {
        "it was opened without any".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    }
}
