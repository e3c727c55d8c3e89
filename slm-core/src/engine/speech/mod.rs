//! All parts of a model joined: from samples to answers, for those who build models. Applications use
//! [`Model`](crate::Model), which is made of it.
//!
//! A [`SpeechModel`] has [`Ears`], which are the same for all kinds of models, and one of the writers ([`AnyWriter`]): a
//! language model behind an adapter ([`Adapted`]), that of a published folder ([`SpeechLlm`]), the labels of the encoder
//! itself ([`CtcWriter`]), or the decoder of a recogniser ([`RecogniserWriter`], [`WhisperWriter`]).

mod adapted;
mod any_writer;
mod canary;
mod cohere;
mod ctc_writer;
mod doubts;
mod ears;
mod error;
#[cfg(all(test, feature = "flex"))]
mod failing;
mod model;
mod other_adapter;
mod outputs;
mod packing;
mod parts;
mod piece;
mod plan;
mod recogniser;
mod recognisers;
mod respond;
mod segment;
mod settle;
mod shared;
mod speech_llm;
mod stream;
mod texts;
mod verify;
mod votes;
mod whisper;
mod writer;

pub use adapted::Adapted;
pub use any_writer::AnyWriter;
pub use canary::CanaryPrompts;
pub use cohere::CoherePrompts;
pub use ctc_writer::CtcWriter;
pub use ears::Ears;
pub use error::{LoadError, SpeechError};
pub use model::SpeechModel;
pub use parts::SpeechParts;
pub use recogniser::{Beginning, Prompts, RecogniserWriter, language_code, language_name};
pub use segment::MAX_SEGMENT_SECONDS;
pub use speech_llm::{SpeechLlm, SpeechLlmConfig};
pub use whisper::{AttentionMap, Suppressed, SuppressedAtBegin, WhisperTokens, WhisperWriter};

pub(super) use parts::misfits;
pub(crate) use piece::{Piece, Spoken, Work};
pub(super) use recognisers::{named as recogniser_named, of as recogniser_of};
pub(crate) use segment::{Cut, Cutter, Stretch, joined};
pub(crate) use settle::{Answered, failed, settled};
pub(super) use speech_llm::{
    MODEL_TYPES as SPEECH_LLM_TYPES, parameters as speech_llm_parameters, tasks as speech_llm_tasks,
    working_bytes as speech_llm_bytes,
};
pub(crate) use verify::Outcome;
pub(crate) use votes::Votes;

/// Seconds that `samples` take.
pub(crate) fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(crate::audio::SAMPLE_RATE)
}

#[cfg(all(test, feature = "flex"))]
pub(super) mod tests;
