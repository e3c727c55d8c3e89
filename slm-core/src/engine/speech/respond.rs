//! From samples to answers: the silence gate, segments, encoder, adapter, language model, text.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::error::SpeechError;
use super::model::SpeechModel;
use super::seconds;
use super::segment::{Cut, MAX_SEGMENT_SECONDS, Stretch, joined};
use super::settle::{
    failed, later, no_speech_probability, respelled_later, settled, warnings, without_speech,
};
use super::shared::keep_own;
use super::stream::{GrowingText, until_stop};
use crate::ctc::{Aligned, CtcPosteriors, EncoderOutput, FoundPhrase, WordAligner, best_path};
use crate::decode::{DecodeConfig, Finish, Hooks, Hypothesis, OnSettled, Settled, generate_n_best};
use crate::engine::answer::{Alternative, Answer, Segment};
use crate::engine::cache::EncoderCache;
use crate::engine::request::Request;
use crate::engine::warning::Warning;
use crate::nn::{EncodedSpeech, PaddedBatch, Watch};
use crate::prompt::{Phrases, Respelling, Sound, Task, respell};

/// What work on several pieces shares.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) request: &'a Request,
    pub(crate) watch: &'a Watch,
    pub(crate) cache: Option<&'a EncoderCache>,
}

/// The answer to a piece, and what a reader should know of it.
pub(crate) type Answered = (Segment, Vec<Warning>);

/// Told of text that can no longer change.
pub(crate) type OnText<'a> = &'a mut dyn FnMut(&str);

impl SpeechModel {
    /// Answers a request for each of `audios`, samples at 16 kHz.
    ///
    /// The model is not asked about audio without speech. Long audio is cut into segments for tasks that
    /// allow it; as many go through the model together as the memory allows. A segment that fails is a warning of
    /// its answer.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when nothing of an audio can be answered.
    pub fn respond(&self, audios: &[&[f32]], request: &Request) -> Result<Vec<Answer>, SpeechError> {
        let audios: Vec<(&[f32], &Task)> = audios.iter().map(|samples| (*samples, &request.task)).collect();
        self.respond_each(&audios, request)
    }

    /// As [`Self::respond`], with a task of its own for each audio; that of `request` is not used.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_each(
        &self,
        audios: &[(&[f32], &Task)],
        request: &Request,
    ) -> Result<Vec<Answer>, SpeechError> {
        let mut answers: Vec<Answer> = Vec::with_capacity(audios.len());
        let mut cuts: Vec<(usize, Cut)> = Vec::new();
        for (index, (samples, task)) in audios.iter().enumerate() {
            let mut answer = Answer { seconds: seconds(samples.len()), ..Answer::default() };
            let before = cuts.len();
            for stretch in self.stretches(samples, task, request)? {
                match stretch {
                    Stretch::Speech(cut) => cuts.push((index, cut)),
                    Stretch::Quiet(quiet) => answer.push_quiet(quiet),
                }
            }
            answer.no_speech = cuts.len() == before;
            answers.push(answer);
        }
        let watch = Watch::default();
        let work = Work { request, watch: &watch, cache: None };
        let longest = cuts.iter().map(|(_, cut)| cut.samples.len()).max().unwrap_or(0);
        for batch in cuts.chunks(self.batch_rows(seconds(longest))) {
            let pieces: Vec<(&Cut, &Task)> =
                batch.iter().map(|(index, cut)| (cut, audios[*index].1)).collect();
            for ((index, cut), outcome) in batch.iter().zip(self.answer_verified(&pieces, &work)?) {
                let answer = &mut answers[*index];
                let is_only = cut.own.len() + cut.own.start >= audios[*index].0.len() && cut.own.start == 0;
                match outcome {
                    Ok(answered) => {
                        for (segment, warnings) in settled(answered, cut, answer, request.unsupported) {
                            answer.push(segment);
                            answer.warnings.extend(warnings);
                        }
                    }
                    Err(error) if is_only => return Err(error),
                    Err(error) => answer.warnings.push(failed(cut, &error)),
                }
            }
        }
        Ok(answers)
    }

    /// Answers a request for each of `texts`, with their words in the place of speech: what an ideal
    /// encoder and adapter would reach.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_to_text(&self, texts: &[&str], request: &Request) -> Result<Vec<Answer>, SpeechError> {
        let texts: Vec<(&str, &Task)> = texts.iter().map(|text| (*text, &request.task)).collect();
        self.respond_to_text_each(&texts, request)
    }

    /// As [`Self::respond_to_text`], with a task of its own for each text; that of `request` is not used.
    ///
    /// # Errors
    ///
    /// As [`Self::respond`].
    pub fn respond_to_text_each(
        &self,
        texts: &[(&str, &Task)],
        request: &Request,
    ) -> Result<Vec<Answer>, SpeechError> {
        self.respond_to_text_watched(texts, request, &Watch::default())
    }

    /// The same, until `watch` stops it.
    pub(crate) fn respond_to_text_watched(
        &self,
        texts: &[(&str, &Task)],
        request: &Request,
        watch: &Watch,
    ) -> Result<Vec<Answer>, SpeechError> {
        let mut answers = vec![Answer::default(); texts.len()];
        let mut kept = Vec::new();
        let mut instructions = Vec::new();
        for (index, (text, task)) in texts.iter().enumerate() {
            if text.trim().is_empty() {
                answers[index].no_speech = true;
            } else {
                kept.push(index);
                instructions.push(self.instruction(task)?);
            }
        }
        if kept.is_empty() {
            return Ok(answers);
        }
        let words: Vec<&str> = kept.iter().map(|&index| texts[index].0.trim()).collect();
        let prompt = self.text_prompt(&words, &instructions)?;
        // Without a duration the request's own limit holds.
        let decode = self.decoding_of(request, &request.task, MAX_SEGMENT_SECONDS);
        let rows = self.generate(&prompt, request, &decode, None, watch)?;
        for (index, hypotheses) in kept.into_iter().zip(rows) {
            let (text, alternatives) = self.texts(&hypotheses, &request.stop)?;
            let answer = &mut answers[index];
            if let Some(best) = hypotheses.first() {
                answer.truncated = best.finish == Finish::Length;
                answer.score = best.score;
            }
            if answer.truncated {
                let tokens = decode.max_new_tokens;
                answer.warnings.push(Warning::TextLimit { start: 0.0, end: 0.0, tokens });
            }
            (answer.text, answer.alternatives) = (text, alternatives);
        }
        Ok(answers)
    }

    /// What the encoder's CTC head made of the sound; `None` without a head or a tokenizer for its labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn ctc_text(&self, speech: &EncodedSpeech) -> Result<Option<String>, SpeechError> {
        match &self.parts.labels {
            Some(labels) if !speech.ctc.is_empty() => Ok(Some(labels.decode(&best_path::labels(speech))?)),
            _ => Ok(None),
        }
    }

    /// Lays `text` onto the sound; `None` without a tokenizer for the CTC labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn align(&self, text: &str, posteriors: &CtcPosteriors) -> Result<Option<Aligned>, SpeechError> {
        let Some(labels) = &self.parts.labels else { return Ok(None) };
        Ok(Some(WordAligner::new(labels).align(text, posteriors, self.state_seconds())?))
    }

    /// The stretches of an audio; where the task needs all of it at once, all speech is one.
    fn stretches(
        &self,
        samples: &[f32],
        task: &Task,
        request: &Request,
    ) -> Result<Vec<Stretch>, SpeechError> {
        let is_piecewise = task.is_piecewise();
        let mut cutter = self.cutter(request);
        cutter.push(samples);
        cutter.finish();
        let stretches = std::iter::from_fn(|| cutter.next());
        if is_piecewise {
            return Ok(stretches.collect());
        }
        let mut cuts = Vec::new();
        let mut quiet = Vec::new();
        for stretch in stretches {
            match stretch {
                Stretch::Speech(cut) => cuts.push(cut),
                Stretch::Quiet(_) => quiet.push(stretch),
            }
        }
        self.check_whole(cuts.iter().map(|cut| cut.own.len()).sum())?;
        Ok(joined(cuts).map(Stretch::Speech).into_iter().chain(quiet).collect())
    }

    /// Refuses audio that is too long for a task that needs all of it at once.
    fn check_whole(&self, samples: usize) -> Result<(), SpeechError> {
        let (seconds, limit) = (seconds(samples), self.longest_whole_seconds());
        if seconds > limit { Err(SpeechError::AudioTooLong { seconds, limit }) } else { Ok(()) }
    }

    /// Answers `pieces` as one batch. Where that fails each is tried alone, so that one that cannot be answered does not
    /// take the others along.
    ///
    /// # Errors
    ///
    /// Only when the work was cancelled.
    pub(crate) fn answer_each(
        &self,
        pieces: &[(&Cut, &Task)],
        work: &Work,
        on_text: Option<OnText>,
    ) -> Result<Vec<Result<Answered, SpeechError>>, SpeechError> {
        match self.answer_together(pieces, work, on_text) {
            Ok(answered) => Ok(answered.into_iter().map(Ok).collect()),
            Err(error) if error.is_cancelled() => Err(error),
            Err(error) if pieces.len() == 1 => Ok(vec![Err(error)]),
            Err(_) => pieces
                .iter()
                .map(|piece| match self.answer_together(std::slice::from_ref(piece), work, None) {
                    Ok(mut answered) => Ok(answered.pop().ok_or(SpeechError::Cancelled)),
                    Err(error) if error.is_cancelled() => Err(error),
                    Err(error) => Ok(Err(error)),
                })
                .collect(),
        }
    }

    /// Answers `pieces` as one batch, each with what a reader should know of it. `on_text` is for one piece only. The
    /// language model is not asked about sound that is no speech.
    fn answer_together(
        &self,
        pieces: &[(&Cut, &Task)],
        work: &Work,
        on_text: Option<OnText>,
    ) -> Result<Vec<Answered>, SpeechError> {
        let outputs = self.outputs(pieces, work)?;
        let no_speech: Vec<f64> = outputs
            .iter()
            .map(|output| output.posteriors.as_ref().map_or(0.0, no_speech_probability))
            .collect();
        let segmentation = work.request.segmentation;
        let is_heard = |index: &usize| {
            !segmentation.finds_speech || no_speech[*index] < segmentation.no_speech_threshold
        };
        let heard: Vec<usize> = (0..pieces.len()).filter(is_heard).collect();
        let mut answered = if heard.is_empty() {
            Vec::new()
        } else {
            let pieces: Vec<(&Cut, &Task)> = heard.iter().map(|&index| pieces[index]).collect();
            let outputs: Vec<Arc<EncoderOutput>> =
                heard.iter().map(|&index| Arc::clone(&outputs[index])).collect();
            self.answer_heard(&pieces, &outputs, work, on_text)?
        }
        .into_iter();
        let silent = |index: usize| (without_speech(pieces[index].0, no_speech[index]), Vec::new());
        Ok((0..pieces.len())
            .map(|index| {
                if is_heard(&index) { answered.next() } else { None }.unwrap_or_else(|| silent(index))
            })
            .collect())
    }

    /// Answers `pieces`, of which the encoder made `outputs`.
    fn answer_heard(
        &self,
        pieces: &[(&Cut, &Task)],
        outputs: &[Arc<EncoderOutput>],
        work: &Work,
        on_text: Option<OnText>,
    ) -> Result<Vec<Answered>, SpeechError> {
        let Work { request, watch, .. } = *work;
        let found: Vec<Vec<FoundPhrase>> = outputs
            .iter()
            .map(|output| match (&request.phrases, &output.posteriors) {
                (Some(phrases), Some(posteriors)) => phrases.search(posteriors, watch),
                _ => Vec::new(),
            })
            .collect();
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let offered: Vec<Vec<FoundPhrase>> = outputs
            .iter()
            .zip(&found)
            .map(|(output, found)| {
                output.posteriors.as_ref().map(|sound| Phrases::offered(found, sound)).unwrap_or_default()
            })
            .collect();
        let instructions = pieces
            .iter()
            .zip(&offered)
            .map(|((_, task), found)| {
                self.instruction(&self.with_phrases(task, found, request.phrases.as_ref()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        // Text that was told piece by piece stays.
        let respells = on_text.is_none()
            && request.phrases.as_ref().is_some_and(|phrases| phrases.respelling == Respelling::BySound);
        let speech: Vec<&EncodedSpeech> = outputs.iter().map(|output| &output.speech).collect();
        let prompt = self.prompt(&self.embed_speech(&speech), &instructions)?;
        let longest = pieces.iter().map(|(cut, _)| cut.samples.len()).max().unwrap_or(0);
        let task = pieces.first().map_or(&request.task, |(_, task)| *task);
        let decode = self.decoding_of(request, task, seconds(longest));
        let rows = match on_text {
            None => self.generate(&prompt, request, &decode, None, watch)?,
            Some(on_text) => {
                let mut text = GrowingText::new(&self.parts.tokenizer, &request.stop);
                let mut tell = |settled: Settled<'_>| {
                    let added = text.advance(settled.ids, settled.is_last);
                    if !added.is_empty() {
                        on_text(&added);
                    }
                    ControlFlow::Continue(())
                };
                self.generate(&prompt, request, &decode, Some(&mut tell), watch)?
            }
        };

        let mut answered = Vec::with_capacity(pieces.len());
        for (index, ((cut, task), hypotheses)) in pieces.iter().zip(rows).enumerate() {
            let posteriors = outputs[index].posteriors.as_ref();
            let (mut text, alternatives) = self.texts(&hypotheses, &request.stop)?;
            let mut alignment = match posteriors {
                Some(posteriors) if task.is_transcript() => self.align(&text, posteriors)?,
                _ => None,
            };
            let mut respelled = Vec::new();
            if let Some(phrases) = request.phrases.as_ref().filter(|_| respells)
                && let (Some(aligned), Some(posteriors)) = (&alignment, posteriors)
                && let Some(changed) = respell(
                    phrases,
                    Sound { posteriors, frame_seconds: self.state_seconds() },
                    &aligned.words,
                    &found[index],
                )
            {
                alignment = self.align(&changed.text, posteriors)?;
                (text, respelled) = (changed.text, changed.respelled);
            }
            let best = hypotheses.first();
            let alignment = alignment.map(|aligned| later(aligned, seconds(cut.start)));
            let mut segment = Segment {
                start: seconds(cut.own.start),
                end: seconds(cut.own.end),
                is_supported: alignment.as_ref().is_none_or(|aligned| !aligned.agreement.is_suspect()),
                alignment,
                text,
                phrases: offered[index].clone(),
                respelled: respelled
                    .into_iter()
                    .map(|one| respelled_later(one, seconds(cut.start)))
                    .collect(),
                alternatives,
                truncated: best.is_some_and(|best| best.finish == Finish::Length),
                score: best.map_or(0.0, |best| best.score),
                ctc_text: self.ctc_text(&outputs[index].speech)?,
                tokens: best.map(|best| best.ids.clone()).unwrap_or_default(),
                avg_logprob: best.map_or(0.0, |best| best.score / (best.ids.len() + 1) as f64),
                no_speech_prob: posteriors.map_or(0.0, no_speech_probability),
            };
            keep_own(&mut segment, &cut.own);
            let warnings = warnings(&segment, decode.max_new_tokens);
            answered.push((segment, warnings));
        }
        Ok(answered)
    }

    /// What the encoder makes of each piece: from the cache, and the others as one batch.
    fn outputs(&self, pieces: &[(&Cut, &Task)], work: &Work) -> Result<Vec<Arc<EncoderOutput>>, SpeechError> {
        let keys: Vec<Option<String>> =
            pieces.iter().map(|(cut, _)| work.cache.and_then(|cache| cache.key(&cut.samples))).collect();
        let get = |key: &Option<String>| work.cache.and_then(|cache| cache.get(key.as_ref()?));
        let mut outputs: Vec<Option<Arc<EncoderOutput>>> = keys.iter().map(get).collect();
        let missing: Vec<usize> = (0..pieces.len()).filter(|&index| outputs[index].is_none()).collect();
        let audios: Vec<&[f32]> = missing.iter().map(|&index| pieces[index].0.samples.as_slice()).collect();
        for (index, output) in missing.into_iter().zip(self.listen_watched(&audios, work.watch)?) {
            let output = Arc::new(output);
            if let (Some(cache), Some(key)) = (work.cache, &keys[index]) {
                cache.insert(key.clone(), &output);
            }
            outputs[index] = Some(output);
        }
        outputs.into_iter().collect::<Option<Vec<_>>>().ok_or(SpeechError::Cancelled)
    }

    /// The task with the phrases that were found: transcribing becomes spelling, where the bundle has a template for it.
    fn with_phrases(&self, task: &Task, found: &[FoundPhrase], phrases: Option<&Phrases>) -> Task {
        let Some(phrases) = phrases.filter(|_| *task == Task::Transcribe && !found.is_empty()) else {
            return task.clone();
        };
        let tokenizer = &self.parts.tokenizer;
        let knows = |text: &str| {
            tokenizer
                .encode(text)
                .and_then(|ids| tokenizer.decode(&ids))
                .is_ok_and(|again| again.trim() == text)
        };
        let spell =
            Task::Spell { phrases: found.iter().map(|one| phrases.name(&one.phrase, knows)).collect() };
        let known = !self.parts.templates.phrasings(&spell.key()).is_empty();
        if known { spell } else { Task::Transcribe }
    }

    fn generate(
        &self,
        prompt: &PaddedBatch,
        request: &Request,
        decode: &DecodeConfig,
        on_settled: Option<OnSettled>,
        watch: &Watch,
    ) -> Result<Vec<Vec<Hypothesis>>, SpeechError> {
        let llm = &self.parts.llm;
        let memory = llm.encode_watched(prompt, watch);
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let stops = |ids: &[u32]| {
            self.parts.tokenizer.decode(ids).is_ok_and(|text| until_stop(&text, &request.stop).1)
        };
        let mut hooks = Hooks {
            stops: request.stop.iter().any(|stop| !stop.is_empty()).then_some(&stops),
            // What it calls lives longer than the hooks.
            on_settled: match on_settled {
                Some(tell) => Some(tell),
                None => None,
            },
            prompts: &[],
            processors: &[],
            watch: watch.clone(),
        };
        Ok(generate_n_best(llm, &memory, decode, &mut hooks)?)
    }

    /// The text of the best hypothesis and those of the others.
    fn texts(
        &self,
        hypotheses: &[Hypothesis],
        stops: &[String],
    ) -> Result<(String, Vec<Alternative>), SpeechError> {
        let mut texts = hypotheses
            .iter()
            .map(|hypothesis| {
                let text = self.parts.tokenizer.decode(&hypothesis.ids)?;
                let text = until_stop(&text, stops).0.trim().to_owned();
                Ok(Alternative { text, score: hypothesis.score })
            })
            .collect::<Result<Vec<_>, SpeechError>>()?
            .into_iter();
        let best = texts.next().map(|best| best.text).unwrap_or_default();
        Ok((best, texts.collect()))
    }
}
