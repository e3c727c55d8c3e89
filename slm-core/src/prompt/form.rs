//! How an instruction and speech become what a language model reads.
//!
//! An encoder-decoder reads a sequence: the speech beside the words of the instruction, and its end token. A decoder-only
//! model goes on with a conversation, as its chat template writes it.

use std::path::Path;

use super::asked::Asked;
use super::chat_form::ChatForm;
use super::error::PromptError;
use super::ids::PromptIds;
use super::template::Instruction;
use super::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::checkpoint::{Checkpoint, PromptExample, PromptSettings};
use crate::llm::{Architecture, LlmSizes};
use crate::text::TextTokenizer;

/// How an instruction and speech become what a language model reads.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PromptForm {
    /// One sequence that ends with the end token.
    Sequence(SequenceForm),
    /// The last message of a conversation.
    Chat(ChatForm),
}

/// A sequence that ends with the end token.
#[derive(Debug, Clone)]
pub struct SequenceForm {
    tokenizer: TextTokenizer,
    /// The end token.
    eos: u32,
}

/// Tokens of an instruction, for estimates.
const INSTRUCTION_TOKENS: usize = 64;

impl PromptForm {
    /// The form for a language model, whose files are `files`. `settings` are said in the file `said_in`.
    ///
    /// # Errors
    ///
    /// [`PromptError`] for a decoder-only model without a chat template, or one that cannot be used; for examples that a model
    /// without turns is to be given.
    pub fn of(
        llm: &dyn LlmSizes,
        files: &Checkpoint,
        tokenizer: &TextTokenizer,
        settings: &PromptSettings,
        said_in: &Path,
    ) -> Result<Self, PromptError> {
        Ok(match llm.architecture() {
            Architecture::EncoderDecoder if !settings.examples.is_empty() => {
                return Err(PromptError::NoTurns);
            }
            Architecture::EncoderDecoder => {
                Self::Sequence(SequenceForm::new(tokenizer.clone(), llm.ids().eos))
            }
            Architecture::DecoderOnly => {
                Self::Chat(ChatForm::load(files, tokenizer, settings, said_in, llm.ends())?)
            }
        })
    }

    /// The ids of an instruction about speech, which has one place.
    ///
    /// # Errors
    ///
    /// [`PromptError`] for an instruction without tokens or with too many, or that the chat template refuses.
    pub fn spoken(&self, asked: &Asked) -> Result<PromptIds, PromptError> {
        match self {
            Self::Sequence(form) => form.spoken(&asked.instruction),
            Self::Chat(form) => form.spoken(asked),
        }
    }

    /// The ids of an instruction about words in the place of speech.
    ///
    /// # Errors
    ///
    /// As [`Self::spoken`], and for words without tokens or with too many.
    pub fn written(&self, text: &str, asked: &Asked) -> Result<PromptIds, PromptError> {
        match self {
            Self::Sequence(form) => form.written(text, &asked.instruction),
            Self::Chat(form) => form.written(text, asked),
        }
    }

    /// Examples of the task with this key, which go before its prompts.
    pub fn examples(&self, task: &str) -> &[PromptExample] {
        match self {
            Self::Sequence(_) => &[],
            Self::Chat(form) => form.examples(task),
        }
    }

    /// The id that an answer ends with, as the language model has learnt it.
    pub fn end(&self) -> u32 {
        match self {
            Self::Sequence(form) => form.eos,
            Self::Chat(form) => form.end(),
        }
    }

    /// Whether what was said before is told as turns of its own, and not in the words of the instruction.
    pub fn has_turns(&self) -> bool {
        matches!(self, Self::Chat(_))
    }

    /// Tokens of a prompt beside its speech, for estimates.
    pub fn usual_tokens(&self) -> usize {
        match self {
            Self::Sequence(_) => INSTRUCTION_TOKENS,
            Self::Chat(form) => INSTRUCTION_TOKENS + form.frame_tokens(),
        }
    }
}

impl SequenceForm {
    /// The form of a model that reads up to `eos`.
    pub fn new(tokenizer: TextTokenizer, eos: u32) -> Self {
        Self { tokenizer, eos }
    }

    fn spoken(&self, instruction: &Instruction) -> Result<PromptIds, PromptError> {
        let (before, mut after) = self.around(instruction)?;
        after.push(self.eos);
        Ok(PromptIds::new(vec![before, after]))
    }

    fn written(&self, text: &str, instruction: &Instruction) -> Result<PromptIds, PromptError> {
        let (mut ids, after) = self.around(instruction)?;
        let words = self.tokenizer.encode(text)?;
        if words.len() > MAX_TEXT_TOKENS {
            return Err(PromptError::TextTooLong { tokens: words.len() });
        }
        ids.extend(words);
        ids.extend(after);
        ids.push(self.eos);
        Ok(PromptIds::new(vec![ids]))
    }

    /// Tokens before and after the speech.
    fn around(&self, instruction: &Instruction) -> Result<(Vec<u32>, Vec<u32>), PromptError> {
        let encode = |text: &str| {
            if text.is_empty() { Ok(Vec::new()) } else { self.tokenizer.encode(text) }
        };
        let (before, after) = (encode(&instruction.before)?, encode(&instruction.after)?);
        let tokens = before.len() + after.len();
        if tokens > MAX_INSTRUCTION_TOKENS {
            return Err(PromptError::InstructionTooLong { tokens });
        }
        Ok((before, after))
    }
}
