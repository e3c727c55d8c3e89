//! What the language model reads: speech in its embedding space beside the tokens of an instruction.
//!
//! Shapes: `B` utterances, `T` reduced states, `S` source positions, `D` model width.

use std::borrow::Borrow;

use super::Adapted;
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::{MAX_INSTRUCTION_TOKENS, MAX_TEXT_TOKENS};
use crate::nn::{EncodedSpeech, PaddedBatch, PaddedIds};
use crate::prompt::Instruction;

impl Adapted {
    /// Reduces encoded speech and maps it into the language model's space, `[B, T, D]`.
    pub fn embed_speech<S: Borrow<EncodedSpeech>>(&self, speech: &[S]) -> PaddedBatch {
        let reduction = self.adapter.config().shape.reduction;
        let reduced: Vec<_> = speech.iter().map(|one| reduction.apply(one.borrow())).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|one| one.rows.as_slice()).collect();
        let width = reduction.output_width(self.adapter.config().encoder_dim);
        let batch = PaddedBatch::from_rows(&rows, width, &self.device);
        self.adapter.forward(&batch)
    }

    /// Puts the tokens of each row's instruction around its speech, and the end token last:
    /// `[B, T, D]` to `[B, S, D]`, with one instruction a row.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when an instruction has no tokens or too many, or when only some of the rows
    /// begin before the speech.
    pub fn prompt(
        &self,
        speech: &PaddedBatch,
        instructions: &[Instruction],
    ) -> Result<PaddedBatch, SpeechError> {
        let around =
            instructions.iter().map(|instruction| self.around(instruction)).collect::<Result<Vec<_>, _>>()?;
        let (before, after): (Vec<_>, Vec<_>) = around.into_iter().unzip();
        let speech_and_after = speech.join(&self.embed_ids(&after));
        match before.iter().filter(|ids| !ids.is_empty()).count() {
            0 => Ok(speech_and_after),
            count if count == before.len() => Ok(self.embed_ids(&before).join(&speech_and_after)),
            _ => Err(SpeechError::UnevenInstructions),
        }
    }

    /// The same with words in the place of speech, each text with its instruction: `[B, S, D]`.
    ///
    /// # Errors
    ///
    /// As [`Self::prompt`], and for words without tokens.
    pub fn text_prompt(
        &self,
        texts: &[&str],
        instructions: &[Instruction],
    ) -> Result<PaddedBatch, SpeechError> {
        let mut rows = Vec::with_capacity(texts.len());
        for (text, instruction) in texts.iter().zip(instructions) {
            let (mut ids, after) = self.around(instruction)?;
            let words = self.tokenizer.encode(text)?;
            if words.len() > MAX_TEXT_TOKENS {
                let tokens = words.len();
                return Err(SpeechError::TextTooLong { tokens });
            }
            ids.extend(words);
            ids.extend(after);
            rows.push(ids);
        }
        Ok(self.embed_ids(&rows))
    }

    /// Tokens before and after the speech, the end token being the last.
    pub(super) fn around(&self, instruction: &Instruction) -> Result<(Vec<u32>, Vec<u32>), SpeechError> {
        let encode = |text: &str| {
            if text.is_empty() {
                return Ok(Vec::new());
            }
            self.tokenizer.encode(text)
        };
        let before = encode(&instruction.before)?;
        let mut after = encode(&instruction.after)?;
        let tokens = before.len() + after.len();
        if tokens > MAX_INSTRUCTION_TOKENS {
            return Err(SpeechError::InstructionTooLong { tokens });
        }
        after.push(self.llm.ids().eos);
        Ok((before, after))
    }

    fn embed_ids(&self, rows: &[Vec<u32>]) -> PaddedBatch {
        let pad = self.llm.ids().pad;
        let ids = PaddedIds::from_rows(rows, pad, &self.device);
        self.llm.embed(&ids)
    }
}
