//! Words as the CTC head heard them, with their frames.

use crate::encoder::CtcPosteriors;
use crate::text::{TextTokenizer, TokenizerError};

/// A word on the best path of the CTC head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeardWord {
    pub(super) text: String,
    /// Its first and last frame.
    pub(super) frames: (usize, usize),
}

/// The words of the best path.
pub(super) fn words(
    labels: &TextTokenizer,
    posteriors: &CtcPosteriors,
) -> Result<Vec<HeardWord>, TokenizerError> {
    // Runs of the same label, with their first and last frame.
    let mut runs: Vec<(u32, usize, usize)> = Vec::new();
    let mut last = posteriors.blank();
    for t in 0..posteriors.frames() {
        let (label, _) = posteriors.best(t);
        match runs.last_mut() {
            Some(run) if label == last && run.0 == label => run.2 = t,
            _ if label != posteriors.blank() => runs.push((label, t, t)),
            _ => {}
        }
        last = label;
    }
    let ids: Vec<u32> = runs.iter().map(|run| run.0).collect();
    let text = labels.decode(&ids)?;
    let mut words: Vec<HeardWord> = text
        .split_whitespace()
        .map(|word| HeardWord { text: word.to_owned(), frames: (usize::MAX, 0) })
        .collect();
    for ((_, first, last), word) in runs.iter().zip(word_of_each(labels, &ids)?) {
        if let Some(word) = word.and_then(|index| words.get_mut(index)) {
            word.frames = (word.frames.0.min(*first), word.frames.1.max(*last));
        }
    }
    words.retain(|word| word.frames.0 != usize::MAX);
    Ok(words)
}

/// The index of the word that each label belongs to; `None` for one that only parts words.
pub(super) fn word_of_each(
    labels: &TextTokenizer,
    ids: &[u32],
) -> Result<Vec<Option<usize>>, TokenizerError> {
    let mut before = String::new();
    (1..=ids.len())
        .map(|count| {
            let text = labels.decode(&ids[..count])?.trim().to_owned();
            let word = (text != before).then(|| text.split_whitespace().count().saturating_sub(1));
            before = text;
            Ok(word)
        })
        .collect()
}
