//! Ending work from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::nn::Watch;

/// Ends the work that it was given to, from any thread. Clones are the same token.
///
/// Loading, encoding and decoding look at it many times a second. What is cancelled stays cancelled.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Ends the work.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same for the models' own loops.
    pub(super) fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.0))
    }
}
