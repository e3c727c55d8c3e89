//! What recognisers share: languages, the ids that a text begins with, and the way from sound to text after them.
//!
//! A recogniser is an encoder and the decoder that it was trained with. Its decoder is told language and task by ids, not in
//! words. [`languages`] has the names of languages, [`prompts`] is what a family says of those ids, [`writer`] writes after
//! them. The families are beside this folder, the table of them is `recognisers.rs`.

pub(super) mod languages;
pub(super) mod prompts;
mod writer;

pub use languages::{code as language_code, name as language_name};
pub use prompts::{Beginning, Prompts};
pub use writer::RecogniserWriter;
