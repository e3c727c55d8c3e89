//! Conversations as a language model was trained to read them.
//!
//! A folder's [`ChatTemplate`] makes a text of messages; [`Chat`] makes ids of that text and tells where speech stands in
//! them. Templates are in the language of Jinja: `chat_template.jinja`, or a field of `tokenizer_config.json`.

mod error;
mod message;
mod prompt;
mod python;
mod source;
mod template;

pub use error::ChatError;
pub use message::ChatMessage;
pub use prompt::{Chat, ChatPrompt};
pub use template::{ChatEnd, ChatTemplate};

#[cfg(test)]
mod tests;
