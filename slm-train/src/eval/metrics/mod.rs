//! Corpus-level text metrics: word and character error rate, chrF, BLEU, exact match and token F1.
//!
//! The error rates equal those of jiwer 4.0.0, chrF and BLEU those of sacrebleu 2.6.0 with its default settings;
//! `tests/fixtures/metrics.json` holds the scores they are compared with. As in those libraries, **the texts of
//! [`wer`], [`cer`], [`chrf`] and [`bleu`] are taken as they are**: apply a
//! [`Normaliser`](super::normalise::Normaliser) to both sides first where not all differences are to count.
//! [`exact_match`] and [`f1`] normalise by themselves, with `basic`.
//!
//! Each metric is counted utterance by utterance ([`Counts`]), so that a corpus, a group of it or a resample of it is a
//! sum of the same counts.
//!
//! References and hypotheses are paired by index. Where one list is shorter, the texts it lacks count as empty,
//! so that a missing hypothesis is an error and never goes unnoticed. An empty corpus scores 0 in every metric.

mod answers;
mod bias;
mod bleu;
mod chrf;
mod errors;
mod overlap;
mod tokenise;

use std::ops::AddAssign;

pub use answers::{Matches, Mean, TokenF1, exact_match, f1};
pub use bias::{BiasErrors, BiasWords};
pub use bleu::{BleuCounts, bleu};
pub use chrf::{ChrfCounts, chrf};
pub use errors::{CharacterErrors, ErrorCounts, cer, wer};

/// What a metric counts of one utterance, to be summed over many.
pub trait Counts: Copy + Default + AddAssign {
    /// The counts of one pair.
    fn of(reference: &str, hypothesis: &str) -> Self;

    /// The metric of what was counted.
    fn score(&self) -> f64;

    /// The sum over a corpus.
    fn of_corpus<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> Self {
        Self::total(
            pairs(references, hypotheses).map(|(reference, hypothesis)| Self::of(reference, hypothesis)),
        )
    }

    /// The sum of several.
    fn total(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self::default(), |mut total, one| {
            total += one;
            total
        })
    }
}

/// Pairs texts by index; the shorter list is filled up with empty texts.
fn pairs<'a, R: AsRef<str>, H: AsRef<str>>(
    references: &'a [R],
    hypotheses: &'a [H],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    (0..references.len().max(hypotheses.len()))
        .map(move |index| (text_at(references, index), text_at(hypotheses, index)))
}

/// The text at `index`, empty past the end.
fn text_at<S: AsRef<str>>(texts: &[S], index: usize) -> &str {
    texts.get(index).map_or("", AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::{Counts, ErrorCounts, bleu, cer, chrf, exact_match, f1, wer};

    #[test]
    fn empty_corpora_and_missing_texts() {
        let none: [&str; 0] = [];
        for metric in [wer, cer, chrf, bleu, exact_match, f1] {
            assert!(metric(&none, &none).abs() < 1e-12);
        }
        assert!((wer(&["a b", "c d"], &["a b"]) - 0.5).abs() < 1e-12);
        assert!((wer(&["a b"], &["a b", "c"]) - 0.5).abs() < 1e-12);
        assert!((wer(&[""], &["a b c"]) - 3.0).abs() < 1e-12);
        assert!((f1(&["", "a"], &["...", ""]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn counts_add_up() {
        let counts = ErrorCounts::of("the cat sat on the mat", "a cat sat the mat now");
        assert_eq!(counts.errors(), 3);
        assert_eq!(counts.reference_words, 6);
    }
}
