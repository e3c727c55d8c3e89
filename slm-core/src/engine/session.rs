//! One request at work: samples in, events out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use super::answer::Answer;
use super::cancel::CancelToken;
use super::error::{Error, Message};
use super::event::{Event, Failure};
use super::model::Model;
use super::queue::SampleQueue;
use super::request::Request;
use super::worker::Worker;

/// One request at work, on a thread of its own.
///
/// Give it samples with [`push`](Self::push), piece by piece or all at once, say [`finish`](Self::finish), and read
/// [events](Self::next_event) meanwhile or afterwards. What was answered before an error or a cancel is in the events, and
/// in [`Failure::partial`]. Dropping a session cancels it.
#[derive(Debug)]
pub struct Session {
    queue: Arc<SampleQueue>,
    events: Receiver<Event>,
    cancel: CancelToken,
    has_ended: bool,
}

// A session may be given to another thread.
const _: () = {
    const fn moves<T: Send>() {}
    moves::<Session>();
};

impl Model {
    /// Starts work on a request, which is [checked](Self::check) first.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn session(&self, request: Request) -> Result<Session, Error> {
        self.check(&request)?;
        Session::start(self, request)
    }

    /// Answers a request for `samples`: mono, 16 kHz, finite, full scale 1. A session run to its end.
    ///
    /// # Errors
    ///
    /// [`Failure`] with what was answered before.
    pub fn answer(&self, samples: &[f32], request: &Request) -> Result<Answer, Failure> {
        let refuse = |error| Failure { error, partial: Box::default() };
        let session = self.session(request.clone()).map_err(refuse)?;
        match session.push(samples) {
            Err(error) if samples.iter().any(|sample| !sample.is_finite()) => Err(refuse(error)),
            // Where the session ended early, it says itself why.
            _ => session.wait(),
        }
    }
}

impl Session {
    /// Starts the worker. The request was checked.
    fn start(model: &Model, request: Request) -> Result<Self, Error> {
        let queue = Arc::new(SampleQueue::default());
        let cancel = CancelToken::default();
        let (sender, events) = channel();
        let worker = Worker {
            model: model.answering(&request)?.clone(),
            request,
            cache: Arc::clone(model.cache()),
            queue: Arc::clone(&queue),
            events: sender,
            cancel: cancel.clone(),
        };
        let started = thread::Builder::new().name("slm-session".into()).spawn(move || worker.run());
        started.map_err(|error| Error::OutOfMemory(Box::new(error)))?;
        Ok(Self { queue, events, cancel, has_ended: false })
    }

    /// Gives samples: mono, 16 kHz, finite, full scale 1. Waits while the work is more than two minutes of audio behind.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for samples that are not finite, and when the session has ended or was finished; the events
    /// tell why it ended.
    pub fn push(&self, samples: &[f32]) -> Result<(), Error> {
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            let message =
                format!("sample {index} of a piece is {}, expected a finite number", samples[index]);
            return Err(Error::BadInput(Box::new(Message(message))));
        }
        if self.queue.push(samples) {
            return Ok(());
        }
        Err(Error::BadInput(Box::new(Message("the session takes no more samples".into()))))
    }

    /// Says that no more samples will come.
    pub fn finish(&self) {
        self.queue.finish();
    }

    /// Ends the work; the last event is a failure with what was answered before.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// What ends the work from another thread.
    pub fn canceller(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// The next event; waits for it. `None` after the last one.
    pub fn next_event(&mut self) -> Option<Event> {
        if self.has_ended {
            return None;
        }
        let event = self.events.recv().ok();
        self.note(event)
    }

    /// The next event, where there is one already.
    pub fn try_event(&mut self) -> Option<Event> {
        if self.has_ended {
            return None;
        }
        let event = match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
        };
        self.note(event)
    }

    /// All events to the last one.
    pub fn events(&mut self) -> impl Iterator<Item = Event> + '_ {
        std::iter::from_fn(|| self.next_event())
    }

    /// Says that no more samples will come, and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`Failure`] with what was answered before.
    pub fn wait(mut self) -> Result<Answer, Failure> {
        self.finish();
        while let Some(event) = self.next_event() {
            match event {
                Event::Finished(answer) => return Ok(*answer),
                Event::Failed(failure) => return Err(*failure),
                _ => {}
            }
        }
        Err(Failure { error: Error::Cancelled, partial: Box::default() })
    }

    fn note(&mut self, event: Option<Event>) -> Option<Event> {
        self.has_ended = matches!(event, None | Some(Event::Finished(_) | Event::Failed(_)));
        event
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.queue.close();
    }
}
