//! How well the sound supports a text, in one number.
//!
//! A transcript is wrong in one place, mostly: a sentence is invented, or a stretch of speech left out. A mean over the
//! whole hides that, so the score is that of the worst place: the [`WINDOW`] labels in a row that the sound supports
//! least, or the gap between two labels in which the posteriors hold most that the text lacks.

use super::forced::ForcedPath;

/// Labels that are judged together: two to three words.
const WINDOW: usize = 10;
/// What one frame can cost, in units of log-probability, so that one label that the head mistook does not condemn a
/// text.
const FRAME_COST: f32 = 6.0;
/// What a gap costs beside labels: where a true text and the head differ about a word, the text still has labels in its
/// place, so that speech without any is rarer than labels without support.
const GAP_WEIGHT: f64 = 2.0;
/// Below this, a text is more likely wrong than right, see [`Agreement::is_suspect`].
pub const SUSPECT: f64 = 0.02;

/// How well the sound supports a text: 1 where it is the best path of the CTC head, towards 0 the more of the text or
/// of the best path the other lacks.
///
/// The mean odds of the labels in the worst place against the best path there.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Agreement(f64);

impl Agreement {
    /// Of the path of a text; without one the text does not fit the sound at all.
    pub fn of(path: Option<&ForcedPath>) -> Self {
        let Some(path) = path else { return Self(0.0) };
        let cost = unsupported(path).max(GAP_WEIGHT * unexplained(path));
        Self((-cost / WINDOW as f64).exp())
    }

    /// Of labels that the head itself gave, by the logs of their probabilities: how sure it is of those in the worst
    /// window.
    pub fn of_labels(log_probs: &[f32]) -> Self {
        let costs = log_probs.iter().map(|&p| f64::from((-p).clamp(0.0, FRAME_COST))).collect::<Vec<_>>();
        Self((-worst_window(&costs) / WINDOW as f64).exp())
    }

    /// Of words, `errors` of which differ from those on the best path, where `words` is the count of the longer text.
    pub fn of_words(errors: usize, words: usize) -> Self {
        Self(1.0 - errors as f64 / words.max(1) as f64)
    }

    /// From 0 to 1.
    pub fn value(self) -> f64 {
        self.0
    }

    /// Whether the text is more likely wrong than right: below [`SUSPECT`], as about 3 in 100 true transcripts of the
    /// reference model's test set are, and 97 in 100 of those with a sentence too many, too few, or of another utterance.
    pub fn is_suspect(self) -> bool {
        self.0 < SUSPECT
    }
}

/// The cost of a frame.
fn cost(path: &ForcedPath, frame: usize) -> f64 {
    f64::from((-path.support[frame]).clamp(0.0, FRAME_COST))
}

/// The cost of the labels in the worst window, each at its first frame.
fn unsupported(path: &ForcedPath) -> f64 {
    let costs: Vec<f64> = path.emissions.iter().map(|emission| cost(path, emission.first)).collect();
    worst_window(&costs)
}

/// The sum of the costs in the worst window.
fn worst_window(costs: &[f64]) -> f64 {
    let window = WINDOW.min(costs.len()).max(1);
    costs.windows(window).map(|window| window.iter().sum()).fold(0.0, f64::max)
}

/// The cost of the worst stretch without a label's first frame.
fn unexplained(path: &ForcedPath) -> f64 {
    let mut starts = path.emissions.iter().map(|emission| emission.first).peekable();
    let (mut worst, mut gap) = (0.0_f64, 0.0);
    for frame in 0..path.support.len() {
        if starts.next_if_eq(&frame).is_some() {
            gap = 0.0;
        } else {
            gap += cost(path, frame);
            worst = worst.max(gap);
        }
    }
    worst
}

/// The mean odds of a label.
pub(super) fn per_label(support: f64, labels: usize) -> f64 {
    (support / labels.max(1) as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::forced::Emission;

    /// A path with labels at `first` frames.
    fn path(first: &[usize], support: &[f32]) -> ForcedPath {
        let emissions = first.iter().map(|&first| Emission { first, last: first }).collect();
        ForcedPath { emissions, support: support.to_vec() }
    }

    #[test]
    fn the_worst_place_counts() {
        let fine = path(&[0, 2, 4], &[0.0; 6]);
        assert!((Agreement::of(Some(&fine)).value() - 1.0).abs() < 1e-9);
        let mut support = vec![0.0; 40];
        let labels: Vec<usize> = (0..40).step_by(2).collect();
        support[10] = -3.0;
        support[12] = -30.0;
        let local = Agreement::of(Some(&path(&labels, &support))).value();
        assert!((local - (-(3.0 + 6.0) / 10.0_f64).exp()).abs() < 1e-9);
        // The same far apart is no worse than the worse of both.
        support.swap(12, 38);
        assert!(
            (Agreement::of(Some(&path(&labels, &support))).value() - (-6.0 / 10.0_f64).exp()).abs() < 1e-9
        );
    }

    #[test]
    fn speech_without_labels_counts_more() {
        let support = [0.0, -2.0, -1.0, 0.0, -2.0];
        let gap = Agreement::of(Some(&path(&[0, 3], &support))).value();
        assert!((gap - (-2.0 * 3.0 / 10.0_f64).exp()).abs() < 1e-9);
        assert!(Agreement::of(None).is_suspect());
    }
}
