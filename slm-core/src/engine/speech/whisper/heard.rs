//! What the decoder says of its own text: the times of its words, and how sure it is of them.
//!
//! Paper: arXiv 2212.04356, section 4.5. Reference: transformers 5.23.0, `_extract_token_timestamps` and
//! `WhisperNoSpeechDetection`. As in the authors' own code the token before the first word is on the path as well, so that
//! the first word has an end of its own.

use super::warp::AttentionMap;
use super::words::{TokenWord, words};
use super::writer::WhisperWriter;
use crate::ctc::{Agreement, Aligned, Word};
use crate::decode::DecodeError;
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::writer::{Heard, Written};
use crate::llm::whisper::Trace;
use crate::nn::PaddedBatch;

/// States of a second of sound.
const STATES_A_SECOND: f64 = 50.0;

impl WhisperWriter {
    /// Adds to what was written after `prompt` for a sound, whose states are `memory`, `[1, S, D]`. The words of transcripts
    /// have times.
    pub(super) fn measure(
        &self,
        written: &mut Written,
        prompt: &[u32],
        memory: &PaddedBatch,
        heard: &Heard,
    ) -> Result<(), SpeechError> {
        let is_transcript = heard.task.is_transcript();
        // Not the end: a text may fill the whole table of positions.
        let ids: Vec<u32> = prompt.iter().chain(&written.tokens).copied().collect();
        let heads: &[(usize, usize)] = if is_transcript { &self.tokens.alignment_heads } else { &[] };
        let trace = self
            .decoder
            .trace(memory, &ids, heads, &[self.tokens.no_speech()])
            .map_err(|source| DecodeError::ReadBack { step: 0, source })?;
        written.no_speech_prob = trace.second.first().map(|log| f64::from(*log).exp());
        if is_transcript {
            written.aligned = Some(self.aligned(written, prompt.len(), &trace, heard.seconds)?);
        }
        Ok(())
    }

    /// The words of a text, whose first token is the one at `begun`.
    fn aligned(
        &self,
        written: &Written,
        begun: usize,
        trace: &Trace,
        seconds: f64,
    ) -> Result<Aligned, SpeechError> {
        let count = written.tokens.len();
        let log_probs = trace.log_probs.get(begun - 1..begun - 1 + count).unwrap_or_default();
        let map = AttentionMap { weights: &trace.attention, dims: trace.dims };
        let states = (seconds * STATES_A_SECOND).ceil() as usize;
        // One time more than tokens: a token reaches from its own to that of the next.
        let times = map.times(begun - 1..begun + count, states, self.decoder.config().median_filter_width);
        let timed = |word: &TokenWord| {
            let (first, last) = (*times.get(word.tokens.start)?, *times.get(word.tokens.end)?);
            let sure = log_probs.get(word.tokens.clone())?;
            let agreement = sure.iter().map(|log| f64::from(*log).exp()).sum::<f64>() / sure.len() as f64;
            let end = last.min(seconds);
            Some(Word { text: word.text.trim().to_owned(), start: first.min(end), end, agreement })
        };
        let mut left = written.text.as_str();
        // A text may end before its tokens do.
        let mut is_told = |word: &Word| match left.trim_start().strip_prefix(word.text.as_str()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        let all = words(&self.tokenizer, &written.tokens, written.language.as_deref())?;
        let words = all.iter().filter_map(timed).filter(|word| !word.text.is_empty());
        Ok(Aligned {
            words: words.take_while(|word| is_told(word)).collect(),
            skipped: Vec::new(),
            agreement: Agreement::of_labels(log_probs),
        })
    }
}
