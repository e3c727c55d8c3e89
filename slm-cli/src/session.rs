//! Runs a request on a recording that is there as a whole.

use std::io;

use slm_core::audio::SAMPLE_RATE;
use slm_core::{Answer, Error, Event, Failure, Model, Request, Segment};

/// Samples that are given at a time.
const PIECE: usize = 10 * SAMPLE_RATE as usize;
/// Seconds of audio that are given before those at the start are answered. Less than what a session holds, as giving
/// more would wait, and text that comes meanwhile would not be told; more than a segment, which is cut once it is full.
const AHEAD_SECONDS: f64 = 90.0;

/// What became of a request.
pub(crate) struct Ended {
    /// The answer; what there is of it where the work ended early.
    pub(crate) answer: Answer,
    /// Why it ended early.
    pub(crate) error: Option<Error>,
}

/// What is told while the work goes on.
pub(crate) enum Told<'a> {
    /// Text that can no longer change.
    Text(&'a str),
    /// A segment that is answered.
    Segment(&'a Segment),
}

/// Answers `request` for `samples`; `tell` is called with what can no longer change, as it comes.
///
/// # Errors
///
/// That of `tell`, which ends the work.
pub(crate) fn run(
    model: &Model,
    request: &Request,
    samples: &[f32],
    tell: &mut dyn FnMut(Told) -> io::Result<()>,
) -> io::Result<Ended> {
    let mut session = match model.session(request.clone()) {
        Ok(session) => session,
        Err(error) => return Ok(Ended { answer: Answer::default(), error: Some(error) }),
    };
    // Tasks that need all of the audio at once take it as it comes, and answer nothing before its end.
    let ahead = if request.task.is_piecewise() { AHEAD_SECONDS } else { f64::INFINITY };
    let mut rest = samples;
    let mut seconds_done = 0.0;
    loop {
        while !rest.is_empty() && seconds(samples.len() - rest.len()) - seconds_done < ahead {
            let (piece, after) = rest.split_at(rest.len().min(PIECE));
            // A session that takes no more has ended, and says why in its last event.
            rest = if session.push(piece).is_ok() { after } else { &[] };
        }
        if rest.is_empty() {
            session.finish();
        }
        match session.next_event() {
            Some(Event::Progress(progress)) => seconds_done = progress.seconds_done,
            Some(Event::Text(text)) => tell(Told::Text(&text))?,
            Some(Event::Segment(segment)) => tell(Told::Segment(&segment))?,
            Some(Event::Finished(answer)) => return Ok(Ended { answer: *answer, error: None }),
            Some(Event::Failed(failure)) => {
                let Failure { error, partial, .. } = *failure;
                return Ok(Ended { answer: *partial, error: Some(error) });
            }
            Some(_) => {}
            None => return Ok(Ended { answer: Answer::default(), error: Some(Error::Cancelled) }),
        }
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}
