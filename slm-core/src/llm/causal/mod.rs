//! Decoder-only language models: Llama and what is built like it.
//!
//! Papers: *LLaMA*, arXiv 2302.13971; *Qwen3*, arXiv 2505.09388; *Granite*, arXiv 2405.04324. One implementation for all:
//! [`attention`] and [`feed_forward`] make the layers of [`decoder`], [`model`] has the head. What differs is
//! configuration ([`config::CausalConfig`]): biases, norms of queries and keys, [`rope`], windows, and Granite's four
//! multipliers.

pub mod attention;
pub mod config;
pub mod decoder;
pub mod feed_forward;
mod gguf;
mod inside;
pub mod model;
pub(crate) mod raw;
pub mod rope;
mod salm;

pub(super) use config::MODEL_TYPES;
pub use config::{Biases, CausalConfig, HeadNorms};
pub use model::CausalLm;
pub use rope::{Rope, RopeScaling};
