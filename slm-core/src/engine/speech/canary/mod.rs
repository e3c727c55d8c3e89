//! Canary: a recogniser of 25 European languages, which translates from English and into English.
//!
//! Paper: *Less is More: Accurate Speech Recognition & Translation without Web-Scale Data*, arXiv 2406.19674. Reference:
//! transformers 5.23.0, `models/canary`. [`prompts`] has what its texts begin with.

mod prompts;

pub use prompts::CanaryPrompts;

pub(super) use prompts::{LONGEST, tasks};
