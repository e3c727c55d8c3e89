//! Tells why the first text takes long, where a backend prepares itself.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use slm_core::Backend;

/// How long nothing is said.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A text that is told once some time has passed, unless this value goes before.
pub(crate) struct DelayedNote {
    waiting: Option<(Sender<()>, JoinHandle<()>)>,
}

impl DelayedNote {
    /// Tells `text` after `patience`.
    pub(crate) fn after(patience: Duration, text: String, tell: impl FnOnce(&str) + Send + 'static) -> Self {
        let (over, is_over) = mpsc::channel();
        let wait = move || {
            if is_over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                tell(&text);
            }
        };
        // Without a thread nothing is told, which harms nobody.
        let thread = thread::Builder::new().name("delayed-note".to_owned()).spawn(wait);
        Self { waiting: thread.ok().map(|thread| (over, thread)) }
    }
}

impl Drop for DelayedNote {
    fn drop(&mut self) {
        if let Some((over, thread)) = self.waiting.take() {
            drop(over);
            // It has nothing to fail at but the telling.
            let _ = thread.join();
        }
    }
}

/// What is told of a backend that prepares itself at its first work.
pub(crate) fn note(backend: Backend) -> Option<String> {
    backend.is_accelerator().then(|| {
        format!(
            "note: `{}` compiles its kernels before the first text; the driver may keep them for the next run (`slm-cli warmup` does it ahead)",
            backend.name()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told when the notice was kept for `kept` of its patience.
    fn told(patience: Duration, kept: Duration) -> Vec<String> {
        let (said, heard) = mpsc::channel();
        let note = DelayedNote::after(patience, "it takes long".to_owned(), move |text| {
            let _ = said.send(text.to_owned());
        });
        thread::sleep(kept);
        drop(note);
        heard.iter().collect()
    }

    #[test]
    fn it_is_told_where_it_takes_long_and_not_else() {
        assert_eq!(told(Duration::from_millis(1), Duration::from_millis(300)), ["it takes long"]);
        assert!(told(Duration::from_mins(1), Duration::ZERO).is_empty());
    }

    #[test]
    fn processors_are_ready() {
        assert_eq!(note(Backend::Flex), None);
        assert!(note(Backend::Wgpu).is_some_and(|text| text.contains("`wgpu`")));
    }
}
