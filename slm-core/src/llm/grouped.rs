//! Attention where several heads of queries share a head of keys and values.
//!
//! Paper: GQA, arXiv 2305.13245. Shapes: `B` rows, `Q` queries, `S` keys, `H` heads of width `K`, `G` heads of keys and
//! values.

use std::ops::Range;

use burn::prelude::*;

use crate::nn::Watch;
use crate::nn::blocks::{over_queries_within, part_of};
use crate::nn::host::{Scores, merge_heads};
use crate::nn::transformer::KeysValues;

/// What `query` `[B, H, Q, K]` reads of `source` `[B, G, S, K]`, `[B, Q, H * K]`, in blocks of queries whose scores are
/// at most `max_scores` values. `score` makes of the products of a range of queries, `[B, H, q, S]`, what the softmax
/// is of.
pub(super) fn attend(
    max_scores: usize,
    query: &Tensor<4>,
    source: KeysValues,
    score: impl Fn(Tensor<4>, Range<usize>) -> Scores,
    watch: &Watch,
) -> Tensor<3> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, groups, keys, _] = source.keys.dims();
    let transposed = source.keys.swap_dims(2, 3);
    let block = |range: Range<usize>| {
        let count = range.len();
        // Heads that share keys lie together: [B, H, q, K] -> [B, G, H / G * q, K]
        let query = part_of(query, &range).reshape([batch, groups, heads / groups * count, head_dim]);
        // [B, G, H / G * q, K] x [B, G, K, S] -> [B, H, q, S]
        let products = query.matmul(transposed.clone()).reshape([batch, heads, count, keys]);
        let weights = score(products, range).weights().reshape([batch, groups, heads / groups * count, keys]);
        // [B, G, H / G * q, S] x [B, G, S, K] -> [B, H, q, K]
        weights.matmul(source.values.clone()).reshape([batch, heads, count, head_dim])
    };
    let context = over_queries_within(max_scores, queries, batch * heads * keys, watch, block);
    // [B, H, Q, K] -> [B, Q, H * K]
    merge_heads(context)
}
