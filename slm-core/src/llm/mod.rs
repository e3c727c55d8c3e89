//! Language models of the T5 family: text (or adapted speech) in, text out.
//!
//! [`t5`] is T5; its parts are [`relative_bias`], [`attention`], [`feed_forward`], the [`stack`]
//! of blocks, and the [`cache`] of the decoder's keys and values. [`gemma`] is T5Gemma. [`LanguageModel`] is any of them.

pub mod attention;
pub mod cache;
pub mod config;
pub mod feed_forward;
pub mod gemma;
mod language_model;
pub mod relative_bias;
pub mod stack;
pub mod t5;

pub use cache::DecoderCache;
pub use config::T5Config;
pub use gemma::T5Gemma;
pub use language_model::{LanguageModel, MODEL_TYPES, TokenIds};
pub use t5::{LlmError, T5};
