//! Attention in blocks of queries: its memory grows with the length of a sequence and not with the square of it.
//!
//! Each query has a softmax of its own, so that a block of them gives what all of them give.
//! Shapes: `B` rows, `H` heads of width `K`, `T` queries, `Q` of them in a block.

use std::ops::Range;

use burn::prelude::*;

use super::watch::Watch;

/// The most values of a tensor of scores: 16 MiB in f32.
pub const MAX_SCORES: usize = 1 << 22;

/// The fewest queries of a block, however long the sequence: products of fewer rows are slow.
const MIN_QUERIES: usize = 16;

/// Attends with `queries` queries in blocks, so that a tensor of scores has at most `max_scores` values, or 16 queries.
///
/// A query has `values_per_query` scores: rows times heads times keys. `attend` gives `[B, H, Q, K]` for a range of
/// queries; the result is `[B, H, T, K]`. It is called once where everything fits. Blocks that are left when `watch`
/// stops are zeros.
pub(crate) fn over_queries(
    max_scores: usize,
    queries: usize,
    values_per_query: usize,
    watch: &Watch,
    attend: impl Fn(Range<usize>) -> Tensor<4>,
) -> Tensor<4> {
    let block = block_len(max_scores, values_per_query);
    if block >= queries {
        return attend(0..queries);
    }
    let mut parts: Vec<Tensor<4>> = Vec::with_capacity(queries.div_ceil(block));
    for start in (0..queries).step_by(block) {
        if let Some(first) = parts.first()
            && watch.is_stopped()
        {
            let [rows, heads, _, width] = first.dims();
            let rest = Tensor::zeros([rows, heads, queries - start, width], &first.device());
            parts.push(rest);
            break;
        }
        parts.push(attend(start..(start + block).min(queries)));
    }
    Tensor::cat(parts, 2)
}

/// The part of `x`, `[.., T, ..]`, that is for a block of queries: its third axis in that range. Autodiff goes back through a part by
/// way of zeros, so that all of it is taken as it is.
pub(crate) fn part_of(x: &Tensor<4>, block: &Range<usize>) -> Tensor<4> {
    let [_, _, all, _] = x.dims();
    if *block == (0..all) { x.clone() } else { x.clone().narrow(2, block.start, block.len()) }
}

/// Values of the largest tensor of scores that attention with [`MAX_SCORES`] makes.
pub fn score_values(queries: usize, values_per_query: usize) -> usize {
    queries.min(block_len(MAX_SCORES, values_per_query)).saturating_mul(values_per_query)
}

/// Queries of a block.
fn block_len(max_scores: usize, values_per_query: usize) -> usize {
    (max_scores / values_per_query.max(1)).max(MIN_QUERIES)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// `[1, 2, queries, 3]`, its values the number of the query.
    fn numbered(queries: Range<usize>) -> Tensor<4> {
        let count = queries.len();
        let values = queries.start as i64..queries.end as i64;
        Tensor::<1, Int>::arange(values, &Device::flex())
            .float()
            .reshape([1, 1, count, 1])
            .expand([1, 2, count, 3])
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn blocks_hold_as_many_queries_as_fit_and_give_what_one_call_gives() {
        for (max_scores, expected) in [
            // 4 values a query: 25 queries a block, never fewer than 16, all at once.
            (100, vec![(0, 25), (25, 50), (50, 53)]),
            (1, vec![(0, 16), (16, 32), (32, 48), (48, 53)]),
            (212, vec![(0, 53)]),
        ] {
            let calls = RefCell::new(Vec::new());
            let found = over_queries(max_scores, 53, 4, &Watch::default(), |queries| {
                calls.borrow_mut().push((queries.start, queries.end));
                numbered(queries)
            });
            assert_eq!(calls.into_inner(), expected);
            assert_eq!(values(found), values(numbered(0..53)));
        }
        assert_eq!(score_values(53, 4), 212);
        assert_eq!(score_values(10_000, 1 << 20), 16 << 20);
        assert_eq!(score_values(10_000, 1 << 15), MAX_SCORES);
    }

    #[test]
    fn what_is_left_when_the_watch_stops_is_zeros() {
        let flag = Arc::new(AtomicBool::new(false));
        let found = over_queries(1, 40, 4, &Watch::new(flag.clone()), |queries| {
            flag.store(queries.start == 16, Ordering::Relaxed);
            numbered(queries) + 1.0
        });
        assert_eq!(found.dims(), [1, 2, 40, 3]);
        let expected = (1..=32).chain([0; 8]).flat_map(|value| [value as f32; 3]);
        assert_eq!(values(found)[..120], expected.collect::<Vec<f32>>());
    }
}
