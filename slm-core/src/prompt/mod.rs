//! How requests are put to a language model.
//!
//! A [`Task`] says what to do with the speech, and [`Templates`] phrase it: a [`Template`] has the speech in the place
//! of words and [`Slots`] for what the user adds, a question or the turns of a [`Dialog`]. [`Phrases`] that may be said
//! are looked for in the sound. Those that are found go into the instruction, and [`respell()`] puts them into a
//! transcript whose writer ignored them. A [`PromptForm`] makes ids of an instruction, with places for speech, as the
//! language model reads them, and [`embed_prompts`] puts the speech there, of which the adapter reads the [`SpeechRows`].

mod asked;
mod chat_form;
mod dialog;
mod error;
mod form;
mod ids;
mod phrases;
mod respell;
mod speech_rows;
mod task;
mod template;
mod template_file;

pub use asked::Asked;
pub use chat_form::{ChatForm, PLAIN_CHAT_TEMPLATE, SpeechJoint};
pub use dialog::{Dialog, Speaker, Turn};
pub use error::PromptError;
pub use form::{PromptForm, SequenceForm};
pub use ids::{PromptIds, embed_prompts};
pub use phrases::{DEFAULT_TOP, Phrases, Respelling};
pub use respell::{Author, Respelled, RespelledText, Sound, respell};
pub use speech_rows::{RowsError, SpeechRows, adapter_input};
pub use task::{LongAudio, Task};
pub use template::{Instruction, Slots, Template, TemplateError, Templates};
pub use template_file::TemplateFileError;

/// The most tokens that an instruction may have.
pub const MAX_INSTRUCTION_TOKENS: usize = 512;

/// The most tokens of a text in the place of speech.
pub const MAX_TEXT_TOKENS: usize = 4096;
