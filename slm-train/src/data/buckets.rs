//! Batches of similar length, so that little of a batch is padding.

use rand::seq::SliceRandom;

use crate::random::rng_for;

/// The stream of random numbers that the order of an epoch draws from.
const ORDER_STREAM: u64 = 0x6f72_6465;

/// How far two items may be apart in length and still change places, as a share of their length.
const JITTER: f64 = 0.1;

/// Splits items of the given lengths into batches of at most `budget` positions, padding included, in
/// an order that depends on `seed` and `epoch` alone. Every item is in exactly one batch.
pub fn batches(lengths: &[usize], budget: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    use rand::RngExt;
    let mut rng = rng_for(seed, ORDER_STREAM, epoch);
    let mut order: Vec<(f64, usize)> = lengths
        .iter()
        .enumerate()
        .map(|(index, &length)| (length as f64 * (1.0 + JITTER * rng.random::<f64>()), index))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));

    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut batch = Vec::new();
    let mut longest = 0;
    for (_, index) in order {
        let with = longest.max(lengths[index]);
        if !batch.is_empty() && with * (batch.len() + 1) > budget {
            batches.push(std::mem::take(&mut batch));
            longest = lengths[index];
        } else {
            longest = with;
        }
        batch.push(index);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches.shuffle(&mut rng);
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_once_within_the_budget_and_repeatable() {
        let lengths: Vec<usize> = (0..500).map(|i| 10 + (i * 37) % 90).collect();
        let made = batches(&lengths, 400, 7, 3);
        assert_eq!(made, batches(&lengths, 400, 7, 3));
        assert_ne!(made, batches(&lengths, 400, 7, 4));
        let mut seen: Vec<usize> = made.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        for batch in &made {
            let longest = batch.iter().map(|&i| lengths[i]).max().unwrap();
            assert!(longest * batch.len() <= 400);
        }
    }
}
