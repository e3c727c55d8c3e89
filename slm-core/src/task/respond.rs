//! From inputs to answers: the silence gate, segments, encoder, adapter, language model, text.

use std::ops::{ControlFlow, Range};

use super::error::SpeechError;
use super::model::SpeechModel;
use super::request::{Alternative, Request, Response};
use super::respell::{Respelling, respell};
use super::segment::{Segment, segments};
use super::stream::{GrowingText, until_stop};
use super::template::Instruction;
use super::{MAX_WHOLE_SECONDS, Task};
use crate::align::{Aligned, WordAligner};
use crate::audio::{SAMPLE_RATE, has_speech};
use crate::batch::PaddedBatch;
use crate::context::Retrieved;
use crate::decode::{Boost, Finish, Hooks, Hypothesis, OnSettled, Settled, generate_n_best};
use crate::encoder::{CtcPosteriors, EncodedSpeech};

/// Segments encoded at once at least, when there are so many.
const MIN_BATCH: usize = 8;

/// A stretch of one of the inputs that goes through the model.
struct Stretch<'a> {
    /// The index of the input.
    input: usize,
    samples: &'a [f32],
    /// Where it begins, in seconds.
    start: f64,
}

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
        let mut work: Vec<Stretch> = Vec::new();
        for (input, (samples, task)) in audios.iter().zip(tasks).enumerate() {
            let stretches = stretches(samples, task, input)?;
            let seconds = seconds(samples.len());
            responses.push(Response { no_speech: stretches.is_empty(), seconds, ..Response::default() });
            work.extend(stretches);
        }
        for batch in work.chunks(audios.len().max(MIN_BATCH)) {
            let tasks: Vec<&Task> = batch.iter().map(|stretch| &tasks[stretch.input]).collect();
            self.respond_to_stretches(batch, &tasks, request, &mut responses, None)?;
        }
        Ok(responses)
    }

    /// Answers a request for `samples` at 16 kHz; `on_text` is given the text piece by piece, as soon as it can no
    /// longer change, and ends the answer with `Break`.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_streaming(
        &self,
        samples: &[f32],
        request: &Request,
        on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Response, SpeechError> {
        let work = stretches(samples, &request.task, 0)?;
        let (seconds, no_speech) = (seconds(samples.len()), work.is_empty());
        let mut response = [Response { no_speech, seconds, ..Response::default() }];
        let mut flow = ControlFlow::Continue(());
        for stretch in work {
            let mut text = GrowingText::new(&self.parts.tokenizer, &request.stop);
            let mut between = if response[0].text.is_empty() { "" } else { " " };
            let mut tell = |settled: Settled<'_>| {
                let added = text.advance(settled.ids, settled.is_last);
                if flow.is_continue() && !added.is_empty() {
                    flow = on_text(&format!("{between}{added}"));
                    between = "";
                }
                flow
            };
            self.respond_to_stretches(&[stretch], &[&request.task], request, &mut response, Some(&mut tell))?;
            if flow.is_break() {
                break;
            }
        }
        let [response] = response;
        Ok(response)
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
        let hypotheses = self.generate(&prompt, request, &[], None)?;
        for (index, hypotheses) in kept.into_iter().zip(hypotheses) {
            let (text, alternatives) = self.texts(&hypotheses, request)?;
            append(&mut responses[index], &hypotheses, &text);
            responses[index].alternatives = alternatives;
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
        let rows = self.generate(&prompt, request, &[], None)?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next()).collect())
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

    /// Lays `text` onto what was heard; `None` without a tokenizer for the CTC labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn align(&self, text: &str, posteriors: &CtcPosteriors) -> Result<Option<Aligned>, SpeechError> {
        let Some(labels) = &self.parts.labels else { return Ok(None) };
        Ok(Some(WordAligner::new(labels).align(text, posteriors, self.state_seconds())?))
    }

    /// Answers a batch of stretches and adds the answers to the responses of their inputs.
    fn respond_to_stretches(
        &self,
        batch: &[Stretch],
        tasks: &[&Task],
        request: &Request,
        responses: &mut [Response],
        on_settled: Option<OnSettled>,
    ) -> Result<(), SpeechError> {
        let samples: Vec<&[f32]> = batch.iter().map(|stretch| stretch.samples).collect();
        let (speech, posteriors): (Vec<_>, Vec<_>) =
            self.listen(&samples)?.into_iter().map(|heard| (heard.speech, heard.posteriors)).unzip();
        let phrases: Vec<Vec<Retrieved>> = posteriors
            .iter()
            .map(|posteriors| match (&request.context, posteriors) {
                (Some(context), Some(posteriors)) => context.search(posteriors),
                _ => Vec::new(),
            })
            .collect();
        let instructions = tasks
            .iter()
            .zip(&phrases)
            .map(|(task, phrases)| self.instruction(&self.with_phrases(task, phrases)))
            .collect::<Result<Vec<_>, _>>()?;
        let bonus = request.context.as_ref().map_or(0.0, |context| context.boost);
        let boosts: Vec<Boost> = phrases.iter().map(|phrases| self.boost(phrases, bonus)).collect();
        // Text that was given away piece by piece stays.
        let respells = on_settled.is_none()
            && request.context.as_ref().is_some_and(|context| context.respelling == Respelling::BySound);
        let prompt = self.prompt(&self.embed_speech(&speech), &instructions)?;
        let rows = self.generate(&prompt, request, &boosts, on_settled)?;

        for (index, (stretch, hypotheses)) in batch.iter().zip(rows).enumerate() {
            let (mut text, alternatives) = self.texts(&hypotheses, request)?;
            let mut alignment = match &posteriors[index] {
                Some(posteriors) if tasks[index].is_transcript() => self.align(&text, posteriors)?,
                _ => None,
            };
            if respells
                && let (Some(aligned), Some(posteriors)) = (&alignment, &posteriors[index])
                && let Some(respelled) = respell(&aligned.words, &phrases[index], self.state_seconds())
            {
                alignment = self.align(&respelled, posteriors)?;
                text = respelled;
            }
            let response = &mut responses[stretch.input];
            append(response, &hypotheses, &text);
            if let Some(heard) = self.ctc_text(&speech[index])? {
                join_words(response.ctc_text.get_or_insert_default(), &heard);
            }
            response.alternatives =
                if response.segments.is_empty() { alternatives.clone() } else { Vec::new() };
            response.segments.push(Segment {
                start: stretch.start,
                end: stretch.start + seconds(stretch.samples.len()),
                alignment: alignment.map(|aligned| later(aligned, stretch.start)),
                text,
                phrases: phrases[index].clone(),
                alternatives,
            });
        }
        Ok(())
    }

    fn generate(
        &self,
        prompt: &PaddedBatch,
        request: &Request,
        boosts: &[Boost],
        mut on_settled: Option<OnSettled>,
    ) -> Result<Vec<Vec<Hypothesis>>, SpeechError> {
        let llm = &self.parts.llm;
        let memory = llm.encode(prompt);
        let stops = |ids: &[u32]| {
            self.parts.tokenizer.decode(ids).is_ok_and(|text| until_stop(&text, &request.stop).1)
        };
        let streams = on_settled.is_some();
        // A closure of its own, as what it calls lives longer than the hooks.
        let mut tell = |settled: Settled<'_>| match &mut on_settled {
            Some(tell) => tell(settled),
            None => ControlFlow::Continue(()),
        };
        let mut hooks = Hooks {
            stops: (!request.stop.is_empty()).then_some(&stops),
            on_settled: if streams { Some(&mut tell) } else { None },
            boosts,
        };
        Ok(generate_n_best(llm, &memory, &self.decoding(request), &mut hooks)?)
    }

    /// The text of the best hypothesis and those of the others.
    fn texts(
        &self,
        hypotheses: &[Hypothesis],
        request: &Request,
    ) -> Result<(String, Vec<Alternative>), SpeechError> {
        let mut texts = hypotheses
            .iter()
            .map(|hypothesis| {
                let text = self.parts.tokenizer.decode(&hypothesis.ids)?;
                let text = until_stop(&text, &request.stop).0.trim().to_owned();
                Ok(Alternative { text, score: hypothesis.score })
            })
            .collect::<Result<Vec<_>, SpeechError>>()?
            .into_iter();
        let best = texts.next().map(|best| best.text).unwrap_or_default();
        Ok((best, texts.collect()))
    }
}

/// What of an input goes through the model: the stretches that hold speech.
fn stretches<'a>(samples: &'a [f32], task: &Task, input: usize) -> Result<Vec<Stretch<'a>>, SpeechError> {
    let seconds_all = seconds(samples.len());
    let ranges: Vec<Range<usize>> = if task.is_piecewise() {
        segments(samples)
    } else if seconds_all > MAX_WHOLE_SECONDS {
        return Err(SpeechError::AudioTooLong { seconds: seconds_all });
    } else {
        std::iter::once(0..samples.len()).collect()
    };
    let stretch = |range: Range<usize>| {
        let start = seconds(range.start);
        Stretch { input, samples: &samples[range], start }
    };
    Ok(ranges.into_iter().map(stretch).filter(|stretch| has_speech(stretch.samples)).collect())
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

/// The same in a longer audio, whose part from `start` on it is.
fn later(mut aligned: Aligned, start: f64) -> Aligned {
    for word in &mut aligned.words {
        word.start += start;
        word.end += start;
    }
    for stretch in &mut aligned.skipped {
        stretch.start += start;
        stretch.end += start;
    }
    aligned
}

/// Adds the text of a segment to a response.
fn append(response: &mut Response, hypotheses: &[Hypothesis], text: &str) {
    join_words(&mut response.text, text);
    if let Some(best) = hypotheses.first() {
        response.truncated |= best.finish == Finish::Length;
        response.score += best.score;
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
