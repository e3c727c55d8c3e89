//! Attention of few queries: a token that is written, the beams of a text.
//!
//! As products of matrices that is many small ones, for each of which Burn's kernel puts the keys into another order. Here each
//! head of keys and values is read once where it lies, and nothing but the answer becomes a tensor.
//! Shapes: `B` rows, `Q` queries, `S` keys, `H` heads of width `K`, `G` heads of keys and values, `R` queries of one of them.

use std::ops::Range;

use burn::prelude::*;

use super::aligned_rows::LINE;
use super::dots::dots;
use super::is_here;
use super::lanes::{Kernel, LANES, Lanes, fetch, run};
use super::parts::parted;
use super::softmax;
use super::values::{Heads, Rows, Values};

/// The most queries of a head of keys: more are faster as products of matrices.
const MAX_QUERIES: usize = 16;
/// Queries that are taken at once.
const QUERIES: usize = 4;

/// What `query` `[B, H, Q, K]` reads of keys and values `[B, G, S, K]`, `[B, Q, H * K]`. `bias` gives what is added to the scores,
/// `[B or 1, H or 1, Q or 1, S]`; before that they are held softly below `softcap`. `None` where the queries are many, or something
/// is not here.
pub(crate) fn read_few(
    query: &Tensor<4>,
    [keys, values]: [&Tensor<4>; 2],
    bias: impl FnOnce() -> Option<Tensor<4>>,
    softcap: Option<f64>,
) -> Option<Tensor<3>> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, groups, count, _] = keys.dims();
    let rows = heads / groups.max(1) * queries;
    let is_for_it = (1..=MAX_QUERIES).contains(&rows) && count * head_dim > 0;
    if !is_for_it || ![query, keys, values].into_iter().all(is_here) {
        return None;
    }
    let bias = bias();
    if !bias.as_ref().is_none_or(is_here) {
        return None;
    }
    let job = Job {
        queries: Values::of(query.clone()),
        keys: Heads::of(keys.clone()),
        values: Heads::of(values.clone()),
        bias: bias.map(|bias| (bias.dims(), Values::of(bias))),
        softcap: softcap.map(|cap| cap as f32),
        dims: [heads, groups, queries],
    };
    let pairs = batch * groups;
    let parts = parted(&[pairs], count * head_dim, rows * count * head_dim, move |_, pairs| job.read(pairs));
    let mut read = Values::zeros(&[batch, queries, heads * head_dim]);
    let place = read.get_mut();
    // [B, H, Q, K] -> [B, Q, H * K]
    for (at, values) in parts.iter().flatten().flat_map(|part| part.chunks_exact(head_dim)).enumerate() {
        let (row, head, query) = (at / queries / heads, at / queries % heads, at % queries);
        let at = (row * queries + query) * heads + head;
        place[at * head_dim..(at + 1) * head_dim].copy_from_slice(values);
    }
    Some(read.into_tensor())
}

/// All that is read, by whom and how.
struct Job {
    queries: Values,
    keys: Heads,
    values: Heads,
    /// With its dimensions.
    bias: Option<([usize; 4], Values)>,
    softcap: Option<f32>,
    /// `H`, `G` and `Q`.
    dims: [usize; 3],
}

impl Job {
    /// What the queries of some heads of keys read, `[pairs, R, K]`; a pair is a row and one of its heads of keys.
    fn read(&self, pairs: Range<usize>) -> Vec<f32> {
        let [heads, groups, queries] = self.dims;
        let rows = heads / groups * queries;
        let (count, head_dim) = self.keys.rows();
        let mut out = vec![0.0; pairs.len() * rows * head_dim];
        let mut scores = vec![0.0; rows * count];
        for (pair, out) in pairs.zip(out.chunks_exact_mut(rows * head_dim)) {
            let (row, group) = (pair / groups, pair % groups);
            let of_query = |at: usize| {
                let (dims, bias) = self.bias.as_ref()?;
                let head = group * (heads / groups) + at / queries;
                let places = [row, head, at % queries];
                let place = (0..3).fold(0, |place, dim| place * dims[dim] + places[dim].min(dims[dim] - 1));
                bias.get().get(place * count..(place + 1) * count)
            };
            let all = &self.queries.get()[pair * rows * head_dim..][..rows * head_dim];
            let (keys, values) = (self.keys.head(row, group), self.values.head(row, group));
            run(Head {
                queries: all,
                keys,
                values,
                bias: of_query,
                softcap: self.softcap,
                scores: &mut scores,
                out,
            });
        }
        out
    }
}

/// A head of keys and values, and all that read it.
struct Head<'a, B> {
    /// `[R, K]`.
    queries: &'a [f32],
    keys: Rows<'a>,
    values: Rows<'a>,
    /// What is added to the scores of a query.
    bias: B,
    softcap: Option<f32>,
    /// Room for `[R, S]`.
    scores: &'a mut [f32],
    /// `[R, K]`.
    out: &'a mut [f32],
}

impl<'a, B: Fn(usize) -> Option<&'a [f32]>> Kernel for Head<'a, B> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let rows = self.queries.len() / self.keys.width;
        let mut row = 0;
        while row < rows {
            row += match rows - row {
                1 => self.rows::<L, 1, 4, 4>(row),
                2 => self.rows::<L, 2, 4, 4>(row),
                3 => self.rows::<L, 3, 2, 2>(row),
                _ => self.rows::<L, QUERIES, 2, 2>(row),
            };
        }
    }
}

impl<'a, B: Fn(usize) -> Option<&'a [f32]>> Head<'a, B> {
    /// `R` queries from `row` on, `O` keys and then `C` registers of values at a time; gives `R`.
    #[inline(always)]
    fn rows<L: Lanes, const R: usize, const O: usize, const C: usize>(&mut self, row: usize) -> usize {
        let (count, width) = (self.keys.count, self.keys.width);
        let scores = &mut self.scores[row * count..(row + R) * count];
        let queries: [&[f32]; R] =
            std::array::from_fn(|i| &self.queries[(row + i) * width..(row + i + 1) * width]);
        let mut key = 0;
        while count - key >= O {
            // Meanwhile memory is asked for the values, which are read a part of each row at a time.
            for key in key..key + O {
                let values = self.values.row(key);
                for line in (0..width).step_by(LINE) {
                    fetch(&values[line..]);
                }
            }
            products::<L, R, O>(queries, &self.keys, key, scores);
            key += O;
        }
        while key < count {
            products::<L, R, 1>(queries, &self.keys, key, scores);
            key += 1;
        }
        for (at, scores) in scores.chunks_exact_mut(count).enumerate() {
            if let Some(cap) = self.softcap {
                for score in &mut *scores {
                    *score = (*score / cap).tanh() * cap;
                }
            }
            softmax::Row { scores, by_distance: None, bias: (self.bias)(row + at) }.run::<L>();
        }
        let weights: [&[f32]; R] = std::array::from_fn(|i| &scores[i * count..(i + 1) * count]);
        let out = &mut self.out[row * width..(row + R) * width];
        let mut column = 0;
        while width - column >= C * LANES {
            mixed::<L, R, C>(weights, &self.values, column, out);
            column += C * LANES;
        }
        while width - column >= LANES {
            mixed::<L, R, 1>(weights, &self.values, column, out);
            column += LANES;
        }
        for (weights, out) in weights.iter().zip(out.chunks_exact_mut(width)) {
            for (place, column) in out[column..].iter_mut().zip(column..) {
                *place =
                    weights.iter().enumerate().map(|(at, weight)| weight * self.values.row(at)[column]).sum();
            }
        }
        R
    }
}

/// The products of `R` queries with `O` keys from `key` on.
#[inline(always)]
fn products<L: Lanes, const R: usize, const O: usize>(
    queries: [&[f32]; R],
    keys: &Rows<'_>,
    key: usize,
    scores: &mut [f32],
) {
    let found = dots::<L, f32, R, O, 1>(queries, std::array::from_fn(|i| keys.row(key + i)));
    for (products, scores) in found.iter().zip(scores.chunks_exact_mut(keys.count)) {
        scores[key..key + O].copy_from_slice(products);
    }
}

/// The sums of all values, each times its weight, for `R` queries: `C` registers of columns from `column` on.
#[inline(always)]
fn mixed<L: Lanes, const R: usize, const C: usize>(
    weights: [&[f32]; R],
    values: &Rows<'_>,
    column: usize,
    out: &mut [f32],
) {
    let mut sums = [[L::none(); C]; R];
    for at in 0..values.count {
        let row = values.row(at)[column..column + C * LANES].as_chunks::<LANES>().0;
        for (sums, weights) in sums.iter_mut().zip(&weights) {
            let weight = [weights[at]; LANES];
            for (sums, values) in sums.iter_mut().zip(row) {
                *sums = L::add(*sums, &weight, values);
            }
        }
    }
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(values.width)) {
        let places = out[column..column + C * LANES].as_chunks_mut::<LANES>().0;
        for (place, sums) in places.iter_mut().zip(sums) {
            *place = L::values(*sums);
        }
    }
}
