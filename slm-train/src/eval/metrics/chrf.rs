//! chrF.

use std::ops::AddAssign;

use super::Counts;
use super::overlap::Overlap;

/// Longest character n-gram of chrF.
const CHRF_ORDER: usize = 6;
/// Weight of recall over precision in chrF.
const CHRF_BETA: f64 = 2.0;

/// Corpus-level chrF in 0..=100: character n-grams of order 1 to 6, beta 2, no word n-grams, white space
/// ignored, case kept.
pub fn chrf<R: AsRef<str>, H: AsRef<str>>(references: &[R], hypotheses: &[H]) -> f64 {
    ChrfCounts::of_corpus(references, hypotheses).score()
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
