//! Corpus-level text metrics: word and character error rate, chrF, BLEU, exact match and token F1.
//!
//! The error rates equal those of jiwer 4.0.0, chrF and BLEU those of sacrebleu 2.6.0 with its default settings;
//! `tests/fixtures/metrics.json` holds the scores they are compared with. As in those libraries, **the texts of
//! [`wer`], [`cer`], [`chrf`] and [`bleu`] are taken as they are**: call
//! [`normalise`] on both sides first where case and punctuation are not to count.
//! [`exact_match`] and [`f1`] normalise by themselves.
//!
//! Each metric is counted utterance by utterance ([`Counts`]), so that a corpus, a group of it or a resample of it is a
//! sum of the same counts.
//!
//! References and hypotheses are paired by index. Where one list is shorter, the texts it lacks count as empty,
//! so that a missing hypothesis is an error and never goes unnoticed. An empty corpus scores 0 in every metric.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use slm_core::models::ctc::edit::{Edit, edits};

use super::normalise::normalise;
use super::tokenise::tokenise_13a;

/// Longest character n-gram of chrF.
const CHRF_ORDER: usize = 6;
/// Weight of recall over precision in chrF.
const CHRF_BETA: f64 = 2.0;
/// Longest word n-gram of BLEU.
const BLEU_ORDER: usize = 4;

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

/// Corpus-level chrF in 0..=100: character n-grams of order 1 to 6, beta 2, no word n-grams, white space
/// ignored, case kept.
pub fn chrf<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    ChrfCounts::of_corpus(references, hypotheses).score()
}

/// Corpus-level BLEU in 0..=100: up to 4-grams, tokeniser 13a, case kept, exponential smoothing, one reference.
///
/// 0 where the whole corpus has no matching word or no hypothesis of four tokens.
pub fn bleu<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    BleuCounts::of_corpus(references, hypotheses).score()
}

/// Share of hypotheses that equal their reference once both are normalised, 0..=1.
pub fn exact_match<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    Matches::of_corpus(references, hypotheses).score()
}

/// Mean token F1 of the answers, 0..=1, as in SQuAD but with the normaliser `basic`: English articles stay.
///
/// Tokens are words after normalisation, counted with multiplicity. Where one side has no tokens, the pair
/// scores 1 if the other has none either, otherwise 0.
pub fn f1<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    TokenF1::of_corpus(references, hypotheses).score()
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

/// Character n-grams, for [`chrf`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ChrfCounts([Overlap; CHRF_ORDER]);

impl Counts for ChrfCounts {
    fn of(reference: &str, hypothesis: &str) -> Self {
        let mut totals = [Overlap::default(); CHRF_ORDER];
        let reference: Vec<char> = reference.chars().filter(|c| !c.is_whitespace()).collect();
        let hypothesis: Vec<char> = hypothesis.chars().filter(|c| !c.is_whitespace()).collect();
        for (order, total) in (1..).zip(&mut totals) {
            // n-grams of a hypothesis whose reference has none do not count
            if reference.len() >= order {
                total.add(&reference, &hypothesis, order);
            }
        }
        Self(totals)
    }

    fn score(&self) -> f64 {
        let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0_usize);
        for total in self.0.iter().filter(|t| t.hypothesis > 0 && t.reference > 0) {
            precision += total.matched as f64 / total.hypothesis as f64;
            recall += total.matched as f64 / total.reference as f64;
            orders += 1;
        }
        if orders == 0 || precision + recall <= 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / orders as f64, recall / orders as f64);
        let weight = CHRF_BETA * CHRF_BETA;
        100.0 * (1.0 + weight) * precision * recall / (weight * precision + recall)
    }
}

impl AddAssign for ChrfCounts {
    fn add_assign(&mut self, other: Self) {
        for (total, one) in self.0.iter_mut().zip(other.0) {
            *total += one;
        }
    }
}

/// Word n-grams, for [`bleu`].
#[derive(Clone, Copy, Debug, Default)]
pub struct BleuCounts {
    orders: [Overlap; BLEU_ORDER],
    reference: usize,
    hypothesis: usize,
}

impl Counts for BleuCounts {
    fn of(reference: &str, hypothesis: &str) -> Self {
        let (reference, hypothesis) = (tokenise_13a(reference), tokenise_13a(hypothesis));
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let mut orders = [Overlap::default(); BLEU_ORDER];
        for (order, total) in (1..).zip(&mut orders) {
            total.add(&reference, &hypothesis, order);
        }
        Self { orders, reference: reference.len(), hypothesis: hypothesis.len() }
    }

    fn score(&self) -> f64 {
        if self.orders.iter().all(|t| t.matched == 0) || self.orders.iter().any(|t| t.hypothesis == 0) {
            return 0.0;
        }
        let (mut log_sum, mut smoothing) = (0.0, 1.0);
        for total in &self.orders {
            let matched = if total.matched == 0 {
                smoothing *= 2.0;
                1.0 / smoothing
            } else {
                total.matched as f64
            };
            log_sum += (matched / total.hypothesis as f64).ln();
        }
        let log_penalty = (1.0 - self.reference as f64 / self.hypothesis as f64).min(0.0);
        100.0 * (log_penalty + log_sum / BLEU_ORDER as f64).exp()
    }
}

impl AddAssign for BleuCounts {
    fn add_assign(&mut self, other: Self) {
        for (total, one) in self.orders.iter_mut().zip(other.orders) {
            *total += one;
        }
        self.reference += other.reference;
        self.hypothesis += other.hypothesis;
    }
}

/// A mean of values from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    /// Of one value.
    pub fn one(value: f64) -> Self {
        Self { sum: value, count: 1 }
    }

    /// The mean, 0 of none.
    pub fn value(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl AddAssign for Mean {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// Answers that are right, for [`exact_match`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Matches(Mean);

impl Counts for Matches {
    fn of(reference: &str, hypothesis: &str) -> Self {
        Self(Mean::one(f64::from(u8::from(normalise(reference) == normalise(hypothesis)))))
    }

    fn score(&self) -> f64 {
        self.0.value()
    }
}

impl AddAssign for Matches {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// Shared words, for [`f1`].
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenF1(Mean);

impl Counts for TokenF1 {
    fn of(reference: &str, hypothesis: &str) -> Self {
        let (reference, hypothesis) = (normalise(reference), normalise(hypothesis));
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_whitespace().collect();
        let tokens = reference.len() + hypothesis.len();
        if tokens == 0 {
            return Self(Mean::one(1.0));
        }
        let mut overlap = Overlap::default();
        overlap.add(&reference, &hypothesis, 1);
        Self(Mean::one(2.0 * overlap.matched as f64 / tokens as f64))
    }

    fn score(&self) -> f64 {
        self.0.value()
    }
}

impl AddAssign for TokenF1 {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
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

/// Numbers of n-grams of one order, summed over a corpus.
#[derive(Clone, Copy, Debug, Default)]
struct Overlap {
    reference: usize,
    hypothesis: usize,
    matched: usize,
}

impl AddAssign for Overlap {
    fn add_assign(&mut self, other: Self) {
        self.reference += other.reference;
        self.hypothesis += other.hypothesis;
        self.matched += other.matched;
    }
}

impl Overlap {
    /// Adds the n-grams of one pair; a hypothesis n-gram matches as often as the reference holds it.
    fn add<T: Hash + Eq>(&mut self, reference: &[T], hypothesis: &[T], order: usize) {
        let mut available: HashMap<&[T], usize> = HashMap::new();
        for gram in reference.windows(order) {
            self.reference += 1;
            *available.entry(gram).or_default() += 1;
        }
        for gram in hypothesis.windows(order) {
            self.hypothesis += 1;
            if let Some(left) = available.get_mut(gram).filter(|left| **left > 0) {
                *left -= 1;
                self.matched += 1;
            }
        }
    }
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
