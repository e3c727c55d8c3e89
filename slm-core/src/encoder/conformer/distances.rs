//! What the distances between frames add to the scores of attention, for a block of queries at a time.
//!
//! All keys of a block of queries lie at few distances: products are made with those, one column a distance, and
//! [`ByDistance`] brings them to their keys. Papers: Transformer-XL, arXiv 1901.02860, appendix B; Shaw et al., arXiv
//! 1803.02155. Reference: transformers 5.23.0, `_rel_shift` and `_apply_relative_key_position_encoding`.
//! Shapes: `B` utterances, `H` heads of width `K`, `T` keys, `Q` queries of a block that starts at query `s`, `D`
//! distances that are told apart, `E` width.

use std::ops::Range;

use burn::prelude::*;

use crate::nn::host::{ByDistance, Scores};

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
    /// The scores of the queries in `block`, scaled, `[B, H, Q, K]`, for keys `[B, H, K, T]`.
    pub(super) fn scores(&self, query: Tensor<4>, key: Tensor<4>, block: &Range<usize>) -> Scores {
        let [_, _, _, time] = key.dims();
        match self {
            Self::Sinusoids { keys, bias_u, bias_v } => {
                // [B, H, Q, K] x [B, H, K, T] -> [B, H, Q, T]
                let content = (query.clone() + bias_u.clone()).matmul(key);
                // Of the first query to the last key, down to the last query to the first key, and one before them.
                // [1, H, K, 2T] -> [1, H, K, T + Q]
                let keys = keys.clone().narrow(3, time - block.end, time + block.len());
                // [B, H, Q, K] x [1, H, K, T + Q] -> [B, H, Q, T + Q]
                let values = (query + bias_v.clone()).matmul(keys);
                let by_distance = ByDistance { values, origin: block.len() as i64 };
                Scores { by_distance: Some(by_distance), ..Scores::of(content) }
            }
            Self::Learnt { keys, left } => {
                // [B, H, Q, K] x [1, 1, K, D] -> [B, H, Q, D]
                let values = query.clone().matmul(keys.clone());
                let by_distance = ByDistance { values, origin: *left as i64 - block.start as i64 };
                Scores { by_distance: Some(by_distance), ..Scores::of(query.matmul(key)) }
            }
        }
    }
}

/// Sinusoids of the distances `T` down to `1 - T`, sine and cosine interleaved, `[1, 2T, E]`.
///
/// The farthest, `T`, is that of no key: it is the column that no key is at.
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
