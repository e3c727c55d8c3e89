//! Prompts of learnt tasks, as a language model reads them.

use std::path::Path;

use slm_core::models::checkpoint::{Checkpoint, PromptSettings};
use slm_core::models::llm::{Architecture, LlmSizes};
use slm_core::models::prompt::{Asked, PLAIN_CHAT_TEMPLATE, PromptError, PromptForm, PromptIds};
use slm_core::models::text::TextTokenizer;
use slm_core::models::text::chat::ChatTemplate;

use super::error::Misfit;
use super::learnt::LearntTask;
use super::phrasing::Phrasing;

/// Where a template comes from that the folder does not have, for messages.
const SAID_IN: &str = "prompt.chat_template";

/// Writes prompts and answers for a language model: the sequence of an encoder-decoder, or the chat template of a decoder
/// alone, whose answer is what is learnt.
#[derive(Debug, Clone)]
pub struct PromptWriter {
    /// What a bundle is to say of them.
    pub settings: PromptSettings,
    form: PromptForm,
    tokenizer: TextTokenizer,
}

impl PromptWriter {
    /// A writer for a language model. One without a chat template gets a plain one, which the bundle will say.
    ///
    /// # Errors
    ///
    /// A template that cannot be used.
    pub fn new(
        sizes: &dyn LlmSizes,
        files: &Checkpoint,
        tokenizer: &TextTokenizer,
        settings: &PromptSettings,
    ) -> anyhow::Result<Self> {
        let mut settings = settings.clone();
        let needs_template =
            sizes.architecture() == Architecture::DecoderOnly && settings.chat_template.is_none();
        if needs_template && ChatTemplate::find(files)?.is_none() {
            settings.chat_template = Some(PLAIN_CHAT_TEMPLATE.to_owned());
        }
        let form = PromptForm::of(sizes, files, tokenizer, &settings, Path::new(SAID_IN))?;
        Ok(Self { settings, form, tokenizer: tokenizer.clone() })
    }

    /// The ids of a task in one of its phrasings, with a place for speech, or with `words` in that place.
    ///
    /// # Errors
    ///
    /// [`PromptError`] for what has no tokens or too many.
    pub fn prompt(
        &self,
        task: &LearntTask,
        phrasing: &Phrasing,
        slots: &[String],
        words: Option<&str>,
    ) -> Result<PromptIds, PromptError> {
        let examples = self.form.examples(&task.name).to_vec();
        let asked = Asked { examples, ..task.instruction(phrasing, slots).into() };
        match words {
            Some(words) => self.form.written(words, &asked),
            None => self.form.spoken(&asked),
        }
    }

    /// The same in all its phrasings.
    ///
    /// # Errors
    ///
    /// As [`Self::prompt`].
    pub fn prompts(
        &self,
        task: &LearntTask,
        slots: &[String],
        words: Option<&str>,
    ) -> Result<Vec<PromptIds>, PromptError> {
        task.phrasings.iter().map(|phrasing| self.prompt(task, phrasing, slots, words)).collect()
    }

    /// The id that ends an answer.
    pub fn end(&self) -> u32 {
        self.form.end()
    }

    /// The ids of an answer, with the one that ends it.
    ///
    /// # Errors
    ///
    /// [`PromptError`] for a text without tokens.
    pub fn answer(&self, target: &str) -> Result<Vec<u32>, PromptError> {
        let mut ids = self.tokenizer.encode(target)?;
        ids.push(self.end());
        Ok(ids)
    }
}

impl From<PromptError> for Misfit {
    fn from(error: PromptError) -> Self {
        let reason = if error.is_limit() { "too long" } else { "the language model cannot read or write it" };
        Self::Refused { reason, detail: error.to_string() }
    }
}
