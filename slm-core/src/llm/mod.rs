//! Language models of the T5 family: text (or adapted speech) in, text out.
//!
//! [`t5`] is the model; its parts are [`relative_bias`], [`attention`], [`feed_forward`], the [`stack`]
//! of blocks, and the [`cache`] of the decoder's keys and values.

pub mod attention;
pub mod cache;
pub mod config;
pub mod feed_forward;
pub mod relative_bias;
pub mod stack;
pub mod t5;

pub use cache::DecoderCache;
pub use config::{MODEL_TYPES, T5Config};
pub use t5::{LlmError, T5};
