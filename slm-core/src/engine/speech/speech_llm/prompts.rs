//! What the language model reads: a conversation by the folder's template, with embeddings of speech in it.
//!
//! Shapes: `B` utterances, `T` embeddings of speech, `S` positions, `D` model width.

use std::borrow::Borrow;

use super::model::SpeechLlm;
use crate::engine::speech::error::SpeechError;
use crate::nn::{EncodedSpeech, PaddedBatch};
use crate::prompt::{PromptIds, embed_prompts};
use crate::text::chat::{ChatMessage, ChatPrompt};

impl SpeechLlm {
    /// Maps encoded speech into the language model's space, `[B, T, D]`.
    pub fn embed_speech<S: Borrow<EncodedSpeech>>(&self, speech: &[S]) -> PaddedBatch {
        let rows: Vec<&[f32]> = speech.iter().map(|one| one.borrow().states.as_slice()).collect();
        let width = self.projector.input_width();
        self.projector.forward(&PaddedBatch::from_rows(&rows, width, &self.device))
    }

    /// The ids of messages with `recordings` places for speech, as the folder's template writes them.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Prompt`] where the template refuses them, or they have other places than these.
    pub fn conversation(
        &self,
        messages: &[ChatMessage],
        recordings: usize,
    ) -> Result<ChatPrompt, SpeechError> {
        Ok(self.form.conversation(messages, recordings)?)
    }

    /// Embeddings of prompts, with speech in their places: of each place the speech of all rows, `[B, T, D]`, to
    /// `[B, S, D]`.
    pub fn prompt(&self, speech: &[PaddedBatch], prompts: &[PromptIds]) -> PaddedBatch {
        embed_prompts(&self.reading, prompts, speech, &self.device)
    }
}
