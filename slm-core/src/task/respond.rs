//! From inputs to answers: the silence gate, segments, encoder, adapter, language model, text.

use super::error::SpeechError;
use super::model::SpeechModel;
use super::request::{Request, Response};
use super::segment::segments;
use super::template::Instruction;
use super::{MAX_WHOLE_SECONDS, Task};
use crate::audio::{SAMPLE_RATE, has_speech};
use crate::batch::PaddedBatch;
use crate::decode::{Finish, Hypothesis, generate};
use crate::encoder::EncodedSpeech;

/// Segments encoded at once at least, when there are so many.
const MIN_BATCH: usize = 8;

impl SpeechModel {
    /// Answers a request for each of `audios`, samples at 16 kHz.
    ///
    /// The model is not asked about audio without speech. Long audio is cut into [`segments`] for tasks
    /// that allow it; they go through the model in batches as large as `audios`, or of 8.
    ///
    /// # Errors
    ///
    /// [`SpeechError`], for all of them at once: a caller that wants to know which input failed asks for
    /// one at a time.
    pub fn respond(&self, audios: &[&[f32]], request: &Request) -> Result<Vec<Response>, SpeechError> {
        let tasks = vec![request.task.clone(); audios.len()];
        self.respond_each(audios, &tasks, request)
    }

    /// As [`Self::respond`], with a task of its own for each of `audios`; that of `request` is not used.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_each(
        &self,
        audios: &[&[f32]],
        tasks: &[Task],
        request: &Request,
    ) -> Result<Vec<Response>, SpeechError> {
        let mut responses: Vec<Response> = Vec::with_capacity(audios.len());
        // What goes through the model: the index of the input, and a stretch of it.
        let mut work: Vec<(usize, &[f32])> = Vec::new();
        for (index, (samples, task)) in audios.iter().zip(tasks).enumerate() {
            let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
            let stretches = if task.is_piecewise() {
                segments(samples)
            } else if seconds > MAX_WHOLE_SECONDS {
                return Err(SpeechError::AudioTooLong { seconds });
            } else {
                std::iter::once(0..samples.len()).collect()
            };
            let before = work.len();
            for stretch in stretches {
                let samples = &samples[stretch];
                if has_speech(samples) {
                    work.push((index, samples));
                }
            }
            responses.push(Response { no_speech: work.len() == before, seconds, ..Response::default() });
        }
        for batch in work.chunks(audios.len().max(MIN_BATCH)) {
            let instructions = batch
                .iter()
                .map(|&(index, _)| self.instruction(&tasks[index]))
                .collect::<Result<Vec<_>, _>>()?;
            let samples: Vec<&[f32]> = batch.iter().map(|&(_, samples)| samples).collect();
            let encoded = self.encode(&samples)?;
            let hypotheses = self.answer(&encoded, &instructions, request)?;
            for ((&(index, _), speech), hypothesis) in batch.iter().zip(&encoded).zip(hypotheses) {
                let heard = self.ctc_text(speech)?;
                self.append(&mut responses[index], &hypothesis, heard.as_deref())?;
            }
        }
        Ok(responses)
    }

    /// Answers a request for each of `texts`, with their words in the place of speech: what an ideal
    /// encoder and adapter would reach.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_to_text(&self, texts: &[&str], request: &Request) -> Result<Vec<Response>, SpeechError> {
        let tasks = vec![request.task.clone(); texts.len()];
        self.respond_to_text_each(texts, &tasks, request)
    }

    /// As [`Self::respond_to_text`], with a task of its own for each of `texts`; that of `request` is not
    /// used.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_to_text_each(
        &self,
        texts: &[&str],
        tasks: &[Task],
        request: &Request,
    ) -> Result<Vec<Response>, SpeechError> {
        let mut responses = vec![Response::default(); texts.len()];
        let mut kept = Vec::new();
        let mut instructions = Vec::new();
        for (index, (text, task)) in texts.iter().zip(tasks).enumerate() {
            if text.trim().is_empty() {
                responses[index].no_speech = true;
            } else {
                kept.push(index);
                instructions.push(self.instruction(task)?);
            }
        }
        if kept.is_empty() {
            return Ok(responses);
        }
        let words: Vec<&str> = kept.iter().map(|&index| texts[index].trim()).collect();
        let prompt = self.text_prompt(&words, &instructions)?;
        let hypotheses = self.generate(&prompt, request)?;
        for (index, hypothesis) in kept.into_iter().zip(hypotheses) {
            self.append(&mut responses[index], &hypothesis, None)?;
        }
        Ok(responses)
    }

    /// Answers each row of encoded speech with its instruction.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] of instruction or device.
    pub fn answer(
        &self,
        speech: &[EncodedSpeech],
        instructions: &[Instruction],
        request: &Request,
    ) -> Result<Vec<Hypothesis>, SpeechError> {
        if speech.is_empty() {
            return Ok(Vec::new());
        }
        let prompt = self.prompt(&self.embed_speech(speech), instructions)?;
        self.generate(&prompt, request)
    }

    /// What the encoder's CTC head heard; `None` without a head or a tokenizer for its labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn ctc_text(&self, speech: &EncodedSpeech) -> Result<Option<String>, SpeechError> {
        match &self.parts.labels {
            Some(labels) if !speech.ctc.is_empty() => Ok(Some(labels.decode(&speech.ctc_labels())?)),
            _ => Ok(None),
        }
    }

    fn generate(&self, prompt: &PaddedBatch, request: &Request) -> Result<Vec<Hypothesis>, SpeechError> {
        let llm = &self.parts.llm;
        let memory = llm.encode(prompt);
        Ok(generate(llm, &memory, &self.decoding(request))?)
    }

    /// Adds the text of a segment to a response.
    fn append(
        &self,
        response: &mut Response,
        hypothesis: &Hypothesis,
        heard: Option<&str>,
    ) -> Result<(), SpeechError> {
        let text = self.parts.tokenizer.decode(&hypothesis.ids)?;
        join_words(&mut response.text, &text);
        if let Some(heard) = heard {
            join_words(response.ctc_text.get_or_insert_default(), heard);
        }
        response.truncated |= hypothesis.finish == Finish::Length;
        response.score += hypothesis.score;
        Ok(())
    }
}

/// Appends `next`, a space between.
fn join_words(text: &mut String, next: &str) {
    let next = next.trim();
    if !text.is_empty() && !next.is_empty() {
        text.push(' ');
    }
    text.push_str(next);
}
