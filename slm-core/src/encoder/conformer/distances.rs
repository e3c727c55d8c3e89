//! What the distances between frames add to the scores of attention, for a block of queries at a time.
//!
//! All keys of a block of queries lie at few distances: products are made with those, one column a distance, and
//! [`shift`] moves them to their keys. Papers: Transformer-XL, arXiv 1901.02860, appendix B; Shaw et al., arXiv
//! 1803.02155. Reference: transformers 5.23.0, `_rel_shift` and `_apply_relative_key_position_encoding`.
//! Shapes: `B` utterances, `H` heads of width `K`, `T` keys, `Q` queries of a block that starts at query `s`, `D`
//! distances that are told apart, `E` width.

use std::ops::Range;

use burn::prelude::*;

/// Base of the sinusoids' wavelengths.
const WAVELENGTH_BASE: f64 = 10_000.0;

/// What one layer's scores get from the distances between queries and keys.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one a layer, tensors are handles")]
pub(super) enum Distances {
    /// Products with a vector for each distance, with biases for all queries.
    Sinusoids {
        /// A vector for each of the distances `T` down to `1 - T`, `[1, H, K, 2T]`.
        keys: Tensor<4>,
        /// Added to a query before the product with the keys, scaled as the query is, `[1, H, 1, K]`.
        bias_u: Tensor<4>,
        /// Added to a query before the product with the distances, scaled as the query is, `[1, H, 1, K]`.
        bias_v: Tensor<4>,
    },
    /// Products with a learnt vector for each distance up to a limit, beyond which they are those of the limit.
    Learnt {
        /// A vector for each of the distances `-left` to `right`, `[1, 1, K, D]`.
        keys: Tensor<4>,
        /// Farthest key before the query that is told apart.
        left: usize,
    },
}

impl Distances {
    /// The scores of the queries in `block`, scaled, `[B, H, Q, K]`, for keys `[B, H, K, T]`: `[B, H, Q, T]`.
    pub(super) fn scores(&self, query: Tensor<4>, key: Tensor<4>, block: &Range<usize>) -> Tensor<4> {
        let [_, _, _, time] = key.dims();
        match self {
            Self::Sinusoids { keys, bias_u, bias_v } => {
                // [B, H, Q, K] x [B, H, K, T] -> [B, H, Q, T]
                let content = (query.clone() + bias_u.clone()).matmul(key);
                // Of the first query to the last key, down to the last query to the first key, and one before them.
                // [1, H, K, 2T] -> [1, H, K, T + Q]
                let keys = keys.clone().narrow(3, time - block.end, time + block.len());
                // [B, H, Q, K] x [1, H, K, T + Q] -> [B, H, Q, T + Q] -> [B, H, Q, T]
                content + shift((query + bias_v.clone()).matmul(keys))
            }
            Self::Learnt { keys, left } => {
                // [B, H, Q, K] x [1, 1, K, D] -> [B, H, Q, D] -> [B, H, Q, T + Q] -> [B, H, Q, T]
                let products = query.clone().matmul(keys.clone());
                query.matmul(key) + shift(by_distance(&products, *left, block, time))
            }
        }
    }
}

/// Turns scores by distance into scores by key: `out[q, k] = scores[q, Q + k - q]`, queries counted within the block.
///
/// `[B, H, Q, T + Q]` to `[B, H, Q, T]`. Rows are one longer than the distances, so that reading the same memory with
/// rows one shorter moves each row by one against the last. The first column is not read.
fn shift(scores: Tensor<4>) -> Tensor<4> {
    let [batch, heads, queries, columns] = scores.dims();
    scores
        .reshape([batch, heads, columns, queries])
        .narrow(2, 1, columns - 1)
        .reshape([batch, heads, queries, columns - 1])
        .narrow(3, 0, columns - queries)
}

/// Gives products with the `D` distances that are told apart a column for each distance of a block.
///
/// `[B, H, Q, D]` to `[B, H, Q, T + Q]`, whose column `c` is that of the distance `c - Q - s`: keys farther than the
/// limits get the product at the limit.
fn by_distance(products: &Tensor<4>, left: usize, block: &Range<usize>, time: usize) -> Tensor<4> {
    let [batch, heads, queries, distances] = products.dims();
    // The first column is `end` before a query, the last one `after` behind it.
    let (end, after) = (block.end, time - 1 - block.start);
    let right = distances - 1 - left;
    let known = left.min(end) + 1 + right.min(after);
    let limit = |column: usize, count: usize| -> Tensor<4> {
        products.clone().narrow(3, column, 1).expand([batch, heads, queries, count])
    };
    let mut columns = Vec::with_capacity(3);
    if end > left {
        columns.push(limit(0, end - left));
    }
    columns.push(products.clone().narrow(3, left.saturating_sub(end), known));
    if after > right {
        columns.push(limit(distances - 1, after - right));
    }
    Tensor::cat(columns, 3)
}

/// Sinusoids of the distances `T` down to `1 - T`, sine and cosine interleaved, `[1, 2T, E]`.
///
/// The farthest, `T`, is that of no key: it is the column that [`shift`] does not read.
pub(super) fn sinusoids(time: usize, width: usize, device: &Device) -> Tensor<3> {
    let frequencies: Vec<f64> =
        (0..width / 2).map(|i| WAVELENGTH_BASE.powf(-2.0 * i as f64 / width as f64)).collect();
    let mut values = Vec::with_capacity(2 * time * width);
    for p in 0..2 * time {
        let distance = time as f64 - p as f64;
        for frequency in &frequencies {
            let (sin, cos) = (distance * frequency).sin_cos();
            values.extend([sin as f32, cos as f32]);
        }
    }
    Tensor::from_data(TensorData::new(values, [1, 2 * time, width]), device)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;

    /// `[1, 1, rows, columns]`, counted up.
    fn counted(rows: usize, columns: usize) -> Tensor<4> {
        Tensor::<1, Int>::arange(0..(rows * columns) as i64, &Device::flex())
            .float()
            .reshape([1, 1, rows, columns])
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn shift_reads_the_distance_of_query_and_key() {
        for (queries, time) in [(5, 5), (3, 7), (1, 4), (4, 4), (1, 1)] {
            let columns = time + queries;
            let before = values(counted(queries, columns));
            let after = values(shift(counted(queries, columns)));
            assert_eq!(after.len(), queries * time);
            for q in 0..queries {
                for k in 0..time {
                    let expected = before[q * columns + queries + k - q];
                    assert!((after[q * time + k] - expected).abs() < f32::EPSILON, "{queries} of {time}");
                }
            }
        }
    }

    #[test]
    fn keys_beyond_a_limit_get_the_product_at_the_limit() {
        for (left, right) in [(2, 1), (0, 0), (9, 3), (1, 20), (30, 30)] {
            for (start, end, time) in [(0, 11, 11), (0, 4, 11), (4, 8, 11), (8, 11, 11), (0, 1, 1)] {
                let (queries, distances) = (end - start, left + right + 1);
                let products = counted(queries, distances);
                let before = values(products.clone());
                let columns = by_distance(&products, left, &(start..end), time);
                assert_eq!(columns.dims(), [1, 1, queries, time + queries]);
                let after = values(shift(columns));
                for q in 0..queries {
                    for k in 0..time {
                        let distance = k as i64 - (start + q) as i64;
                        let column = distance.clamp(-(left as i64), right as i64) + left as i64;
                        let expected = before[q * distances + column as usize];
                        assert!(
                            (after[q * time + k] - expected).abs() < f32::EPSILON,
                            "limits {left} and {right}, queries {start}..{end} of {time}"
                        );
                    }
                }
            }
        }
    }
}
