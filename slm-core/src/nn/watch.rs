//! Stopping long work from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to go on with long work.
///
/// Models look at it between their layers, between the modules of a layer and between blocks of queries. Where it says
/// stop, they return early: the shapes are right, the values are unfinished, and who asked for the work looks at the
/// watch before using them.
#[derive(Debug, Clone, Default)]
pub struct Watch(Option<Arc<AtomicBool>>);

impl Watch {
    /// Stops once `flag` is true. The default never stops.
    pub fn new(flag: Arc<AtomicBool>) -> Self {
        Self(Some(flag))
    }

    /// Whether the work shall end.
    pub fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_when_the_flag_is_raised_and_not_before() {
        let flag = Arc::new(AtomicBool::new(false));
        let watch = Watch::new(flag.clone());
        let other = watch.clone();
        assert!(!watch.is_stopped() && !Watch::default().is_stopped());
        flag.store(true, Ordering::Relaxed);
        assert!(watch.is_stopped() && other.is_stopped() && !Watch::default().is_stopped());
    }
}
