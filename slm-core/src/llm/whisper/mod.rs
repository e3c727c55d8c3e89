//! The decoder of Whisper: text after a few tokens that say language and task, beside the states of a window of sound.
//!
//! Paper: *Robust Speech Recognition via Large-Scale Weak Supervision*, arXiv 2212.04356, section 2.2. Reference:
//! transformers 5.23.0, `modeling_whisper.py`, `WhisperDecoder`, `WhisperForConditionalGeneration`. [`config`] has its
//! sizes, [`decoder`] the stack of its layers, `model` the whole with its head, `trace` what a known text looks like
//! from within.

pub mod config;
pub mod decoder;
mod model;
mod trace;

pub use config::WhisperDecoderConfig;
pub use model::WhisperDecoder;
pub use trace::Trace;

/// The `model_type` of folders that have such a decoder, beside an encoder.
pub const MODEL_TYPE: &str = "whisper";
