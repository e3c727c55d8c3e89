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
use super::request::{Delivery, Request};
use super::speech::{
    Cut, Cutter, MAX_SEGMENT_SECONDS, Piece, SpeechError, SpeechModel, Work, failed, seconds,
};
use super::warning::Warning;
use crate::audio::has_speech;
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
    samples_done: usize,
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
        let mut cutter = Cutter::default();
        let mut is_last = false;
        while !is_last {
            if watch.is_stopped() {
                return Err(Error::Cancelled);
            }
            match self.queue.take() {
                Taken::Samples(samples) => cutter.push(&samples),
                Taken::End => is_last = true,
                Taken::Nothing => continue,
            }
            if is_piecewise {
                self.answer_ready(&mut cutter, is_last, found, &watch)?;
            } else {
                self.model.check_whole(cutter.len())?;
            }
        }
        if !is_piecewise {
            let cuts: Vec<Cut> = cutter.whole().into_iter().collect();
            self.answer(cuts, found, &watch)?;
        }
        // Where nothing at all was answered, the failure is that of the whole.
        if let Some(error) = found.failure.take()
            && found.answer.segments.is_empty()
        {
            return Err(error.into());
        }
        if found.answer.segments.is_empty() && found.answer.warnings.is_empty() {
            found.answer.no_speech = true;
            if self.queue.given() > 0 {
                self.warn(found, Warning::NoSpeech);
            }
        }
        Ok(())
    }

    /// Answers the segments that are certain, as many together as the memory allows.
    fn answer_ready(
        &self,
        cutter: &mut Cutter,
        is_last: bool,
        found: &mut Found,
        watch: &Watch,
    ) -> Result<(), Error> {
        let rows = match self.request.delivery {
            Delivery::Segments => self.model.batch_rows(MAX_SEGMENT_SECONDS),
            Delivery::Text => 1,
        };
        loop {
            let cuts: Vec<Cut> = std::iter::from_fn(|| cutter.next(is_last)).take(rows).collect();
            if cuts.is_empty() {
                return Ok(());
            }
            self.answer(cuts, found, watch)?;
        }
    }

    /// Answers `cuts` as one batch and tells of them.
    fn answer(&self, cuts: Vec<Cut>, found: &mut Found, watch: &Watch) -> Result<(), Error> {
        let ends = cuts.last().map_or(0, |cut| cut.start + cut.samples.len());
        let cuts: Vec<Cut> = cuts.into_iter().filter(|cut| has_speech(&cut.samples)).collect();
        let work = Work { request: &self.request, watch, cache: Some(&self.cache) };
        let pieces: Vec<Piece> = cuts
            .iter()
            .map(|cut| Piece { samples: &cut.samples, start: cut.start, task: &self.request.task })
            .collect();
        if !pieces.is_empty() {
            // A space parts what is told of two segments.
            let mut between = if found.answer.text.is_empty() { "" } else { " " };
            let mut tell = |text: &str| {
                self.tell(Event::Text(format!("{between}{text}")));
                between = "";
            };
            let results = match self.request.delivery {
                Delivery::Text => self.model.answer_each(&pieces, &work, Some(&mut tell)),
                Delivery::Segments => self.model.answer_each(&pieces, &work, None),
            }?;
            for (cut, result) in cuts.iter().zip(results) {
                match result {
                    Ok((segment, warnings)) => {
                        if self.request.delivery == Delivery::Segments && !segment.text.is_empty() {
                            let between = if found.answer.text.is_empty() { "" } else { " " };
                            self.tell(Event::Text(format!("{between}{}", segment.text)));
                        }
                        found.answer.push(segment.clone());
                        self.tell(Event::Segment(Box::new(segment)));
                        for warning in warnings {
                            self.warn(found, warning);
                        }
                    }
                    Err(error) => {
                        self.warn(found, failed(cut, &error));
                        found.failure.get_or_insert(error);
                    }
                }
            }
        }
        found.samples_done = ends;
        self.tell(Event::Progress(Progress {
            seconds_done: seconds(found.samples_done),
            seconds_given: seconds(self.queue.given()),
        }));
        Ok(())
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
            found.samples_done = 16_000;
            panic!("at the second segment")
        })
        .unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            ("internal", "internal error: at the second segment")
        );
        assert_eq!((found.answer.text.as_str(), found.samples_done), ("call anna", 16_000));
        assert!(matches!(contained(|| Err(Error::Cancelled)), Err(Error::Cancelled)));
    }
}
