//! Errors on the words of a phrase list, and on all others.
//!
//! Source: Le et al. 2021 (arXiv 2104.02194), section 4.1. Of the words of a reference, those that are in the list count for
//! B-WER and the others for U-WER; an inserted word counts for the one that it would count for in a reference.

use std::collections::HashSet;
use std::ops::AddAssign;

use slm_core::models::ctc::edit::{Edit, edits};

use super::{Counts, ErrorCounts};
use crate::eval::normalise::Normaliser;

/// Word errors on both sides of a phrase list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BiasErrors {
    /// On the words of the list: B-WER.
    pub biased: ErrorCounts,
    /// On all other words: U-WER.
    pub unbiased: ErrorCounts,
}

/// The words of a phrase list. A word is one of them whatever its case and punctuation.
#[derive(Debug, Clone, Default)]
pub struct BiasWords(HashSet<String>);

impl BiasWords {
    /// Those of phrases that are normalised as the texts are.
    pub fn of(phrases: &[String]) -> Self {
        let words = phrases.iter().flat_map(|phrase| phrase.split_whitespace());
        Self(words.flat_map(|word| [word.to_owned(), Normaliser::Basic.apply(word)]).collect())
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(word) || self.0.contains(&Normaliser::Basic.apply(word))
    }
}

impl BiasErrors {
    /// Of one utterance with its phrase list, all of them normalised alike. Words are what white space separates.
    pub fn of(reference: &str, hypothesis: &str, phrases: &[String]) -> Self {
        Self::with_words(reference, hypothesis, &BiasWords::of(phrases))
    }

    /// The same with the words of the list, which several utterances may share.
    pub fn with_words(reference: &str, hypothesis: &str, listed: &BiasWords) -> Self {
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let mut errors = Self::default();
        for word in &reference {
            errors.side(listed, word).reference_words += 1;
        }
        for edit in edits(&reference, &hypothesis) {
            match edit {
                Edit::Same(..) => {}
                Edit::Substitution(i, _) => errors.side(listed, reference[i]).substitutions += 1,
                Edit::Deletion(i) => errors.side(listed, reference[i]).deletions += 1,
                Edit::Insertion(j) => errors.side(listed, hypothesis[j]).insertions += 1,
            }
        }
        errors
    }

    fn side(&mut self, listed: &BiasWords, word: &str) -> &mut ErrorCounts {
        if listed.has(word) { &mut self.biased } else { &mut self.unbiased }
    }

    /// B-WER; `None` where no word of a list was said.
    pub fn biased_rate(&self) -> Option<f64> {
        rate(&self.biased)
    }

    /// U-WER; `None` where no other word was said.
    pub fn unbiased_rate(&self) -> Option<f64> {
        rate(&self.unbiased)
    }

    /// The share of listed words of the references that were written; `None` where none was said.
    pub fn recall(&self) -> Option<f64> {
        let ErrorCounts { substitutions, deletions, reference_words, .. } = self.biased;
        (reference_words > 0).then(|| 1.0 - (substitutions + deletions) as f64 / reference_words as f64)
    }
}

fn rate(errors: &ErrorCounts) -> Option<f64> {
    (errors.reference_words > 0).then(|| errors.score())
}

impl AddAssign for BiasErrors {
    fn add_assign(&mut self, other: Self) {
        self.biased += other.biased;
        self.unbiased += other.unbiased;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_counts_on_one_side() {
        let names = ["anna".to_owned(), "ben moss".to_owned()];
        let of = |hypothesis: &str| BiasErrors::of("call anna and ben moss now", hypothesis, &names);
        let counts = |found: BiasErrors| (found.biased.errors(), found.unbiased.errors());
        assert_eq!(counts(of("call anna and ben moss now")), (0, 0));
        assert_eq!(counts(of("tell anna or ban moss now")), (1, 2));
        // An inserted word counts where it would count if it were said.
        assert_eq!(counts(of("call anna and ben moss anna right now")), (1, 1));
        assert!((of("call and ben moss now").recall().unwrap() - 2.0 / 3.0).abs() < 1e-9);
        let verbatim = BiasErrors::of("Call Anna.", "call Hannah.", &names);
        assert_eq!((verbatim.biased.reference_words, verbatim.biased.substitutions), (1, 1));
        let none = BiasErrors::of("hello", "hello anna", &[]);
        assert_eq!((none.biased_rate(), none.unbiased_rate()), (None, Some(1.0)));
    }
}
