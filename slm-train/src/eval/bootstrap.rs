//! How sure a score is: the interval that resamples of the utterances give.
//!
//! Source: Efron and Tibshirani 1993, chapter 13 (the percentile method).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples.
const RESAMPLES: usize = 1000;
/// The share of resamples inside the interval.
const CONFIDENCE: f64 = 0.95;
/// Where the random numbers start, so that a report can be made again.
const SEED: u64 = 1;

/// The interval in which 95 % of resamples of `count` units score; `score` is given the units of a resample, by index.
/// `None` for fewer than two units.
pub(super) fn interval(count: usize, score: impl Fn(&[usize]) -> f64) -> Option<[f64; 2]> {
    if count < 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = vec![0; count];
    let mut scores: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            drawn.fill_with(|| rng.random_range(0..count as u64) as usize);
            score(&drawn)
        })
        .collect();
    scores.sort_by(f64::total_cmp);
    let outside = (1.0 - CONFIDENCE) / 2.0;
    let at = |share: f64| scores[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some([at(outside), at(1.0 - outside)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval of a mean is about two standard errors to either side.
    #[test]
    fn a_mean_is_as_sure_as_its_standard_error() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let mean = |units: &[usize]| units.iter().map(|&i| values[i]).sum::<f64>() / units.len() as f64;
        let [low, high] = interval(values.len(), mean).unwrap();
        let error = 1.96 * 0.5 / 20.0;
        assert!((low - (0.5 - error)).abs() < 0.01 && (high - (0.5 + error)).abs() < 0.01, "{low} {high}");
        assert_eq!(interval(values.len(), mean), Some([low, high]));
        assert_eq!(interval(1, mean), None);
    }
}
