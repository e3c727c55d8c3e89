//! SLM: a frozen Conformer speech encoder and a frozen language model, joined by a small adapter.
//!
//! Paper: *SLM: Bridge the thin gap between speech and text foundation models*, arXiv 2310.00230.
//!
//! **Applications** use what is at the root. A [`Model`] is opened once, and clones of it are shared between threads. A
//! [`Session`] is one request at work: samples go in, [`Event`]s come out, and it can be cancelled from any thread.
//!
//! ```no_run
//! use slm_core::{Model, OpenOptions, Task, audio};
//!
//! let model = Model::open("weights/slm-tiny", &OpenOptions::new())?;
//! let sound = audio::read("talk.wav".as_ref())?;
//! let answer = model.answer(&sound.samples, &model.request(Task::Transcribe))?;
//! # let _ = answer.text;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Those who build, train or test models** find all parts in [`models`], one module a step of the way from samples to
//! text. It changes as the models do.
//!
//! The library prints nothing, keeps no global state and returns typed errors. A panic in it is a bug;
//! shapes that contradict a config are caught when weights are loaded, not in `forward`.

#![deny(missing_docs)]

mod adapter;
pub mod audio;
mod checkpoint;
mod ctc;
mod decode;
mod encoder;
mod engine;
mod features;
mod llm;
pub mod models;
mod nn;
mod prompt;
mod text;

pub use ctc::{
    Agreement, Aligned, FoundPhrase, MAX_PHRASE_CHARS, MAX_PHRASES, PhraseError, PhraseList, SkippedSpeech,
    Word,
};
pub use decode::settings::{MAX_BEAMS, MAX_NEW_TOKENS};
pub use decode::{DecodeConfig, Strategy};
pub use engine::{
    Alternative, Answer, AudioPart, Backend, BackendAttempt, BackendChoice, BackendError, BackendReport,
    CancelToken, Capabilities, Cause, Check, Delivery, Error, Event, Failure, Finding, Keep, Limits,
    MemoryBudget, MemoryEstimate, MemoryShortage, Model, ModelDescription, ModelKind, OpenOptions,
    PartDescription, Progress, Quantization, QuantizeError, QuantizedPart, Quiet, QuietKind, Request,
    Segment, Segmentation, Session, Source, TokenLimit, UnsupportedText, Warning, WeightSummary,
    keep_freed_memory,
};
pub use llm::Attachment;
pub use nn::weights::{ComputeType, Progress as LoadProgress};
pub use prompt::{
    Dialog, LongAudio, Phrases, Respelled, Respelling, Speaker, Task, TemplateError, TemplateFileError,
    Templates, Turn,
};
