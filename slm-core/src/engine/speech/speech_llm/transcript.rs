//! Questions that are answered from the transcript: by the language model as it was before it learnt to hear.
//!
//! The card of `nvidia/canary-qwen-2.5b`: with the adapter the model transcribes and does nothing else; without it, it has all
//! skills of the language model and reads what was transcribed.

use std::slice;

use super::model::SpeechLlm;
use super::published::Basis;
use super::thoughts::without_thoughts;
use crate::engine::request::{Request, TokenLimit};
use crate::engine::speech::error::SpeechError;
use crate::engine::speech::writer::{Heard, OnText, Order, Written};
use crate::prompt::Task;

impl SpeechLlm {
    /// Whether a task is done with the transcript.
    pub(super) fn reads_transcript(&self, task: &Task) -> bool {
        self.basis == Basis::Transcript && matches!(task, Task::Ask { .. })
    }

    /// Transcribes a piece, and answers its question from that.
    pub(super) fn answer_from_transcript(
        &self,
        one: &Heard,
        order: &Order,
        on_text: Option<OnText>,
    ) -> Result<Vec<Written>, SpeechError> {
        // How the answer is chosen is nothing to the transcript.
        let request = Request {
            decode: self.decode,
            token_limit: TokenLimit::FollowsDuration,
            stop: Vec::new(),
            ..order.request.clone()
        };
        let heard = Heard { task: &Task::Transcribe, ..one.clone() };
        let heard =
            self.write_of_speech(slice::from_ref(&heard), &Order { request: &request, ..*order }, None)?;
        let transcript = heard.first().map(|written| written.text.trim()).unwrap_or_default();
        // An answer to a part of the question's speech says so.
        let cut = heard.first().and_then(|written| written.stopped_at);
        if transcript.is_empty() {
            return Ok(vec![Written::default()]);
        }
        let prompt = self.form.written(transcript, &self.instruction(one.task)?.into())?;
        let decode = self.decoding_of(order.request, one.task, order.seconds);
        let texts = self.texts(&self.reading, order.request, &decode, order.watch);
        let mut written = texts.write(&self.prompt(&[], &[prompt]), on_text)?;
        for one in &mut written {
            one.text = without_thoughts(&one.text).to_owned();
            one.stopped_at = one.stopped_at.or(cut);
        }
        Ok(written)
    }
}
