//! Short answers: exact match and token F1.

use std::ops::AddAssign;

use super::Counts;
use super::overlap::Overlap;
use crate::eval::normalise::normalise;

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
