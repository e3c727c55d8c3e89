//! Why a model could not be opened or a request not be answered, in classes that a program can act on.

use std::error::Error as StdError;
use std::{fmt, io};

use super::backend::BackendError;
use super::quantize::QuantizeError;
use super::speech::{LoadError, SpeechError};
use crate::adapter::AdapterError;
use crate::audio::AudioError;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::bundle::BundleError;
use crate::checkpoint::gguf::GgufError;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::nemo::NemoError;
use crate::checkpoint::tensors::WeightsError;
use crate::ctc::{PhraseError, ReadBackError};
use crate::decode::DecodeError;
use crate::encoder::EncoderError;
use crate::features::FeatureError;
use crate::llm::{LlmError, LoraError};
use crate::nn::weights::UnsupportedComputeType;
use crate::prompt::{TemplateError, TemplateFileError};
use crate::text::TokenizerError;
use crate::text::chat::ChatError;

/// What went wrong, with the error that tells it. Messages, sources and hints are that error's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The input, a file or the request cannot be used as it is.
    BadInput(Cause),
    /// This model, this build or this device cannot do it.
    Unsupported(Cause),
    /// It is more than the limits allow.
    Limit(Cause),
    /// A file of the model is missing, damaged, or not the one that it was made with.
    Damaged(Cause),
    /// There is not enough memory.
    OutOfMemory(Cause),
    /// There is no room on the disk.
    OutOfDisk(Cause),
    /// The device or its driver failed.
    Device(Cause),
    /// It was cancelled.
    Cancelled,
    /// A bug in this library.
    Internal(Cause),
}

/// The error that tells what went wrong.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// More memory than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} takes {} MB, {} MB are free", needed / 1_000_000, available / 1_000_000)]
#[non_exhaustive]
pub struct MemoryShortage {
    /// What takes it.
    pub what: &'static str,
    /// Bytes that it takes.
    pub needed: u64,
    /// Bytes that there are.
    pub available: u64,
}

/// A message of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Message(pub(super) String);

impl Error {
    /// The class of the error as a word, stable across versions.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadInput(_) => "bad_input",
            Self::Unsupported(_) => "unsupported",
            Self::Limit(_) => "limit",
            Self::Damaged(_) => "model_damaged",
            Self::OutOfMemory(_) => "out_of_memory",
            Self::OutOfDisk(_) => "out_of_disk",
            Self::Device(_) => "device",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "internal",
        }
    }

    /// The error that tells what went wrong; none when it was cancelled.
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self {
            Self::BadInput(cause)
            | Self::Unsupported(cause)
            | Self::Limit(cause)
            | Self::Damaged(cause)
            | Self::OutOfMemory(cause)
            | Self::OutOfDisk(cause)
            | Self::Device(cause)
            | Self::Internal(cause) => Some(&**cause),
            Self::Cancelled => None,
        }
    }

    /// One next step.
    pub fn hint(&self) -> Option<String> {
        let cause = self.cause()?;
        if let Some(error) = cause.downcast_ref::<BackendError>() {
            return error.hint();
        }
        if let Some(error) = cause.downcast_ref::<SpeechError>() {
            return error.hint();
        }
        if let Some(LoadError::Prompt(error)) = cause.downcast_ref() {
            return error.hint();
        }
        if let Some(error) = cause.downcast_ref::<AudioError>() {
            return error.hint();
        }
        if cause.is::<MemoryShortage>() {
            return Some("`--dtype f16` halves the weights; a larger `--memory` allows more".into());
        }
        if let Some(error) = cause.downcast_ref::<QuantizeError>() {
            return error.hint();
        }
        cause.downcast_ref::<BundleError>().and_then(BundleError::hint)
    }

    /// A bug, told by the text of its panic.
    pub(super) fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("unknown");
        let text: String = text.chars().take(MAX_PANIC_CHARS).collect();
        Self::Internal(Box::new(Message(format!("internal error: {text}"))))
    }

    /// `error` as `class` has it, or as what the system said in its sources.
    fn classed<E: StdError + Send + Sync + 'static>(error: E, class: fn(Cause) -> Self) -> Self {
        match system_class(&error) {
            Some(class) => class(Box::new(error)),
            None => class(Box::new(error)),
        }
    }
}

/// Characters of a panic's text that are kept.
const MAX_PANIC_CHARS: usize = 200;

/// The class that the system's own word gives, wherever it stands among the sources.
fn system_class(error: &(dyn StdError + 'static)) -> Option<fn(Cause) -> Error> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Error::OutOfDisk),
                io::ErrorKind::OutOfMemory => Some(Error::OutOfMemory),
                _ => None,
            };
        }
        source = error.source();
    }
    None
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause() {
            Some(cause) => fmt::Display::fmt(cause, f),
            None => f.write_str("cancelled"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The cause's own message is this error's.
        self.cause().and_then(StdError::source)
    }
}

/// Errors that are of one class whatever they say.
macro_rules! classes {
    ($($error:ty => $class:ident),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::classed(error, Self::$class)
            }
        })*
    };
}

classes! {
    AudioError => BadInput,
    PhraseError => BadInput,
    TemplateError => BadInput,
    TemplateFileError => BadInput,
    UnsupportedComputeType => Unsupported,
    CheckpointError => Damaged,
    GgufError => Damaged,
    JsonError => Damaged,
    NemoError => Damaged,
    FeatureError => Damaged,
    TokenizerError => Damaged,
    ChatError => Damaged,
    LoraError => Damaged,
    MemoryShortage => OutOfMemory,
}

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::NoDevice { .. } => Self::classed(error, Self::Device),
            _ => Self::classed(error, Self::Unsupported),
        }
    }
}

/// Errors of reading weights, which can be cancelled.
fn of_weights<E: StdError + Send + Sync + 'static>(
    error: E,
    weights: fn(&E) -> Option<&WeightsError>,
) -> Error {
    match weights(&error) {
        Some(WeightsError::Cancelled) => Error::Cancelled,
        _ => Error::classed(error, Error::Damaged),
    }
}

impl From<WeightsError> for Error {
    fn from(error: WeightsError) -> Self {
        of_weights(error, |error| Some(error))
    }
}

impl From<EncoderError> for Error {
    fn from(error: EncoderError) -> Self {
        of_weights(error, |error| match error {
            EncoderError::Weights(error) => Some(error),
            _ => None,
        })
    }
}

impl From<LlmError> for Error {
    fn from(error: LlmError) -> Self {
        of_weights(error, |error| match error {
            LlmError::Weights(error) => Some(error),
            _ => None,
        })
    }
}

impl From<AdapterError> for Error {
    fn from(error: AdapterError) -> Self {
        of_weights(error, |error| match error {
            AdapterError::Weights(error) => Some(error),
            _ => None,
        })
    }
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Cancelled => Self::Cancelled,
            BundleError::Version { .. } => Self::classed(error, Self::Unsupported),
            _ => Self::classed(error, Self::Damaged),
        }
    }
}

impl From<QuantizeError> for Error {
    fn from(error: QuantizeError) -> Self {
        match error {
            QuantizeError::Type { .. }
            | QuantizeError::Form { .. }
            | QuantizeError::Nothing { .. }
            | QuantizeError::File { .. } => Self::classed(error, Self::Unsupported),
            QuantizeError::Exists { .. } | QuantizeError::Write { .. } => {
                Self::classed(error, Self::BadInput)
            }
        }
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Encoder(error) => error.into(),
            LoadError::Adapter(error) => error.into(),
            LoadError::Llm(error) => error.into(),
            LoadError::NoInstructions
            | LoadError::NoLanguageModel
            | LoadError::NoSpeechAdapter { .. }
            | LoadError::OtherBase { .. } => Self::classed(error, Self::Unsupported),
            _ => Self::classed(error, Self::Damaged),
        }
    }
}

impl From<SpeechError> for Error {
    fn from(error: SpeechError) -> Self {
        match &error {
            SpeechError::Prompt(cause) if cause.is_limit() => Self::classed(error, Self::Limit),
            SpeechError::AudioTooLong { .. } | SpeechError::NoTranscripts { .. } => {
                Self::classed(error, Self::Limit)
            }
            SpeechError::NoTask { .. }
            | SpeechError::OnlyTranscribes { .. }
            | SpeechError::OnlyHears
            | SpeechError::Recogniser { .. }
            | SpeechError::Language { .. }
            | SpeechError::WhichLanguage { .. }
            | SpeechError::NoTranslation { .. }
            | SpeechError::NoLanguage { .. }
            | SpeechError::NoAdapter { .. }
            | SpeechError::NoLabels => Self::classed(error, Self::Unsupported),
            SpeechError::Cancelled
            | SpeechError::Encoder(ReadBackError::Cancelled)
            | SpeechError::Decode(DecodeError::Cancelled) => Self::Cancelled,
            SpeechError::Encoder(_)
            | SpeechError::Decode(DecodeError::ReadBack { .. } | DecodeError::NonFinite { .. }) => {
                Self::classed(error, Self::Device)
            }
            _ => Self::classed(error, Self::BadInput),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_system_decides_between_damage_and_a_full_disk() {
        let with = |kind: io::ErrorKind| {
            let error = JsonError::Io { path: PathBuf::from("a"), source: kind.into() };
            Error::from(error)
        };
        assert!(matches!(with(io::ErrorKind::NotFound), Error::Damaged(_)));
        let full = with(io::ErrorKind::StorageFull);
        assert!(matches!(full, Error::OutOfDisk(_)));
        // The io error is still there to be looked at.
        assert!(full.source().is_some_and(<dyn StdError>::is::<io::Error>));
        assert_eq!(full.to_string(), "cannot load config `a`");
    }

    #[test]
    fn the_system_decides_wherever_its_word_stands() {
        let path = || PathBuf::from("a");
        let errors = |kind: io::ErrorKind| -> [Error; 5] {
            let word = || io::Error::from(kind);
            let base = CheckpointError::Io { path: path(), source: word() };
            [
                EncoderError::Nemo(NemoError::Archive { path: path(), source: word().into() }).into(),
                EncoderError::Base { path: path(), source: base.into() }.into(),
                WeightsError::Torch { path: path(), source: word().into() }.into(),
                SpeechError::Encoder(ReadBackError::Device(word().into())).into(),
                SpeechError::Decode(DecodeError::ReadBack { step: 0, source: word().into() }).into(),
            ]
        };
        let full = errors(io::ErrorKind::StorageFull);
        assert!(full.iter().all(|error| matches!(error, Error::OutOfDisk(_))), "{full:?}");
        let spent = errors(io::ErrorKind::OutOfMemory);
        assert!(spent.iter().all(|error| matches!(error, Error::OutOfMemory(_))), "{spent:?}");
        let others = errors(io::ErrorKind::NotFound).map(|error| error.kind());
        assert_eq!(others, ["model_damaged", "model_damaged", "model_damaged", "device", "device"]);
    }

    #[test]
    fn a_cancel_has_no_cause() {
        let error = Error::from(WeightsError::Cancelled);
        assert!(matches!(error, Error::Cancelled));
        assert_eq!((error.kind(), error.to_string()), ("cancelled", "cancelled".to_owned()));
    }
}
