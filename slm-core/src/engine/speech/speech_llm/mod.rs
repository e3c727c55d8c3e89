//! A published speech language model: encoder, projector and language model in one folder, with its own chat template.
//!
//! Paper: *Granite-speech*, arXiv 2505.08699. Reference: transformers 5.23.0, `GraniteSpeechForConditionalGeneration`.

mod config;
mod instructions;
mod load;
mod model;
mod prompts;

pub use config::SpeechLlmConfig;
pub use model::SpeechLlm;

pub(in crate::engine) use config::{MODEL_TYPES, working_bytes};
pub(in crate::engine) use load::{parameters, tasks};
