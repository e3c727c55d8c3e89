//! Ctrl-C and the wish of the system that the program ends.
//!
//! At first a signal ends the program at once. While something is held ([`Interrupt::hold`]) the first one only asks for an
//! orderly end: loading and answering are cancelled, and the exit code is 128 and the signal's number. The second one ends
//! the program at once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use slm_core::CancelToken;

/// How often it is looked whether a signal came.
const PATIENCE: Duration = Duration::from_millis(40);

/// Whether the program is asked to end. Clones are the same; the default one is never asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The number of the signal that came, 0 before.
    seen: Arc<AtomicUsize>,
    /// Whether the next signal ends the program at once.
    is_armed: Arc<AtomicBool>,
    /// How often it is held.
    holds: AtomicUsize,
    /// For all work but that of sessions.
    token: CancelToken,
    /// For the session at work.
    session: Mutex<CancelToken>,
}

/// While this lives, a signal asks for an orderly end.
#[derive(Debug)]
pub(crate) struct Hold<'a>(&'a Shared);

impl Interrupt {
    /// Takes signals from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        let shared = &interrupt.0;
        shared.is_armed.store(true, Ordering::SeqCst);
        for signal in [SIGINT, SIGTERM] {
            // In this order: whether a signal ends the program is asked before it arms the next one.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&shared.is_armed))?;
            flag::register(signal, Arc::clone(&shared.is_armed))?;
            flag::register_usize(signal, Arc::clone(&shared.seen), signal as usize)?;
        }
        Ok(interrupt)
    }

    /// Makes the first signal ask for an orderly end until the value is dropped.
    pub(crate) fn hold(&self) -> Hold<'_> {
        let shared = &self.0;
        if shared.holds.fetch_add(1, Ordering::SeqCst) == 0 {
            shared.is_armed.store(self.is_asked(), Ordering::SeqCst);
            let interrupt = self.clone();
            // A flag is all that a signal may set; what it means is done here.
            thread::spawn(move || interrupt.pass_on());
        }
        Hold(shared)
    }

    /// Waits for what may not come, such as a line that is typed: a signal meanwhile ends the program at once.
    pub(crate) fn at_once<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.0.is_armed.store(true, Ordering::SeqCst);
        let found = wait();
        let is_armed = self.is_asked() || self.0.holds.load(Ordering::SeqCst) == 0;
        self.0.is_armed.store(is_armed, Ordering::SeqCst);
        found
    }

    /// Whether the program is to end.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.seen.load(Ordering::SeqCst) != 0
    }

    /// The exit code where it was asked to end.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let seen = self.0.seen.load(Ordering::SeqCst);
        (seen != 0).then(|| u8::try_from(128 + seen).unwrap_or(u8::MAX))
    }

    /// What is cancelled when the program is to end.
    pub(crate) fn token(&self) -> CancelToken {
        self.0.token.clone()
    }

    /// Cancels this session too. There is one at a time.
    pub(crate) fn ends(&self, session: CancelToken) {
        let mut at_work = self.0.session.lock().unwrap_or_else(PoisonError::into_inner);
        *at_work = session;
        // It may have been asked before there was this session to cancel.
        if self.is_asked() {
            at_work.cancel();
        }
    }

    /// Asks for an end, as a signal does.
    #[cfg(all(test, feature = "flex"))]
    pub(crate) fn ask(&self) {
        self.0.seen.store(SIGINT as usize, Ordering::SeqCst);
    }

    /// Waits for a signal while something is held, and cancels what is at work.
    fn pass_on(&self) {
        while !self.is_asked() {
            if self.0.holds.load(Ordering::SeqCst) == 0 {
                return;
            }
            thread::sleep(PATIENCE);
        }
        self.0.token.cancel();
        self.0.session.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if self.0.holds.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.is_armed.store(true, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_is_held_is_cancelled_and_not_ended() {
        let interrupt = Interrupt::default();
        let session = CancelToken::default();
        let outer = interrupt.hold();
        drop(interrupt.hold());
        assert!(!interrupt.0.is_armed.load(Ordering::SeqCst), "the outer one still holds");
        interrupt.at_once(|| assert!(interrupt.0.is_armed.load(Ordering::SeqCst)));
        assert!(!interrupt.0.is_armed.load(Ordering::SeqCst));
        interrupt.ends(session.clone());
        assert_eq!(interrupt.exit_code(), None);

        interrupt.0.seen.store(2, Ordering::SeqCst);
        let start = Instant::now();
        while !(session.is_cancelled() && interrupt.token().is_cancelled()) {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing is cancelled");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(interrupt.exit_code(), Some(130));
        let late = CancelToken::default();
        interrupt.ends(late.clone());
        assert!(late.is_cancelled());
        drop(outer);
        assert!(interrupt.0.is_armed.load(Ordering::SeqCst));
    }
}
