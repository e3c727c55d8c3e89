//! All parts of a model joined: from samples to answers, for those who build models. Applications use
//! [`Model`](crate::Model), which is made of it.
//!
//! A [`SpeechModel`] has [`Ears`], which are the same for all kinds of models, and one of the writers ([`AnyWriter`]): a
//! language model behind an adapter ([`Adapted`]), that of a published folder ([`SpeechLlm`]), the labels of the encoder
//! itself ([`CtcWriter`]), or the decoder of a recogniser ([`WhisperWriter`]).

mod adapted;
mod any_writer;
mod ctc_writer;
mod ears;
mod error;
mod model;
mod parts;
mod plan;
mod respond;
mod segment;
mod settle;
mod shared;
mod speech_llm;
mod stream;
mod texts;
mod verify;
mod whisper;
mod writer;

pub use adapted::Adapted;
pub use any_writer::AnyWriter;
pub use ctc_writer::CtcWriter;
pub use ears::Ears;
pub use error::{LoadError, SpeechError};
pub use model::SpeechModel;
pub use parts::SpeechParts;
pub use segment::MAX_SEGMENT_SECONDS;
pub use speech_llm::{SpeechLlm, SpeechLlmConfig};
pub use whisper::{AttentionMap, Suppressed, SuppressedAtBegin, TimeRules, WhisperTokens, WhisperWriter};

pub(crate) use respond::Work;
pub(crate) use segment::{Cut, Cutter, Stretch, joined};
pub(crate) use settle::{Answered, failed, settled};
pub(super) use speech_llm::{
    MODEL_TYPES as SPEECH_LLM_TYPES, tasks as speech_llm_tasks, working_bytes as speech_llm_bytes,
};
pub(crate) use verify::Outcome;
pub(crate) use whisper::tasks as whisper_tasks;

/// The most tokens that an instruction may have.
pub const MAX_INSTRUCTION_TOKENS: usize = 512;

/// The most tokens of a text in the place of speech.
pub const MAX_TEXT_TOKENS: usize = 4096;

/// Seconds that `samples` take.
pub(crate) fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(crate::audio::SAMPLE_RATE)
}

#[cfg(all(test, feature = "flex"))]
pub(super) mod tests;
