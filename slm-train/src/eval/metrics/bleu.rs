//! BLEU.

use std::ops::AddAssign;

use super::Counts;
use super::overlap::Overlap;
use super::tokenise::tokenise_13a;

/// Longest word n-gram of BLEU.
const BLEU_ORDER: usize = 4;

/// Corpus-level BLEU in 0..=100: up to 4-grams, tokeniser 13a, case kept, exponential smoothing, one reference.
///
/// 0 where the whole corpus has no matching word or no hypothesis of four tokens.
pub fn bleu<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    BleuCounts::of_corpus(references, hypotheses).score()
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
