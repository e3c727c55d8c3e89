//! A conversation as ids, with places that speech takes.
//!
//! Reference: transformers 5.23.0, `apply_chat_template` with `tokenize`, and `GraniteSpeechProcessor`, which repeats a
//! placeholder as often as speech has embeddings and tokenizes then. A placeholder is a special token, so that the ids
//! around it are the same however often it stands there.

use serde_json::{Map, Value};

use super::error::ChatError;
use super::message::ChatMessage;
use super::template::{ChatEnd, ChatTemplate};
use crate::text::TextTokenizer;

/// How a model's conversations become ids.
#[derive(Debug)]
pub struct Chat {
    template: ChatTemplate,
    tokenizer: TextTokenizer,
    placeholder: String,
    /// Its id.
    place: u32,
}

/// The ids of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPrompt {
    ids: Vec<u32>,
    /// The id that stands where speech does.
    place: u32,
}

impl Chat {
    /// Conversations in which `placeholder` stands for speech. Where the vocabulary lacks it, it gets the first free id.
    ///
    /// # Errors
    ///
    /// [`ChatError::Tokenizer`] when it cannot be made a token.
    pub fn new(
        template: ChatTemplate,
        tokenizer: &TextTokenizer,
        placeholder: &str,
    ) -> Result<Self, ChatError> {
        let (tokenizer, place) = tokenizer.with_special(placeholder)?;
        Ok(Self { template, tokenizer, placeholder: placeholder.to_owned(), place })
    }

    /// What stands for speech in a message.
    pub fn placeholder(&self) -> &str {
        &self.placeholder
    }

    /// The id of the placeholder.
    pub fn place(&self) -> u32 {
        self.place
    }

    /// The ids of a conversation with `recordings` places for speech. `variables` are what a template may ask for beside
    /// the messages, as `enable_thinking`.
    ///
    /// # Errors
    ///
    /// [`ChatError`] for a conversation that the template refuses, or whose places are not as many.
    pub fn prompt(
        &self,
        messages: &[ChatMessage],
        end: ChatEnd,
        variables: &Map<String, Value>,
        recordings: usize,
    ) -> Result<ChatPrompt, ChatError> {
        let text = self.template.render(messages, end, variables)?;
        let prompt = ChatPrompt { ids: self.tokenizer.encode(&text)?, place: self.place };
        let found = prompt.places();
        if found == recordings {
            return Ok(prompt);
        }
        let placeholder = self.placeholder.clone();
        Err(ChatError::Places { placeholder, expected: recordings, found })
    }
}

impl ChatPrompt {
    /// The ids, one for each place of speech.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The number of places of speech.
    pub fn places(&self) -> usize {
        self.ids.iter().filter(|id| **id == self.place).count()
    }

    /// The ids before the first place, between two, and after the last: one part more than places, empty ones among them.
    pub fn parts(&self) -> Vec<&[u32]> {
        self.ids.split(|id| *id == self.place).collect()
    }
}
