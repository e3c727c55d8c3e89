//! Requests and their answers: what is asked of speech, how it is put to the language model, what comes
//! back.
//!
//! [`Task`] names what is asked and [`Template`] phrases it, with the speech in the place of words.
//! [`SpeechModel`] holds all parts of a bundle and answers.

mod context;
mod dialog;
mod error;
mod model;
mod request;
mod respell;
mod respond;
mod segment;
mod stream;
mod template;

pub use context::Context;
pub use dialog::{Dialog, Speaker, Turn};
pub use error::{LoadError, SpeechError};
pub use model::{SpeechModel, SpeechParts};
pub use request::{Alternative, Request, Response, Task};
pub use respell::Respelling;
pub use segment::{MAX_SEGMENT_SECONDS, Segment, segments};
pub use template::{Instruction, Slots, Template, TemplateError, Templates};

/// The longest audio, in seconds, for tasks that need all of it at once, such as a question about it;
/// attention over the encoder's states takes memory by the square of the length. Transcribing and
/// translating have no limit: they go segment by segment.
pub const MAX_WHOLE_SECONDS: f64 = 300.0;

/// The most tokens that an instruction may have.
pub const MAX_INSTRUCTION_TOKENS: usize = 512;

/// The most tokens of a text in the place of speech.
pub const MAX_TEXT_TOKENS: usize = 4096;

#[cfg(all(test, feature = "flex"))]
mod tests;
