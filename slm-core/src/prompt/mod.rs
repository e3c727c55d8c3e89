//! How requests are put to a language model.
//!
//! A [`Task`] says what to do with the speech, and [`Templates`] phrase it: a [`Template`] has the speech in the place
//! of words and [`Slots`] for what the user adds, a question or the turns of a [`Dialog`]. [`Phrases`] that may be said
//! are looked for in the sound. Those that are found go into the instruction, and [`respell()`] puts them into a
//! transcript whose writer ignored them.

mod dialog;
mod phrases;
mod respell;
mod task;
mod template;
mod template_file;

pub use dialog::{Dialog, Speaker, Turn};
pub use phrases::{DEFAULT_TOP, Phrases, Respelling};
pub use respell::{Author, Respelled, RespelledText, Sound, respell};
pub use task::{LongAudio, Task};
pub use template::{Instruction, Slots, Template, TemplateError, Templates};
pub use template_file::TemplateFileError;
