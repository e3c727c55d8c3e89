//! Sampling: temperature, then the `top_k` most probable, then the share `top_p`, then a draw.
//!
//! Reference: transformers 5.23.0, `TemperatureLogitsWarper`, `TopKLogitsWarper`, `TopPLogitsWarper`,
//! in this order. Every row draws from a stream of its own, whatever the other rows do.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::DecodeConfig;
use super::error::DecodeError;
use super::greedy;
use super::hooks::Hooks;
use super::hypothesis::Hypothesis;
use crate::llm::Drafts;
use crate::nn::host::largest;

/// What may be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    pub(super) temperature: f64,
    pub(super) top_k: Option<usize>,
    pub(super) top_p: Option<f64>,
}

/// Draws every id from what `filter` leaves of the processed logits: as many texts a row as the configuration wants, the
/// most probable first. The row's number and that of the draw pick the stream of `seed`.
pub(super) fn generate(
    drafts: Drafts<'_>,
    config: &DecodeConfig,
    hooks: &mut Hooks,
    filter: Filter,
    seed: u64,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    let (rows, draws) = (drafts.rows(), config.num_hypotheses);
    let mut streams: Vec<ChaCha8Rng> = (0..rows)
        .flat_map(|row| (0..draws).map(move |draw| (row, draw)))
        .map(|(row, draw)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((draw as u64) << 32 | row as u64);
            rng
        })
        .collect();
    if draws == 1 {
        let draw = |row: usize, logits: &[f32]| filter.draw(logits, &mut streams[row]);
        let hypotheses = greedy::generate_with(drafts, config, hooks, draw)?;
        return Ok(hypotheses.into_iter().map(|hypothesis| vec![hypothesis]).collect());
    }
    // Which draw of a row is the best is known when all are finished; nothing is told before.
    let mut silent = Hooks {
        stops: hooks.stops,
        on_settled: None,
        processors: hooks.processors,
        prompts: hooks.prompts,
        watch: hooks.watch.clone(),
    };
    let draw = |row: usize, logits: &[f32]| filter.draw(logits, &mut streams[row]);
    let drawn = greedy::generate_with(drafts.repeated(draws), config, &mut silent, draw)?;
    let mut drawn = drawn.into_iter();
    let mut results = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut texts: Vec<Hypothesis> = drawn.by_ref().take(draws).collect();
        texts.sort_by(|a, b| b.score.total_cmp(&a.score));
        if let Some(best) = texts.first() {
            hooks.settle(row, &best.ids, true);
        }
        results.push(texts);
    }
    Ok(results)
}

impl Filter {
    /// One id; `None` where all are ruled out.
    fn draw<R: Rng>(self, logits: &[f32], rng: &mut R) -> Option<u32> {
        let candidates = self.candidates(logits);
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.random::<f64>() * total;
        for &(id, weight) in &candidates {
            left -= weight;
            if left < 0.0 {
                return Some(id);
            }
        }
        // Rounding can leave a rest behind the last one.
        candidates.last().map(|&(id, _)| id)
    }

    /// Ids and unnormalised probabilities, the most probable first when some are cut.
    fn candidates(self, logits: &[f32]) -> Vec<(u32, f64)> {
        let max = f64::from(largest(logits));
        // The others need no exponentials and no order.
        let least = self.top_k.and_then(|k| kth_largest(logits, k)).unwrap_or(f32::NEG_INFINITY);
        let mut candidates: Vec<(u32, f64)> = (0..)
            .zip(logits)
            .filter(|(_, logit)| **logit > f32::NEG_INFINITY && **logit >= least)
            .map(|(id, &logit)| (id, ((f64::from(logit) - max) / self.temperature).exp()))
            .collect();
        if self.top_k.is_none() && self.top_p.is_none() {
            return candidates;
        }
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
        if let Some((_, least)) = self.top_k.and_then(|k| candidates.get(k - 1).copied()) {
            // Those as probable as the last one stay, as in the reference.
            candidates.truncate(candidates.partition_point(|(_, weight)| *weight >= least));
        }
        if let Some(share) = self.top_p {
            let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
            let mut before = 0.0;
            let kept = candidates
                .iter()
                .take_while(|(_, weight)| {
                    let inside = before < share * total;
                    before += weight;
                    inside
                })
                .count();
            candidates.truncate(kept.max(1));
        }
        candidates
    }
}

/// The `k`th of the largest logits; `None` where there are fewer.
fn kth_largest(logits: &[f32], k: usize) -> Option<f32> {
    let mut logits = logits.to_vec();
    let index = logits.len().checked_sub(k)?;
    let (_, found, _) =
        (index < logits.len()).then(|| logits.select_nth_unstable_by(index, f32::total_cmp))?;
    Some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(filter: Filter, probabilities: &[f64]) -> Vec<u32> {
        let logits: Vec<f32> = probabilities.iter().map(|p| p.ln() as f32).collect();
        filter.candidates(&logits).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn filters_keep_the_most_probable() {
        let all = Filter { temperature: 1.0, top_k: None, top_p: None };
        let probabilities = [0.1, 0.5, 0.0, 0.25, 0.15];
        assert_eq!(ids(all, &probabilities), [0, 1, 3, 4]);
        let top_k = Filter { top_k: Some(2), ..all };
        assert_eq!(ids(top_k, &probabilities), [1, 3]);
        assert_eq!(ids(top_k, &[0.4, 0.3, 0.3]), [0, 1, 2]);
        assert_eq!(ids(top_k, &[0.0, 0.2, 0.0]), [1]);
        let top_p = Filter { top_p: Some(0.6), ..all };
        assert_eq!(ids(top_p, &probabilities), [1, 3]);
        let tiny = Filter { top_p: Some(1e-9), ..all };
        assert_eq!(ids(tiny, &probabilities), [1]);
        let wide = Filter { top_k: Some(99), ..all };
        assert_eq!(ids(wide, &probabilities), [1, 3, 4, 0]);
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let filter = Filter { temperature: 1.0, top_k: None, top_p: None };
        let logits = [0.25_f32.ln(), f32::NEG_INFINITY, 0.75_f32.ln()];
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let draws: Vec<u32> = (0..4000).filter_map(|_| filter.draw(&logits, &mut rng)).collect();
        assert_eq!(draws.len(), 4000);
        let third = draws.iter().filter(|&&id| id == 2).count();
        assert!((2850..3150).contains(&third), "{third}");
        assert!(!draws.contains(&1));
        assert_eq!(filter.draw(&[f32::NEG_INFINITY; 3], &mut rng), None);
    }
}
