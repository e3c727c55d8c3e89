//! What the language model reads: a conversation by the folder's template, with embeddings of speech in it.
//!
//! Shapes: `B` utterances, `T` embeddings of speech, `S` positions, `D` model width.

use std::borrow::Borrow;

use serde_json::Map;

use super::model::SpeechLlm;
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::nn::{EncodedSpeech, PaddedBatch, PaddedIds};
use crate::prompt::Instruction;
use crate::text::chat::{ChatEnd, ChatMessage, ChatPrompt};

/// Who speaks in a conversation with one question.
const USER: &str = "user";

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
    /// [`SpeechError::Chat`] where the template refuses them, or they have other places than these.
    pub fn conversation(
        &self,
        messages: &[ChatMessage],
        recordings: usize,
    ) -> Result<ChatPrompt, SpeechError> {
        Ok(self.chat.prompt(messages, ChatEnd::Answer, &Map::new(), recordings)?)
    }

    /// The ids of an instruction about speech.
    pub(super) fn spoken(&self, instruction: &Instruction) -> Result<ChatPrompt, SpeechError> {
        let Instruction { before, after } = instruction;
        let space = if before.is_empty() { "" } else { " " };
        let content = format!("{before}{space}{}{after}", self.chat.placeholder());
        let prompt = self.conversation(&[ChatMessage::new(USER, &content)], 1)?;
        let tokens = prompt.ids().len();
        if tokens > MAX_INSTRUCTION_TOKENS {
            return Err(SpeechError::InstructionTooLong { tokens });
        }
        Ok(prompt)
    }

    /// The ids of an instruction about words in the place of speech.
    pub(super) fn written_out(
        &self,
        text: &str,
        instruction: &Instruction,
    ) -> Result<ChatPrompt, SpeechError> {
        let parts = [instruction.before.as_str(), text, instruction.after.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let prompt = self.conversation(&[ChatMessage::new(USER, &parts.join("\n"))], 0)?;
        let tokens = prompt.ids().len();
        if tokens > MAX_TEXT_TOKENS { Err(SpeechError::TextTooLong { tokens }) } else { Ok(prompt) }
    }

    /// Puts speech into the places that prompts have for it: of each place the speech of all rows, `[B, T, D]`, to
    /// `[B, S, D]`.
    ///
    /// # Errors
    ///
    /// [`SpeechError::UnevenInstructions`] where some rows have text between two places and others have none.
    pub fn prompt(&self, speech: &[PaddedBatch], prompts: &[ChatPrompt]) -> Result<PaddedBatch, SpeechError> {
        let mut joined: Option<PaddedBatch> = None;
        let mut add = |next: PaddedBatch| {
            joined = Some(joined.take().map_or_else(|| next.clone(), |before| before.join(&next)));
        };
        for number in 0..=speech.len() {
            let of = |prompt: &ChatPrompt| prompt.parts().get(number).map_or(Vec::new(), |ids| ids.to_vec());
            let ids: Vec<Vec<u32>> = prompts.iter().map(of).collect();
            match ids.iter().filter(|ids| ids.is_empty()).count() {
                0 => add(self.embed_ids(&ids)),
                count if count == ids.len() => {}
                _ => return Err(SpeechError::UnevenInstructions),
            }
            if let Some(speech) = speech.get(number) {
                add(speech.clone());
            }
        }
        joined.ok_or(SpeechError::UnevenInstructions)
    }

    /// Embeddings of prompts without speech, `[B, S, D]`.
    pub fn text_prompt(&self, prompts: &[ChatPrompt]) -> PaddedBatch {
        let ids: Vec<Vec<u32>> = prompts.iter().map(|prompt| prompt.ids().to_vec()).collect();
        self.embed_ids(&ids)
    }

    fn embed_ids(&self, rows: &[Vec<u32>]) -> PaddedBatch {
        let ids = PaddedIds::from_rows(rows, self.reading.ids().pad, &self.device);
        self.reading.embed(&ids)
    }
}
