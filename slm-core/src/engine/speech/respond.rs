//! From samples to answers: the silence gate, segments, encoder, adapter, language model, text.

use std::sync::Arc;

use super::error::SpeechError;
use super::model::SpeechModel;
use super::outputs::together_or_alone;
use super::packing::compression_ratio;
use super::piece::{Piece, Spoken, Work};
use super::seconds;
use super::segment::{Cut, Stretch, joined};
use super::settle::{Answered, failed, later, respelled_later, settled, warnings, without_speech};
use super::shared::keep_own;
use super::votes::Votes;
use super::writer::{Heard, OnText, Order, Written};
use crate::ctc::{Aligned, CtcPosteriors, EncoderOutput, FoundPhrase, Measure};
use crate::engine::answer::{Answer, Segment};
use crate::engine::request::Request;
use crate::nn::{EncodedSpeech, Watch};
use crate::prompt::{Author, Phrases, Respelling, Sound, Task, respell};

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
        let votes: Vec<Votes> = audios.iter().map(|_| Votes::default()).collect();
        let longest = cuts.iter().map(|(_, cut)| cut.samples.len()).max().unwrap_or(0);
        for batch in cuts.chunks(self.batch_rows(seconds(longest))) {
            let pieces: Vec<Piece> = batch
                .iter()
                .map(|(index, cut)| Piece {
                    cut,
                    task: audios[*index].1,
                    language: Spoken::Voted(&votes[*index]),
                })
                .collect();
            for ((index, cut), outcome) in batch.iter().zip(self.answer_verified(&pieces, &work)?) {
                let answer = &mut answers[*index];
                let is_only = cut.own.len() + cut.own.start >= audios[*index].0.len() && cut.own.start == 0;
                match outcome {
                    Ok(answered) => {
                        for (segment, warnings) in settled(answered, cut, answer, request) {
                            answer.push(segment, request.keep);
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
        let said = |text: &str| !text.trim().is_empty();
        let spoken: Vec<(&str, &Task)> =
            texts.iter().filter(|(text, _)| said(text)).map(|(text, task)| (text.trim(), *task)).collect();
        let mut answered = if spoken.is_empty() {
            Vec::new()
        } else {
            self.writes().answer_texts(&spoken, request, watch)?
        }
        .into_iter();
        let silent = || Answer { no_speech: true, ..Answer::default() };
        Ok(texts
            .iter()
            .map(|(text, _)| if said(text) { answered.next() } else { None }.unwrap_or_else(silent))
            .collect())
    }

    /// What the encoder's CTC head made of the sound; `None` without a head or a tokenizer for its labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn ctc_text(&self, speech: &EncodedSpeech) -> Result<Option<String>, SpeechError> {
        self.ears.ctc_text(speech)
    }

    /// Lays `text` onto the sound, beside the best path; `None` without a tokenizer for the CTC labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn align(&self, text: &str, posteriors: &CtcPosteriors) -> Result<Option<Aligned>, SpeechError> {
        self.ears.align(text, posteriors, Measure::BestPath)
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
        Ok(joined(&cuts).map(Stretch::Speech).into_iter().chain(quiet).collect())
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
        pieces: &[Piece],
        work: &Work,
        mut on_text: Option<OnText>,
    ) -> Result<Vec<Result<Answered, SpeechError>>, SpeechError> {
        // What was told of a batch that failed is not told again.
        together_or_alone(pieces, |pieces| self.answer_together(pieces, work, on_text.take()))
    }

    /// Answers `pieces` as one batch, each with what a reader should know of it. `on_text` is for one piece only. The
    /// language model is not asked about sound that is no speech.
    fn answer_together(
        &self,
        pieces: &[Piece],
        work: &Work,
        on_text: Option<OnText>,
    ) -> Result<Vec<Answered>, SpeechError> {
        let outputs = self.outputs(pieces, work)?;
        let no_speech: Vec<f64> = outputs
            .iter()
            .map(|output| output.posteriors.as_ref().map_or(0.0, CtcPosteriors::doubt))
            .collect();
        let segmentation = work.request.segmentation;
        let is_heard = |index: &usize| {
            segmentation.keeps_every_sound() || no_speech[*index] < segmentation.no_speech_threshold
        };
        let heard: Vec<usize> = (0..pieces.len()).filter(is_heard).collect();
        let mut answered = if heard.is_empty() {
            Vec::new()
        } else {
            let pieces: Vec<Piece> = heard.iter().map(|&index| pieces[index]).collect();
            let outputs: Vec<Arc<EncoderOutput>> =
                heard.iter().map(|&index| Arc::clone(&outputs[index])).collect();
            self.answer_heard(&pieces, &outputs, work, on_text)?
        }
        .into_iter();
        let silent = |index: usize| (without_speech(pieces[index].cut, no_speech[index]), Vec::new());
        Ok((0..pieces.len())
            .map(|index| {
                if is_heard(&index) { answered.next() } else { None }.unwrap_or_else(|| silent(index))
            })
            .collect())
    }

    /// Answers `pieces`, of which the encoder made `outputs`.
    fn answer_heard(
        &self,
        pieces: &[Piece],
        outputs: &[Arc<EncoderOutput>],
        work: &Work,
        on_text: Option<OnText>,
    ) -> Result<Vec<Answered>, SpeechError> {
        let Work { request, watch, .. } = *work;
        let mut found: Vec<Vec<FoundPhrase>> = Vec::with_capacity(pieces.len());
        let mut heard: Vec<Heard> = Vec::with_capacity(pieces.len());
        for (Piece { cut, task, language }, output) in pieces.iter().copied().zip(outputs) {
            let (mut best, mut offered, mut boosted) = (Vec::new(), Vec::new(), Vec::new());
            if let (Some(phrases), Some(posteriors)) = (&request.phrases, &output.posteriors) {
                let all = phrases.search(posteriors, watch);
                best = phrases.best(&all).to_vec();
                offered = Phrases::offered(&best, posteriors);
                boosted = Phrases::offered(&all, posteriors);
            }
            found.push(best);
            let seconds = seconds(cut.samples.len());
            let (output, own) = (Arc::clone(output), cut.own.clone());
            heard.push(Heard { output, task, own, language, seconds, offered, boosted });
        }
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        // Text that was told piece by piece stays.
        let phrases = request
            .phrases
            .as_ref()
            .filter(|phrases| on_text.is_none() && phrases.respelling == Respelling::BySound);
        let longest = pieces.iter().map(|piece| piece.cut.samples.len()).max().unwrap_or(0);
        let order = Order { request, seconds: seconds(longest), watch };
        let written = self.writes().write(&heard, &order, on_text)?;
        pieces
            .iter()
            .zip(heard.into_iter().zip(&found))
            .zip(written)
            .map(|((piece, (heard, found)), written)| {
                self.segment(
                    piece.cut,
                    heard,
                    request,
                    phrases.map(|phrases| (phrases, found.as_slice())),
                    written,
                )
            })
            .collect()
    }

    /// What was written for `cut`, laid onto its sound. Phrases that were found may take the place of words.
    fn segment(
        &self,
        cut: &Cut,
        heard: Heard,
        request: &Request,
        phrases: Option<(&Phrases, &[FoundPhrase])>,
        mut written: Written,
    ) -> Result<Answered, SpeechError> {
        let posteriors = heard.output.posteriors.as_ref();
        let mut alignment = match posteriors {
            Some(posteriors) if heard.task.is_transcript() => {
                self.writes().align(&self.ears, &written, posteriors)?
            }
            _ => written.aligned.take(),
        };
        let Written {
            language,
            mut text,
            tokens,
            score,
            log_prob,
            stopped_at,
            alternatives,
            no_speech_prob,
            ..
        } = written;
        let author = self.writes().author();
        let mut respelled = Vec::new();
        if let (Some(aligned), Some(posteriors), Some((phrases, found))) = (&alignment, posteriors, phrases)
            && let Some(changed) = respell(
                phrases,
                Sound { posteriors, frame_seconds: self.state_seconds() },
                &aligned.words,
                author,
                found,
            )
        {
            let measure = match author {
                Author::LanguageModel => Measure::BestPath,
                Author::Labels => Measure::Probability,
            };
            alignment = self.ears.align(&changed.text, posteriors, measure)?;
            (text, respelled) = (changed.text, changed.respelled);
        }
        let alignment = alignment.map(|aligned| later(aligned, seconds(cut.start)));
        let mut segment = Segment {
            start: seconds(cut.own.start),
            end: seconds(cut.own.end),
            language,
            is_supported: alignment.as_ref().is_none_or(|aligned| !aligned.agreement.is_suspect()),
            alignment,
            text,
            phrases: heard.offered,
            respelled: respelled.into_iter().map(|one| respelled_later(one, seconds(cut.start))).collect(),
            alternatives,
            truncated: stopped_at.is_some(),
            score,
            ctc_text: self.ctc_text(&heard.output.speech)?,
            avg_logprob: log_prob / (tokens.len() + 1) as f64,
            tokens,
            no_speech_prob: posteriors.map(CtcPosteriors::doubt).or(no_speech_prob).unwrap_or_default(),
            temperature: request.decode.strategy.temperature(),
            compression_ratio: 0.0,
        };
        keep_own(&mut segment, &cut.own);
        segment.compression_ratio = compression_ratio(segment.text.trim());
        let warnings = warnings(&segment, stopped_at);
        Ok((segment, warnings))
    }
}
