//! Attention itself: what queries read of keys and values.
//!
//! Papers: *Attention Is All You Need*, arXiv 1706.03762, section 3.2.1; several heads of queries for one of keys: GQA,
//! arXiv 2305.13245. Shapes: `B` rows, `Q` queries, `S` keys, `H` heads of width `K`, `G` heads of keys and values.

use std::ops::Range;

use burn::nn::Dropout;
use burn::prelude::*;

use super::blocks::{MAX_SCORES, over_queries, part_of};
use super::host::{Scores, merge_heads, read_few};
use super::watch::Watch;

/// Keys and values of a sequence, `[B, G, S, K]` each.
#[derive(Debug, Clone)]
pub struct KeysValues {
    /// The keys.
    pub keys: Tensor<4>,
    /// The values.
    pub values: Tensor<4>,
}

/// How queries read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Scores of a block of queries are at most as many values.
    pub(crate) max_scores: usize,
    /// Scores are held softly between its negative and itself, before a bias is added.
    pub(crate) softcap: Option<f64>,
    /// Dropout of the weights.
    pub(crate) dropout: Option<&'a Dropout>,
    /// Ends the work early.
    pub(crate) watch: &'a Watch,
}

impl<'a> Reading<'a> {
    /// Plainly.
    pub(crate) fn new(watch: &'a Watch) -> Self {
        Self { max_scores: MAX_SCORES, softcap: None, dropout: None, watch }
    }
}

/// What `query` `[B, H, Q, K]` reads of `source` `[B, G, S, K]`, `[B, Q, H * K]`, in blocks of queries. `bias` gives what is
/// added to the scores of a range of queries, `[B or 1, H or 1, q or 1, S]`; `None` where that is nothing.
pub(crate) fn attend(
    query: &Tensor<4>,
    source: &KeysValues,
    bias: impl Fn(Range<usize>) -> Option<Tensor<4>>,
    reading: Reading<'_>,
) -> Tensor<3> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, groups, keys, _] = source.keys.dims();
    let few = read_few(query, [&source.keys, &source.values], || bias(0..queries), reading.softcap);
    if let Some(read) = few {
        return read;
    }
    let transposed = source.keys.clone().swap_dims(2, 3);
    let block = |range: Range<usize>| {
        let count = range.len();
        // Heads that share keys lie together: [B, H, q, K] -> [B, G, H / G * q, K]
        let together = |x: Tensor<4>, width| x.reshape([batch, groups, heads / groups * count, width]);
        let apart = |x: Tensor<4>, width| x.reshape([batch, heads, count, width]);
        let query = together(part_of(query, &range), head_dim);
        // [B, G, H / G * q, K] x [B, G, K, S] -> [B, H, q, S]
        let products = apart(query.matmul(transposed.clone()), keys);
        let products = match reading.softcap {
            Some(cap) => soft_cap(products, cap),
            None => products,
        };
        let weights = Scores::of(products).with_bias(bias(range)).weights();
        let weights = match reading.dropout {
            Some(dropout) => dropout.forward(weights),
            None => weights,
        };
        // [B, G, H / G * q, S] x [B, G, S, K] -> [B, H, q, K]
        apart(together(weights, keys).matmul(source.values.clone()), head_dim)
    };
    let context = over_queries(reading.max_scores, queries, batch * heads * keys, reading.watch, block);
    // [B, H, Q, K] -> [B, Q, H * K]
    merge_heads(context)
}

/// `x` held softly between `-cap` and `cap`.
pub(crate) fn soft_cap<const D: usize>(x: Tensor<D>, cap: f64) -> Tensor<D> {
    (x / cap).tanh() * cap
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::activation::softmax;

    use super::*;

    /// The formula, all heads by themselves.
    fn naive(query: &Tensor<4>, source: &KeysValues, bias: Option<Tensor<4>>, cap: Option<f64>) -> Tensor<3> {
        let [batch, heads, queries, head_dim] = query.dims();
        let [_, groups, keys, _] = source.keys.dims();
        let for_each_head = |x: &Tensor<4>| {
            let x = x.clone().reshape([batch, groups, 1, keys * head_dim]).repeat_dim(2, heads / groups);
            x.reshape([batch, heads, keys, head_dim])
        };
        let scores = query.clone().matmul(for_each_head(&source.keys).swap_dims(2, 3));
        let scores = cap.map_or(scores.clone(), |cap| soft_cap(scores, cap));
        let scores = bias.map_or(scores.clone(), |bias| scores + bias);
        let read = softmax(scores, 3).matmul(for_each_head(&source.values));
        read.swap_dims(1, 2).reshape([batch, queries, heads * head_dim])
    }

    /// Few queries and many, heads that share keys and heads that do not, buffers with room behind what is read, and heads that
    /// lie side by side in a row.
    #[test]
    fn what_is_read_is_what_the_formula_gives() {
        let device = Device::flex();
        device.seed(23);
        let random = |shape| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        for [batch, heads, groups, queries, keys, head_dim] in [
            [1, 1, 1, 1, 1, 1],
            [2, 4, 2, 1, 37, 8],
            [1, 32, 8, 1, 264, 64],
            [3, 12, 12, 1, 200, 64],
            [1, 12, 12, 5, 33, 20],
            [2, 6, 3, 8, 41, 13],
            [1, 4, 2, 90, 90, 16],
        ] {
            let query = random([batch, heads, queries, head_dim]);
            let room = random([batch, groups, keys + 3, head_dim]).narrow(2, 0, keys);
            let turned = random([batch, keys, groups, head_dim]).swap_dims(1, 2);
            let source = KeysValues { keys: room, values: turned };
            for bias in [
                None,
                Some([1, 1, 1, keys]),
                Some([batch, 1, 1, keys]),
                Some([1, heads, queries, keys]),
                Some([batch, 1, queries, keys]),
            ] {
                let bias = bias.map(random);
                for softcap in [None, Some(1.5)] {
                    let watch = Watch::default();
                    for max_scores in [MAX_SCORES, 1] {
                        let reading = Reading { max_scores, softcap, ..Reading::new(&watch) };
                        let part = |range: Range<usize>| {
                            let rows = |bias: &Tensor<4>| bias.dims()[2];
                            bias.as_ref().map(|bias| {
                                if rows(bias) == 1 { bias.clone() } else { part_of(bias, &range) }
                            })
                        };
                        let found = attend(&query, &source, part, reading);
                        let gap = (found - naive(&query, &source, bias.clone(), softcap)).abs().max();
                        let gap = gap.try_into_scalar::<f32>().unwrap();
                        assert!(gap < 1e-5, "{gap}: {batch} {heads} {groups} {queries} {keys} {head_dim}");
                    }
                }
            }
        }
    }
}
