//! Products of many rows with a matrix that has to become floats for them, a panel of it at a time.
//!
//! Shapes: `R` rows, `I` inputs, `O` outputs, of which a panel has `o`.

use std::ops::Range;

use burn::prelude::*;

/// Values of a panel: 4 MiB of floats.
pub(super) const PANEL: usize = 1 << 20;

/// `x` `[R, I]` times the transposed matrix of `outputs` rows, `[R, O]`. `values` gives some of its rows as floats, `[o, I]`.
pub(super) fn by_panels(
    x: &Tensor<2>,
    outputs: usize,
    values: impl Fn(Range<usize>) -> Vec<f32>,
) -> Tensor<2> {
    let [rows, inputs] = x.dims();
    let panel = (PANEL / inputs.max(1)).max(1);
    let device = x.device();
    let products = (0..outputs).step_by(panel).map(|start| {
        let range = start..(start + panel).min(outputs);
        let shape = [range.len(), inputs];
        // [R, I] x [I, o] -> [R, o]
        x.clone().matmul(Tensor::<2>::from_data(TensorData::new(values(range), shape), &device).transpose())
    });
    let mut products: Vec<Tensor<2>> = products.collect();
    match products.len() {
        0 => Tensor::zeros([rows, outputs], &device),
        1 => products.swap_remove(0),
        _ => Tensor::cat(products, 1),
    }
}
