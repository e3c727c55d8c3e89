//! Cohere Transcribe: a recogniser of fourteen languages.
//!
//! Reference: transformers 5.23.0, `models/cohere_asr`. [`prompts`] has what its texts begin with.

mod prompts;

pub use prompts::CoherePrompts;

pub(super) use prompts::{LONGEST, tasks};
