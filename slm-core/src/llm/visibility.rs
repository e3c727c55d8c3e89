//! Which keys a query sees, as what is added to the scores.

use std::ops::Range;

use burn::prelude::*;

use crate::nn::MASKED;
use crate::nn::blocks::part_of;

/// 0 where a query sees a key, [`MASKED`] elsewhere, `[1, 1, Q, S]`.
pub(super) fn visibility(
    queries: Range<usize>,
    keys: usize,
    device: &Device,
    sees: impl Fn(usize, usize) -> bool,
) -> Tensor<4> {
    let count = queries.len();
    let sees = &sees;
    let values: Vec<f32> = queries
        .flat_map(|query| (0..keys).map(move |key| if sees(query, key) { 0.0 } else { MASKED }))
        .collect();
    Tensor::from_data(TensorData::new(values, [1, 1, count, keys]), device)
}

/// A query sees itself and earlier keys.
pub(super) fn causal(queries: Range<usize>, keys: usize, device: &Device) -> Tensor<4> {
    visibility(queries, keys, device, |query, key| key <= query)
}

/// The part of `bias` that is for some queries: all of it where one row `[B, H, 1, S]` is for all queries.
pub(super) fn rows_of(bias: &Tensor<4>, queries: Range<usize>) -> Tensor<4> {
    let [_, _, rows, _] = bias.dims();
    if rows == 1 { bias.clone() } else { part_of(bias, &queries) }
}
