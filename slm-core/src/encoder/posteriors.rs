//! All that the CTC head says of an utterance, on the host: what texts are scored and timed by.

use super::ctc::CtcFrame;

/// Log-probabilities of the CTC labels `V` for each frame `T` of one utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct CtcPosteriors {
    /// Row-major `[T, V]`.
    log_probs: Vec<f32>,
    labels: usize,
    blank: u32,
}

impl CtcPosteriors {
    /// Takes rows of `labels` log-probabilities, one a frame.
    ///
    /// # Panics
    ///
    /// If the values are not whole rows or `blank` is no label: both are computed by this crate.
    pub fn new(log_probs: Vec<f32>, labels: usize, blank: u32) -> Self {
        assert!(labels > 0 && log_probs.len().is_multiple_of(labels), "rows of {labels} labels");
        assert!((blank as usize) < labels, "blank {blank} of {labels} labels");
        Self { log_probs, labels, blank }
    }

    /// Frames `T`.
    pub fn frames(&self) -> usize {
        self.log_probs.len() / self.labels
    }

    /// Labels `V`, the blank included.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// The blank label.
    pub fn blank(&self) -> u32 {
        self.blank
    }

    /// The log-probabilities of frame `t`, by label.
    pub fn frame(&self, t: usize) -> &[f32] {
        &self.log_probs[t * self.labels..(t + 1) * self.labels]
    }

    /// The most probable label of frame `t`, the lowest of equals, and its log-probability.
    pub fn best(&self, t: usize) -> (u32, f32) {
        let start = (0, f32::NEG_INFINITY);
        (0..).zip(self.frame(t)).fold(start, |best, (label, &p)| if p > best.1 { (label, p) } else { best })
    }

    /// The best guess for each frame.
    pub fn best_frames(&self) -> Vec<CtcFrame> {
        (0..self.frames())
            .map(|t| {
                let (label, best) = self.best(t);
                CtcFrame { label, probability: best.exp(), blank: self.frame(t)[self.blank as usize].exp() }
            })
            .collect()
    }
}
