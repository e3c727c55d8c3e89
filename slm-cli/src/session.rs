//! Runs a request on a recording that is read meanwhile. Memory is constant: samples go on as they are decoded.

use std::io;
use std::time::Duration;

use slm_core::audio::{AudioError, AudioWarning, SAMPLE_RATE};
use slm_core::{Answer, Error, Event, Failure, Model, Request, Segment, Session};

use crate::input::{Fed, Feed};
use crate::interrupt::Interrupt;

/// Seconds of audio that are given before those at the start are answered. Less than what a session holds, as giving
/// more would wait, and text that comes meanwhile would not be told.
const AHEAD_SECONDS: f64 = 90.0;
/// Of the longest segment, which is cut once there is enough of it, this many are given at least.
const AHEAD_SEGMENTS: f64 = 3.0;
/// How long audio is waited for before it is looked whether there is text.
const PATIENCE: Duration = Duration::from_millis(20);

/// What became of a request.
#[derive(Default)]
pub(crate) struct Ended {
    /// The answer; what there is of it where the work ended early.
    pub(crate) answer: Answer,
    /// Why it ended early.
    pub(crate) error: Option<Error>,
    /// What is odd about the audio.
    pub(crate) odd: Vec<AudioWarning>,
    /// Why the audio could not be read to its end.
    pub(crate) unread: Option<AudioError>,
}

/// What is told while a request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told<'a> {
    /// Seconds that will be read.
    Expected(f64),
    /// Seconds that are done.
    Done(f64),
    /// Text that can no longer change.
    Text(&'a str),
    /// A segment that is answered.
    Segment(&'a Segment),
}

/// A request at work.
struct Work {
    session: Session,
    /// Samples that were given.
    given: usize,
    seconds_done: f64,
    ended: Ended,
    /// Whether no more samples will be given.
    is_read: bool,
}

/// Answers `request` for what `feed` reads; `tell` is called as there is something to tell.
///
/// # Errors
///
/// That of `tell`, which ends the work.
pub(crate) fn run(
    model: &Model,
    request: &Request,
    mut feed: Feed,
    interrupt: &Interrupt,
    tell: &mut dyn FnMut(Told) -> io::Result<()>,
) -> io::Result<Ended> {
    let session = match model.session(request.clone()) {
        Ok(session) => session,
        Err(error) => return Ok(Ended { error: Some(error), ..Ended::default() }),
    };
    interrupt.ends(session.canceller());
    let longest = request.segmentation.max_segment.unwrap_or(model.limits().segment_seconds);
    let ahead = AHEAD_SECONDS.max(AHEAD_SEGMENTS * longest);
    let mut work = Work { session, given: 0, seconds_done: 0.0, ended: Ended::default(), is_read: false };
    loop {
        while let Some(event) = work.session.try_event() {
            if work.hear(event, tell)? {
                return Ok(work.ended);
            }
        }
        if !work.is_read && work.seconds_given() - work.seconds_done < ahead {
            if let Some(fed) = feed.next(PATIENCE) {
                work.take(fed, tell)?;
            }
            if work.ended.unread.is_some() && work.given == 0 {
                return Ok(work.ended);
            }
            // A pipe may never end. A session that has nothing to do might take this for its end.
            if interrupt.is_asked() && !work.is_read {
                work.session.cancel();
                work.ended.error = Some(Error::Cancelled);
                work.finish();
            }
            continue;
        }
        let Some(event) = work.session.next_event() else {
            work.ended.error.get_or_insert(Error::Cancelled);
            return Ok(work.ended);
        };
        if work.hear(event, tell)? {
            return Ok(work.ended);
        }
    }
}

/// Answers `request` for samples that are there, as [`Model::answer`] does, until the program is to end.
pub(crate) fn answer(
    model: &Model,
    request: &Request,
    samples: &[f32],
    interrupt: &Interrupt,
) -> Result<Answer, Error> {
    let session = model.session(request.clone())?;
    interrupt.ends(session.canceller());
    // Where the session ended early, it says itself why.
    let _ = session.push(samples);
    session.wait().map_err(|failure| failure.error)
}

impl Work {
    fn seconds_given(&self) -> f64 {
        self.given as f64 / f64::from(SAMPLE_RATE)
    }

    /// Says that no more samples will come.
    fn finish(&mut self) {
        self.is_read = true;
        self.session.finish();
    }

    /// Takes what was read.
    fn take(&mut self, fed: Fed, tell: &mut dyn FnMut(Told) -> io::Result<()>) -> io::Result<()> {
        match fed {
            Fed::Open(Some(seconds)) => tell(Told::Expected(seconds))?,
            Fed::Open(None) => {}
            Fed::Warning(warning) => self.ended.odd.push(warning),
            Fed::Samples(samples) => {
                self.given += samples.len();
                if let Err(error) = self.session.push(&samples) {
                    // Where the session has ended, its last event says why, and that counts.
                    self.ended.error = Some(error);
                    self.finish();
                }
            }
            Fed::End(end) => {
                self.ended.unread = end.err();
                self.finish();
            }
        }
        Ok(())
    }

    /// Hears of the session; whether it has ended.
    fn hear(&mut self, event: Event, tell: &mut dyn FnMut(Told) -> io::Result<()>) -> io::Result<bool> {
        match event {
            Event::Progress(progress) => {
                self.seconds_done = progress.seconds_done;
                tell(Told::Done(progress.seconds_done))?;
            }
            Event::Text(text) => tell(Told::Text(&text))?,
            Event::Segment(segment) => tell(Told::Segment(&segment))?,
            Event::Finished(answer) => {
                self.ended.answer = *answer;
                return Ok(true);
            }
            Event::Failed(failure) => {
                let Failure { error, partial, .. } = *failure;
                self.ended.answer = *partial;
                self.ended.error = Some(error);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }
}

#[cfg(all(test, feature = "flex"))]
#[path = "session_tests.rs"]
mod tests;
