//! When each word was said, and whether it was: generated text beside what the frozen encoder's CTC head heard.
//!
//! A language model gives text without times, and may write what nobody said. The CTC head knows neither the task nor
//! the instruction, only the sound, so it is asked for both: [`forced`] lays a text onto its posteriors, [`words`] reads
//! times and support from the path, and [`agreement`] says in one number how well the sound supports the text.

pub mod agreement;
pub mod edit;
pub mod forced;
mod heard;
mod words;

pub use agreement::Agreement;
pub use words::{Aligned, SkippedSpeech, Word, WordAligner};
