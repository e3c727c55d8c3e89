//! What the language model reads: speech in its embedding space, and an instruction in the form that it knows.
//!
//! Shapes: `B` utterances, `T` reduced states, `S` source positions, `D` model width.

use std::borrow::Borrow;

use super::Adapted;
use crate::engine::speech::error::SpeechError;
use crate::nn::{EncodedSpeech, PaddedBatch};
use crate::prompt::{Asked, PromptIds, Task, adapter_input, embed_prompts};

impl Adapted {
    /// Reduces encoded speech and maps it into the language model's space, `[B, T, D]`.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`] of heard text that the language model's tokenizer cannot encode.
    pub fn embed_speech<S: Borrow<EncodedSpeech>>(&self, speech: &[S]) -> Result<PaddedBatch, SpeechError> {
        let reduced = speech.iter().map(|one| self.rows.of(one.borrow())).collect::<Result<Vec<_>, _>>()?;
        Ok(self.adapter.forward(&adapter_input(&reduced, &self.llm, &self.device)))
    }

    /// What the language model is asked for a task, with the examples that the bundle has of it. Where its form has turns, those of a dialog are told as such, and what
    /// follows them is to be replied to.
    ///
    /// # Errors
    ///
    /// As [`Self::instruction`].
    pub fn asked(&self, task: &Task) -> Result<Asked, SpeechError> {
        let examples = self.form.examples(&task.key()).to_vec();
        match task {
            Task::Chat { dialog } if self.form.has_turns() => {
                Ok(Asked { examples, dialog: dialog.clone(), instruction: self.instruction(&Task::Reply)? })
            }
            _ => Ok(Asked { examples, ..self.instruction(task)?.into() }),
        }
    }

    /// The ids of a task, with one place for speech.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when there is no such task, or its instruction cannot be put to the language model.
    pub fn spoken(&self, task: &Task) -> Result<PromptIds, SpeechError> {
        Ok(self.form.spoken(&self.asked(task)?)?)
    }

    /// The ids of a task with words in the place of speech.
    ///
    /// # Errors
    ///
    /// As [`Self::spoken`], and for words without tokens or with too many.
    pub fn written(&self, text: &str, task: &Task) -> Result<PromptIds, SpeechError> {
        Ok(self.form.written(text, &self.asked(task)?)?)
    }

    /// Embeddings of prompts, each with the speech of its row in its place: `[B, T, D]` to `[B, S, D]`.
    pub fn prompt(&self, speech: &[PaddedBatch], prompts: &[PromptIds]) -> PaddedBatch {
        embed_prompts(&self.llm, prompts, speech, &self.device)
    }
}
