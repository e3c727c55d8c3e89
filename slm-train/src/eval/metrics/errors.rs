//! Word and character error rate.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use slm_core::models::ctc::edit::{Edit, edits};

use super::Counts;

/// Word error rate: word edits summed over the corpus, per reference word (1.0 = as many errors as words).
///
/// An empty reference adds the words of its hypothesis to the errors and nothing to the reference length. If no
/// reference has a word, the result is the number of insertions, as in jiwer: 0 where nothing was said and
/// nothing was heard.
pub fn wer<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    ErrorCounts::of_corpus(references, hypotheses).score()
}

/// Character error rate: character edits summed over the corpus, per reference character.
///
/// Characters are Unicode scalar values; white space at both ends is dropped, white space inside counts. Empty
/// references are treated as in [`wer`].
pub fn cer<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    CharacterErrors::of_corpus(references, hypotheses).score()
}

/// The word errors of one utterance or of a whole corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCounts {
    /// Reference words replaced by another word.
    pub substitutions: usize,
    /// Hypothesis words with no counterpart in the reference.
    pub insertions: usize,
    /// Reference words with no counterpart in the hypothesis.
    pub deletions: usize,
    /// Words in the reference.
    pub reference_words: usize,
}

impl Counts for ErrorCounts {
    /// Counts the word errors of one hypothesis; words are what white space separates.
    ///
    /// Their sum is the edit distance. Where several alignments are equally short, the one jiwer picks is
    /// counted.
    fn of(reference: &str, hypothesis: &str) -> Self {
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let mut counts = Self { reference_words: reference.len(), ..Self::default() };
        for edit in edits(&reference, &hypothesis) {
            match edit {
                Edit::Same(..) => {}
                Edit::Substitution(..) => counts.substitutions += 1,
                Edit::Deletion(_) => counts.deletions += 1,
                Edit::Insertion(_) => counts.insertions += 1,
            }
        }
        counts
    }

    /// Errors per reference word; for a reference without words the number of errors, as in jiwer.
    fn score(&self) -> f64 {
        rate(self.errors(), self.reference_words)
    }
}

impl ErrorCounts {
    /// Substitutions, insertions and deletions together.
    pub fn errors(&self) -> usize {
        self.substitutions + self.insertions + self.deletions
    }
}

impl AddAssign for ErrorCounts {
    fn add_assign(&mut self, other: Self) {
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
        self.reference_words += other.reference_words;
    }
}

/// Character edits, for [`cer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CharacterErrors {
    errors: usize,
    length: usize,
}

impl Counts for CharacterErrors {
    fn of(reference: &str, hypothesis: &str) -> Self {
        let reference: Vec<char> = reference.trim().chars().collect();
        let hypothesis: Vec<char> = hypothesis.trim().chars().collect();
        Self { errors: edit_distance(&reference, &hypothesis), length: reference.len() }
    }

    fn score(&self) -> f64 {
        rate(self.errors, self.length)
    }
}

impl AddAssign for CharacterErrors {
    fn add_assign(&mut self, other: Self) {
        self.errors += other.errors;
        self.length += other.length;
    }
}

/// Errors per unit of reference; the number of errors where there is no reference.
fn rate(errors: usize, length: usize) -> f64 {
    errors as f64 / length.max(1) as f64
}

/// Both sequences without what they share at the start and, after that, at the end.
fn without_shared_ends<'a, T: PartialEq>(mut a: &'a [T], mut b: &'a [T]) -> (&'a [T], &'a [T]) {
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b)
        && first_a == first_b
    {
        (a, b) = (rest_a, rest_b);
    }
    while let ([rest_a @ .., last_a], [rest_b @ .., last_b]) = (a, b)
        && last_a == last_b
    {
        (a, b) = (rest_a, rest_b);
    }
    (a, b)
}

/// The Levenshtein distance, in memory proportional to the shorter text.
fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let (a, b) = without_shared_ends(a, b);
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut row: Vec<usize> = (0..=short.len()).collect();
    for (i, from) in long.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in short.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[short.len()]
}
