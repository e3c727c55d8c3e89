//! Samples on their way from the caller to the worker of a session.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::audio::SAMPLE_RATE;

/// Samples that wait at most: two minutes. A caller that is further ahead waits.
const MAX_AHEAD: usize = 120 * SAMPLE_RATE as usize;
/// How often a waiting side looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(20);

/// Samples in their order, and whether more will come.
#[derive(Debug, Default)]
pub(super) struct SampleQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<f32>,
    given: usize,
    is_finished: bool,
    /// The worker takes no more.
    is_closed: bool,
}

/// What the worker gets.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    /// Samples that follow.
    Samples(Vec<f32>),
    /// There will be no more.
    End,
    /// The caller has nothing yet.
    Nothing,
}

impl SampleQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds samples; waits while the worker is far behind. `false` where nobody takes them any more.
    pub(super) fn push(&self, samples: &[f32]) -> bool {
        for samples in samples.chunks(MAX_AHEAD / 4) {
            let mut state = self.lock();
            while state.waiting.len() + samples.len() > MAX_AHEAD && !state.is_closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_closed || state.is_finished {
                return false;
            }
            state.waiting.extend_from_slice(samples);
            state.given += samples.len();
            drop(state);
            self.changed.notify_all();
        }
        true
    }

    /// Says that no more will come.
    pub(super) fn finish(&self) {
        self.lock().is_finished = true;
        self.changed.notify_all();
    }

    /// Says that no more are taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// All samples that wait; waits a moment for the first one.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.lock();
        if state.waiting.is_empty() && !state.is_finished {
            state = match self.changed.wait_timeout(state, PATIENCE) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        if !state.waiting.is_empty() {
            let samples = std::mem::take(&mut state.waiting);
            drop(state);
            self.changed.notify_all();
            return Taken::Samples(samples);
        }
        if state.is_finished { Taken::End } else { Taken::Nothing }
    }

    /// Samples that were pushed so far.
    pub(super) fn given(&self) -> usize {
        self.lock().given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_in_order_and_then_the_end() {
        let queue = SampleQueue::default();
        assert_eq!(queue.take(), Taken::Nothing);
        assert!(queue.push(&[1.0]) && queue.push(&[2.0]));
        assert_eq!(queue.take(), Taken::Samples(vec![1.0, 2.0]));
        queue.finish();
        assert_eq!(queue.take(), Taken::End);
        assert!(!queue.push(&[3.0]));
        assert_eq!(queue.given(), 2);
    }

    #[test]
    fn a_caller_far_ahead_waits_until_the_worker_takes_or_leaves() {
        let queue = SampleQueue::default();
        let much = vec![0.5; MAX_AHEAD];
        assert!(queue.push(&much));
        std::thread::scope(|scope| {
            let ahead = scope.spawn(|| queue.push(&[1.0]));
            assert_eq!(queue.take(), Taken::Samples(much));
            assert!(ahead.join().unwrap());
            let ahead = scope.spawn(|| queue.push(&vec![0.5; MAX_AHEAD + 1]));
            queue.close();
            assert!(!ahead.join().unwrap());
        });
    }
}
