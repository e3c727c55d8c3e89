//! What the CTC head says of an utterance: the log-probability of every label at every frame, on the host.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 3: `y_k^t`, the probability of label `k`
//! at time `t`. Shapes: `T` frames, `V` labels, the blank among them.

use crate::nn::CtcFrame;

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

    /// Those of sounds that follow each other, as one; `None` of none.
    pub(crate) fn join(parts: &[&Self]) -> Option<Self> {
        let first = parts.first()?;
        let log_probs = parts.iter().flat_map(|part| part.log_probs.iter().copied()).collect();
        Some(Self { log_probs, labels: first.labels, blank: first.blank })
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

    /// How unsure the head is of the labels on its best path, 0 to 1: by that, how likely it is that a sound is no speech.
    pub fn doubt(&self) -> f64 {
        let best = (0..self.frames()).map(|t| self.best(t)).filter(|(label, _)| *label != self.blank);
        let labels: Vec<f64> = best.map(|(_, log_prob)| f64::from(log_prob).exp()).collect();
        if labels.is_empty() { 1.0 } else { 1.0 - labels.iter().sum::<f64>() / labels.len() as f64 }
    }

    /// The most probable label of each frame, and the blank's probability.
    pub fn best_frames(&self) -> Vec<CtcFrame> {
        (0..self.frames())
            .map(|t| CtcFrame { label: self.best(t).0, blank: self.frame(t)[self.blank as usize].exp() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_that_of_labels_alone() {
        // A blank, a label of 0.9, one of 0.7.
        let rows = [[0.05_f32, 0.05, 0.9], [0.9, 0.05, 0.05], [0.1, 0.7, 0.2]];
        let log_probs = rows.concat().into_iter().map(f32::ln).collect();
        assert!((CtcPosteriors::new(log_probs, 3, 2).doubt() - 0.2).abs() < 1e-6);
        assert!((CtcPosteriors::new(vec![-3.0, -3.0, -0.1], 3, 2).doubt() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_best_label_of_a_frame_is_the_lowest_of_equals() {
        let posteriors = CtcPosteriors::new(vec![-2.0, -1.0, -1.0, -0.5, -3.0, -4.0], 3, 2);
        assert_eq!((posteriors.frames(), posteriors.best(0), posteriors.best(1)), (2, (1, -1.0), (0, -0.5)));
        let frames = posteriors.best_frames();
        assert_eq!(frames.iter().map(|frame| frame.label).collect::<Vec<_>>(), [1, 0]);
        assert!((frames[0].blank - (-1.0_f32).exp()).abs() < 1e-7);
    }
}
