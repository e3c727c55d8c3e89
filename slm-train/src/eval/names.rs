//! How well names are written: the words that a context is for.
//!
//! Source: Le et al. 2021 (arXiv 2104.02194), section 4.1, whose B-WER this is: errors on the words of the list, with
//! words of the list that were inserted, per such word of the reference.

use std::collections::HashSet;
use std::ops::AddAssign;

use slm_core::models::ctc::edit::{Edit, edits};

use super::normalise::normalise;

/// Errors on the words of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NameErrors {
    /// Words of names in the references.
    pub words: usize,
    /// Of these, the ones that are not in the hypothesis.
    pub missed: usize,
    /// Words of names that the hypothesis has and nobody said.
    pub inserted: usize,
}

impl NameErrors {
    /// Of one utterance, in which `names` are said.
    pub fn of(reference: &str, hypothesis: &str, names: &[String]) -> Self {
        let names: Vec<String> = names.iter().map(|name| normalise(name)).collect();
        let names: HashSet<&str> = names.iter().flat_map(|name| name.split_whitespace()).collect();
        let (reference, hypothesis) = (normalise(reference), normalise(hypothesis));
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let mut errors = Self::default();
        for edit in edits(&reference, &hypothesis) {
            match edit {
                Edit::Same(i, _) => errors.words += usize::from(names.contains(reference[i])),
                Edit::Substitution(i, _) | Edit::Deletion(i) if names.contains(reference[i]) => {
                    errors.words += 1;
                    errors.missed += 1;
                }
                Edit::Insertion(j) => errors.inserted += usize::from(names.contains(hypothesis[j])),
                _ => {}
            }
        }
        errors
    }

    /// Errors per word of a name; `None` where no name was said.
    pub fn rate(&self) -> Option<f64> {
        (self.words > 0).then(|| (self.missed + self.inserted) as f64 / self.words as f64)
    }

    /// The share of words of names that were written; `None` where no name was said.
    pub fn recall(&self) -> Option<f64> {
        (self.words > 0).then(|| 1.0 - self.missed as f64 / self.words as f64)
    }
}

impl AddAssign for NameErrors {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.missed += other.missed;
        self.inserted += other.inserted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_count() {
        let names = ["Anna".to_owned(), "Ben Moss".to_owned()];
        let of = |hypothesis: &str| NameErrors::of("call Anna and Ben Moss now", hypothesis, &names);
        assert_eq!(of("call anna and ben moss now"), NameErrors { words: 3, missed: 0, inserted: 0 });
        assert_eq!(of("tell anna or ban moss now"), NameErrors { words: 3, missed: 1, inserted: 0 });
        assert_eq!(of("call anna and ben moss anna now").inserted, 1);
        assert!((of("call and ben moss now").recall().unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(NameErrors::of("hello", "hello anna", &[]).rate(), None);
    }
}
