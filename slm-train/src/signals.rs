//! Ctrl-C and the wish of the system that the program ends, during work that can go on later.
//!
//! At first a signal ends the program at once. From [`Signals::watch`] on the first one only asks for a stop: what was made is
//! kept, and the exit code is 128 and the signal's number. The second one ends the program at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Work was stopped because a signal asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped by signal {signal}")]
pub struct Interrupted {
    /// The signal's number.
    pub signal: usize,
}

/// The signals of this process. The default ones never come.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// The number of the signal that came, 0 before.
    seen: Arc<AtomicUsize>,
}

impl Signals {
    /// Watches from now on; who asks again gets the same, so that no signal is lost between two pieces of work.
    ///
    /// # Errors
    ///
    /// A system that does not pass signals on.
    pub fn watch() -> anyhow::Result<Self> {
        static WATCHED: Mutex<Option<Signals>> = Mutex::new(None);
        let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signals) = watched.as_ref() {
            return Ok(signals.clone());
        }
        let signals = Self::default();
        let is_armed = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signals.register(signal, &is_armed).context("cannot watch for signals")?;
        }
        *watched = Some(signals.clone());
        Ok(signals)
    }

    /// In this order: whether a signal ends the program is asked before it arms the next one.
    fn register(&self, signal: i32, is_armed: &Arc<AtomicBool>) -> std::io::Result<()> {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(is_armed))?;
        flag::register(signal, Arc::clone(is_armed))?;
        flag::register_usize(signal, Arc::clone(&self.seen), signal as usize)?;
        Ok(())
    }

    /// The number of the signal that asked for a stop.
    pub fn seen(&self) -> Option<usize> {
        let signal = self.seen.load(Ordering::Relaxed);
        (signal != 0).then_some(signal)
    }

    /// Whether work is to go on.
    ///
    /// # Errors
    ///
    /// [`Interrupted`] as soon as a signal came.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.seen().map_or(Ok(()), |signal| Err(Interrupted { signal }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stopped::Stopped;

    #[test]
    fn a_signal_stops_and_is_found_below_other_errors() {
        let signals = Signals::default();
        assert_eq!((signals.seen(), signals.check()), (None, Ok(())));
        signals.seen.store(2, Ordering::Relaxed);
        let error = signals.check().context("cannot read `a`").context("corpus").unwrap_err();
        assert_eq!(error.downcast_ref::<Interrupted>(), Some(&Interrupted { signal: 2 }));
        assert!(!error.is::<Stopped>());
    }

    #[test]
    fn all_watch_the_same() {
        let (one, other) = (Signals::watch().unwrap(), Signals::watch().unwrap());
        assert!(Arc::ptr_eq(&one.seen, &other.seen));
    }
}
