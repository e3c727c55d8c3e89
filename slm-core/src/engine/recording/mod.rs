//! A recording for a task that needs all of it, however long it is.
//!
//! What goes through the model at once is kept as it is. Of longer recordings a part is answered, see [`LongAudio`]:
//! only those segments that may belong to that part are kept, so that the memory is
//! the same for an hour and for ten.

mod best;
mod last;
mod packed;
mod stretch;
#[cfg(all(test, feature = "flex"))]
mod tests;

use best::BestStretches;
use last::LastStretches;
use stretch::{Chosen, join};

use super::answer::{Segment, Source};
use super::cache::EncoderCache;
use super::request::Request;
use super::speech::{Cut, Piece, SpeechError, SpeechModel, Spoken, Votes, Work, failed, joined, seconds};
use super::warning::Warning;
use crate::audio::SAMPLE_RATE;
use crate::nn::Watch;
use crate::prompt::{LongAudio, Task};

/// Stretches that are kept until the best are known, in those that an answer can rest on.
const KEPT: usize = 8;
/// The share of the memory budget that they take at most; encoder and language model need the others.
const MEMORY_SHARE: u64 = 8;

/// A recording as it comes.
#[derive(Debug)]
pub(super) struct Recording<'a> {
    model: &'a SpeechModel,
    request: &'a Request,
    cache: &'a EncoderCache,
    /// Samples that go through the model at once.
    limit: usize,
    /// Segments that nothing was done with yet.
    waiting: Vec<Cut>,
    /// What is kept, once there is more speech than that.
    kept: Option<Kept>,
    warnings: Vec<Warning>,
    /// The languages that the segments were heard in.
    votes: Votes,
    /// The first segment that could not be heard.
    failure: Option<SpeechError>,
}

#[derive(Debug)]
enum Kept {
    Best(BestStretches),
    Last(LastStretches),
}

/// What of a recording is answered.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The samples; `None` where there are none with speech.
    pub(super) cut: Option<Cut>,
    /// Where they are from, when the recording was too long.
    pub(super) sources: Vec<Source>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Recording<'a> {
    pub(super) fn new(model: &'a SpeechModel, request: &'a Request, cache: &'a EncoderCache) -> Self {
        Self {
            model,
            request,
            cache,
            limit: (model.whole_seconds() * f64::from(SAMPLE_RATE)) as usize,
            waiting: Vec::new(),
            kept: None,
            warnings: Vec::new(),
            votes: Votes::default(),
            failure: None,
        }
    }

    /// Takes the segments that follow.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when it is cancelled, or too long for a model that cannot tell its parts apart.
    pub(super) fn add(&mut self, cuts: Vec<Cut>, watch: &Watch) -> Result<(), SpeechError> {
        self.waiting.extend(cuts);
        let speech: usize = self.waiting.iter().map(|cut| cut.own.len()).sum();
        if self.kept.is_none() && speech > self.limit {
            self.kept = Some(self.begin()?);
        }
        if self.kept.is_some() { self.keep(watch) } else { Ok(()) }
    }

    /// What is to be answered of a recording of `samples`, now that nothing follows.
    ///
    /// # Errors
    ///
    /// [`SpeechError`] when it is cancelled, or no segment could be heard.
    pub(super) fn finish(mut self, samples: usize, watch: &Watch) -> Result<Excerpt, SpeechError> {
        let Chosen { stretches, part } = match self.kept.take() {
            None => {
                let cut = joined(&self.waiting);
                return Ok(Excerpt { cut, sources: Vec::new(), warnings: self.warnings });
            }
            Some(Kept::Best(best)) => match self.failure {
                Some(error) if best.is_empty() => return Err(error),
                _ => best.choose(self.limit),
            },
            Some(Kept::Last(last)) => last.choose(),
        };
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        let used = stretches.iter().map(|stretch| stretch.samples.len()).sum();
        if let Some(part) = part {
            let (seconds_used, seconds) = (seconds(used), seconds(samples));
            self.warnings.push(Warning::PartOfAudio { part, seconds_used, seconds });
        }
        let (cut, sources) = join(stretches);
        Ok(Excerpt { cut, sources, warnings: self.warnings })
    }

    /// What keeps the part that the task needs.
    fn begin(&self) -> Result<Kept, SpeechError> {
        let question = match self.request.task.long_audio() {
            LongAudio::Matching(words) => words,
            LongAudio::End | LongAudio::EachSegment => return Ok(Kept::Last(LastStretches::new(self.limit))),
        };
        if !self.transcribes() && self.model.ears().labels.is_none() {
            return Err(SpeechError::NoTranscripts { limit: self.model.whole_seconds() });
        }
        let affordable = (self.model.memory() / MEMORY_SHARE) as usize / size_of::<i16>();
        let room = (KEPT * self.limit).min(affordable).max(self.limit);
        Ok(Kept::Best(BestStretches::new(question, room)))
    }

    /// Whether the model has a task for transcripts.
    fn transcribes(&self) -> bool {
        self.model.knows(&Task::Transcribe)
    }

    /// Keeps the segments that wait.
    fn keep(&mut self, watch: &Watch) -> Result<(), SpeechError> {
        let rows = self.model.batch_rows(self.model.longest_segment(self.request));
        let cuts = std::mem::take(&mut self.waiting);
        for cuts in cuts.chunks(rows) {
            if let Some(Kept::Last(last)) = &mut self.kept {
                for cut in cuts {
                    last.add(cut.own.start, cut.own_samples().to_vec());
                }
                continue;
            }
            let heard = self.hear(cuts, watch)?;
            let Some(Kept::Best(best)) = &mut self.kept else { break };
            for (cut, heard) in cuts.iter().zip(heard) {
                match heard {
                    Ok(text) => best.add(cut.own.start, cut.own_samples(), text),
                    Err(error) => {
                        self.warnings.push(failed(cut, &error));
                        self.failure.get_or_insert(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is said in each segment: by the model's task for that, else by the encoder alone.
    fn hear(&self, cuts: &[Cut], watch: &Watch) -> Result<Vec<Result<String, SpeechError>>, SpeechError> {
        if watch.is_stopped() {
            return Err(SpeechError::Cancelled);
        }
        if cuts.is_empty() {
            return Ok(Vec::new());
        }
        if !self.transcribes() {
            let work = Work { request: self.request, watch, cache: Some(self.cache) };
            return self.model.ctc_texts(cuts, &work);
        }
        // How the answer is chosen is nothing to the transcripts.
        let request =
            Request { segmentation: self.request.segmentation, ..self.model.request(Task::Transcribe) };
        let work = Work { request: &request, watch, cache: Some(self.cache) };
        let (task, language) = (&request.task, Spoken::Voted(&self.votes));
        let pieces: Vec<Piece> = cuts.iter().map(|cut| Piece { cut, task, language }).collect();
        let answered = self.model.answer_each(&pieces, &work, None)?;
        Ok(answered.into_iter().map(|result| result.map(|(segment, _)| segment.text)).collect())
    }
}

/// Places the answer to an excerpt in the recording: it reaches from the first to the last of its sources, and so does
/// what is told of it.
pub(super) fn placed(
    (mut segment, mut warnings): (Segment, Vec<Warning>),
    sources: &[Source],
) -> (Segment, Vec<Warning>) {
    if let (Some(first), Some(last)) = (sources.first(), sources.last()) {
        (segment.start, segment.end) = (first.start, last.end);
        for warning in &mut warnings {
            if let Warning::TextLimit { start, end, .. } | Warning::Unsupported { start, end, .. } = warning {
                (*start, *end) = (first.start, last.end);
            }
        }
    }
    (segment, warnings)
}
