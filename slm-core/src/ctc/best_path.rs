//! The best path: the most probable label of every frame, as labels and as words.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*, section 3.2, best path decoding. A path becomes
//! a labelling by section 3.1: a run of the same label counts once, then the blanks are dropped.

use std::ops::Range;

use super::posteriors::CtcPosteriors;
use crate::nn::EncodedSpeech;
use crate::text::{TextTokenizer, TokenizerError};

/// Labels without the repeats and blanks of paths, and how probable they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelling {
    /// The labels.
    pub labels: Vec<u32>,
    /// The log of the probability of the paths that were looked at.
    pub log_prob: f64,
}

/// A word on the best path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BestPathWord {
    pub(super) text: String,
    /// Its first and last frame.
    pub(super) frames: (usize, usize),
}

/// A run of the same label on the best path.
#[derive(Debug, Clone, Copy)]
struct Run {
    label: u32,
    first: usize,
    last: usize,
}

/// Merges runs of the same label, then drops blanks.
pub fn collapse(labels: impl IntoIterator<Item = u32>, blank: u32) -> Vec<u32> {
    let mut last = None;
    let mut kept = Vec::new();
    for label in labels {
        if last != Some(label) && label != blank {
            kept.push(label);
        }
        last = Some(label);
    }
    kept
}

/// The labels on the best path of an utterance; none without a CTC head.
pub fn labels(speech: &EncodedSpeech) -> Vec<u32> {
    collapse(speech.ctc.iter().map(|frame| frame.label), speech.blank)
}

/// The labels on the best path, with the probability of that path.
pub fn labelling(posteriors: &CtcPosteriors) -> Labelling {
    let best = (0..posteriors.frames()).map(|t| posteriors.best(t));
    let log_prob = best.clone().map(|(_, p)| f64::from(p)).sum();
    Labelling { labels: collapse(best.map(|(label, _)| label), posteriors.blank()), log_prob }
}

/// How sure the sound is of the best path in `frames`: the probability of its least probable label, at the best frame of
/// each; 1 without labels.
pub(super) fn sureness(posteriors: &CtcPosteriors, frames: Range<usize>) -> f32 {
    let within =
        runs(posteriors).into_iter().filter(|run| run.first < frames.end && run.last >= frames.start);
    let best =
        |run: Run| (run.first..=run.last).map(|t| posteriors.best(t).1).fold(f32::NEG_INFINITY, f32::max);
    within.map(best).fold(0.0, f32::min).exp()
}

/// The words on the best path.
pub(super) fn words(
    tokenizer: &TextTokenizer,
    posteriors: &CtcPosteriors,
) -> Result<Vec<BestPathWord>, TokenizerError> {
    let runs = runs(posteriors);
    let ids: Vec<u32> = runs.iter().map(|run| run.label).collect();
    let text = tokenizer.decode(&ids)?;
    let mut words: Vec<BestPathWord> = text
        .split_whitespace()
        .map(|word| BestPathWord { text: word.to_owned(), frames: (usize::MAX, 0) })
        .collect();
    for (run, word) in runs.iter().zip(word_of_each(tokenizer, &ids)?) {
        if let Some(word) = word.and_then(|index| words.get_mut(index)) {
            word.frames = (word.frames.0.min(run.first), word.frames.1.max(run.last));
        }
    }
    words.retain(|word| word.frames.0 != usize::MAX);
    Ok(words)
}

/// The runs of labels other than the blank.
fn runs(posteriors: &CtcPosteriors) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut before = posteriors.blank();
    for t in 0..posteriors.frames() {
        let (label, _) = posteriors.best(t);
        match runs.last_mut() {
            Some(run) if label == before && run.label == label => run.last = t,
            _ if label != posteriors.blank() => runs.push(Run { label, first: t, last: t }),
            _ => {}
        }
        before = label;
    }
    runs
}

/// The index of the word that each label belongs to; `None` for one that only parts words.
pub(super) fn word_of_each(
    tokenizer: &TextTokenizer,
    ids: &[u32],
) -> Result<Vec<Option<usize>>, TokenizerError> {
    let mut before = String::new();
    (1..=ids.len())
        .map(|count| {
            let text = tokenizer.decode(&ids[..count])?.trim().to_owned();
            let word = (text != before).then(|| text.split_whitespace().count().saturating_sub(1));
            before = text;
            Ok(word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_merge_and_blanks_part_them() {
        assert_eq!(collapse([9, 1, 1, 9, 1, 2, 2, 9], 9), [1, 1, 2]);
        assert_eq!(collapse([9, 9], 9), [] as [u32; 0]);
    }

    #[test]
    fn runs_know_their_frames() {
        let path = [2_u32, 0, 0, 2, 0, 1, 1];
        let row = |best: u32| (0..3).map(move |label| if label == best { -0.1 } else { -3.0 });
        let posteriors = CtcPosteriors::new(path.into_iter().flat_map(row).collect(), 3, 2);
        let runs: Vec<_> = runs(&posteriors).iter().map(|run| (run.label, run.first, run.last)).collect();
        assert_eq!(runs, [(0, 1, 2), (0, 4, 4), (1, 5, 6)]);
        assert_eq!(collapse(path, 2), [0, 0, 1]);
        let best = labelling(&posteriors);
        assert_eq!(best.labels, [0, 0, 1]);
        assert!((best.log_prob + 0.7).abs() < 1e-6, "{best:?}");
    }
}
