//! The encoder of Whisper: a Transformer over windows of 30 s.
//!
//! Paper: *Robust Speech Recognition via Large-Scale Weak Supervision*, arXiv 2212.04356, section 2.2. Reference:
//! transformers 5.23.0, `modeling_whisper.py`, `WhisperEncoder`. [`config`] has its sizes, [`layer`] a layer, `model`
//! the way through them, and how it is picked out of a whole model.

pub mod config;
pub mod layer;
mod model;

pub use config::WhisperEncoderConfig;
pub use model::WhisperEncoder;

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &["whisper"];
