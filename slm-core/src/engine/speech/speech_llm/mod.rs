//! A published speech language model: encoder, projector and language model in one folder.
//!
//! Papers: *Granite-speech*, arXiv 2505.08699; *SALM*, arXiv 2310.09424. Reference: transformers 5.23.0,
//! `GraniteSpeechForConditionalGeneration`, and NeMo's `SALM`. A further family is a file beside [`granite`] and [`salm`] and a
//! line in [`families`].

mod config;
mod families;
mod granite;
mod instructions;
mod load;
mod model;
mod prompts;
mod published;
mod salm;
mod thoughts;
mod transcript;

pub use config::SpeechLlmConfig;
pub use model::SpeechLlm;

pub(in crate::engine) use families::MODEL_TYPES;
pub(in crate::engine) use load::{parameters, tasks, working_bytes};
