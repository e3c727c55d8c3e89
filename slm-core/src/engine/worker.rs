//! The work of a session, on a thread of its own: takes samples, cuts them, answers, and tells.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::answer::Answer;
use super::cache::EncoderCache;
use super::cancel::CancelToken;
use super::error::Error;
use super::event::{Event, Failure, Progress};
use super::queue::{SampleQueue, Taken};
use super::recording::{Recording, placed};
use super::request::{Delivery, Request};
use super::speech::{
    Answered, Cut, Cutter, Outcome, Piece, SpeechError, SpeechModel, Spoken, Stretch, Votes, Work, failed,
    seconds, settled,
};
use super::warning::Warning;
use crate::nn::Watch;

/// One request at work.
pub(super) struct Worker {
    pub(super) model: SpeechModel,
    pub(super) request: Request,
    pub(super) cache: Arc<EncoderCache>,
    pub(super) queue: Arc<SampleQueue>,
    pub(super) events: Sender<Event>,
    pub(super) cancel: CancelToken,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    answer: Answer,
    seconds_done: f64,
    /// The languages that the segments were heard in.
    votes: Votes,
    /// The first segment without an answer; the others are answered all the same.
    failure: Option<SpeechError>,
}

impl Worker {
    /// Works until all is answered, or it is cancelled, or nothing can be answered. What was found before is told either
    /// way, after a bug too.
    pub(super) fn run(&self) {
        let mut found = Found::default();
        let result = contained(|| self.work(&mut found));
        self.queue.close();
        found.answer.seconds = seconds(self.queue.given());
        let answer = Box::new(found.answer);
        self.tell(match result {
            Ok(()) => Event::Finished(answer),
            Err(error) => Event::Failed(Box::new(Failure { error, partial: answer })),
        });
    }

    fn work(&self, found: &mut Found) -> Result<(), Error> {
        let is_piecewise = self.request.task.is_piecewise();
        let watch = self.cancel.watch();
        let longest = self.model.longest_segment(&self.request);
        let mut cutter = self.model.cutter(&self.request);
        let mut whole = (!is_piecewise).then(|| Recording::new(&self.model, &self.request, &self.cache));
        let mut is_last = false;
        while !is_last {
            if watch.is_stopped() {
                return Err(Error::Cancelled);
            }
            match self.queue.take() {
                Taken::Samples(samples) => cutter.push(&samples),
                Taken::End => {
                    cutter.finish();
                    is_last = true;
                }
                Taken::Nothing => continue,
            }
            match &mut whole {
                None => self.answer_ready(&mut cutter, longest, found, &watch)?,
                Some(recording) => {
                    let cuts = self.speech(&mut cutter, usize::MAX, found);
                    found.seconds_done = cuts.last().map_or(found.seconds_done, |cut| seconds(cut.own.end));
                    recording.add(cuts, &watch)?;
                    self.progress(found);
                }
            }
        }
        if let Some(recording) = whole {
            self.answer_whole(recording, cutter.samples(), found, &watch)?;
        }
        // Where nothing at all was answered, the failure is that of the whole.
        if let Some(error) = found.failure.take()
            && !found.answer.has_segments()
        {
            return Err(error.into());
        }
        if !found.answer.has_segments() && found.answer.warnings.is_empty() {
            found.answer.no_speech = true;
            if self.queue.given() > 0 {
                self.warn(found, Warning::NoSpeech);
            }
        }
        Ok(())
    }

    /// The next segments, at most `most`; quiet between them is noted.
    fn speech(&self, cutter: &mut Cutter, most: usize, found: &mut Found) -> Vec<Cut> {
        let mut cuts = Vec::new();
        let mut is_quiet = false;
        while cuts.len() < most {
            match cutter.next() {
                Some(Stretch::Speech(cut)) => cuts.push(cut),
                Some(Stretch::Quiet(quiet)) => {
                    found.answer.push_quiet(quiet);
                    found.seconds_done = quiet.end;
                    is_quiet = true;
                }
                None => break,
            }
        }
        if cuts.is_empty() && is_quiet {
            self.progress(found);
        }
        cuts
    }

    /// Answers the segments that are certain, as many together as the memory allows.
    fn answer_ready(
        &self,
        cutter: &mut Cutter,
        longest: f64,
        found: &mut Found,
        watch: &Watch,
    ) -> Result<(), Error> {
        let rows = match self.request.delivery {
            Delivery::Segments => self.model.batch_rows(longest),
            Delivery::Text => 1,
        };
        loop {
            let cuts = self.speech(cutter, rows, found);
            if cuts.is_empty() {
                return Ok(());
            }
            self.answer(&cuts, found, watch)?;
        }
    }

    /// Answers a task that needs all of a recording of `samples`, or the part of it that it gets.
    fn answer_whole(
        &self,
        whole: Recording,
        samples: usize,
        found: &mut Found,
        watch: &Watch,
    ) -> Result<(), Error> {
        let excerpt = whole.finish(samples, watch)?;
        for warning in excerpt.warnings {
            self.warn(found, warning);
        }
        found.answer.sources = excerpt.sources;
        if let Some(cut) = excerpt.cut {
            self.answer(&[cut], found, watch)?;
        }
        Ok(())
    }

    /// Answers `cuts` as one batch and tells of them.
    fn answer(&self, cuts: &[Cut], found: &mut Found, watch: &Watch) -> Result<(), Error> {
        let work = Work { request: &self.request, watch, cache: Some(&self.cache) };
        let (task, language) = (&self.request.task, Spoken::Voted(&found.votes));
        let pieces: Vec<Piece> = cuts.iter().map(|cut| Piece { cut, task, language }).collect();
        let outcomes: Vec<Outcome> = match self.request.delivery {
            Delivery::Text => {
                // A space parts what is told of two segments.
                let mut between = if found.answer.text.is_empty() { "" } else { " " };
                let mut tell = |text: &str| {
                    self.tell(Event::Text(format!("{between}{text}")));
                    between = "";
                };
                let results = self.model.answer_each(&pieces, &work, Some(&mut tell))?;
                results.into_iter().map(|result| result.map(|answered| vec![answered])).collect()
            }
            Delivery::Segments => self.model.answer_verified(&pieces, &work)?,
        };
        for (cut, outcome) in cuts.iter().zip(outcomes) {
            match outcome {
                Ok(answered) => self.settle(answered, cut, found),
                Err(error) => {
                    self.warn(found, failed(cut, &error));
                    found.failure.get_or_insert(error);
                }
            }
            found.seconds_done = found.seconds_done.max(seconds(cut.own.end));
        }
        self.progress(found);
        Ok(())
    }

    /// Takes the answers to a cut over, and tells of them.
    fn settle(&self, answered: Vec<Answered>, cut: &Cut, found: &mut Found) {
        let told = found.answer.warnings.len();
        let kept = settled(answered, cut, &mut found.answer, &self.request);
        for warning in found.answer.warnings.iter().skip(told) {
            self.tell(Event::Warning(warning.clone()));
        }
        for answered in kept {
            let (segment, warnings) = placed(answered, &found.answer.sources);
            if self.request.delivery == Delivery::Segments && !segment.text.is_empty() {
                let between = if found.answer.text.is_empty() { "" } else { " " };
                self.tell(Event::Text(format!("{between}{}", segment.text)));
            }
            found.answer.push(segment.clone(), self.request.keep);
            self.tell(Event::Segment(Box::new(segment)));
            for warning in warnings {
                self.warn(found, warning);
            }
        }
    }

    fn progress(&self, found: &Found) {
        self.tell(Event::Progress(Progress {
            seconds_done: found.seconds_done,
            seconds_given: seconds(self.queue.given()),
        }));
    }

    fn warn(&self, found: &mut Found, warning: Warning) {
        found.answer.warnings.push(warning.clone());
        self.tell(Event::Warning(warning));
    }

    /// A session whose events nobody reads works all the same.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// What `work` gives. A bug in it is told as an error, not by a thread that vanishes; what it wrote to until then is its
/// caller's, and stays.
fn contained(work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(Error::panic(&*payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_before_a_bug_stays() {
        let mut found = Found::default();
        let error = contained(|| {
            found.answer.text.push_str("call anna");
            found.seconds_done = 1.0;
            panic!("at the second segment")
        })
        .unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            ("internal", "internal error: at the second segment")
        );
        assert_eq!((found.answer.text.as_str(), found.seconds_done), ("call anna", 1.0));
        assert!(matches!(contained(|| Err(Error::Cancelled)), Err(Error::Cancelled)));
    }
}
