//! Products with matrices that may have fewer bits than what they are applied to.
//!
//! All are of two dimensions. A loaded matrix is a transposed view, and Burn 0.22.1 copies such a one when it
//! gives it the dimensions of a batch, which its own `linear` does where a batch has one row: writing 32 tokens with a T5
//! of 223 M parameters on flex took 9.0 s so and 98 MB more at the peak.

use burn::prelude::*;
use burn::tensor::{DType, FloatDType};

/// `x` as the right type for a product with `matrix`.
fn cast_like<const D: usize, const E: usize>(x: Tensor<D>, matrix: &Tensor<E>) -> Tensor<D> {
    match matrix.dtype() {
        DType::F16 => x.cast(FloatDType::F16),
        DType::BF16 => x.cast(FloatDType::BF16),
        _ => x,
    }
}

/// `x` in f32.
pub(crate) fn full<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

/// `x` `[.., I]` times `matrix` `[I, O]`, whatever the type of the matrix.
pub(crate) fn product<const D: usize>(x: Tensor<D>, matrix: Tensor<2>) -> Tensor<D> {
    let mut dims = x.dims();
    let [input, output] = matrix.dims();
    let rows = dims[..D - 1].iter().product::<usize>();
    dims[D - 1] = output;
    full(cast_like(x.reshape([rows, input]), &matrix).matmul(matrix)).reshape(dims)
}

/// Rows of `x` `[.., I]`.
pub(super) fn row_count<const D: usize>(x: &Tensor<D>) -> usize {
    x.dims()[..D - 1].iter().product()
}

/// Products `[R, O]` of the rows of `x` `[.., I]`, of which there are some, as `[.., O]` where `x` is.
pub(super) fn shaped<const D: usize>(products: Vec<f32>, x: &Tensor<D>) -> Tensor<D> {
    let mut dims = x.dims();
    dims[D - 1] = products.len() / row_count(x).max(1);
    Tensor::from_data(TensorData::new(products, dims), &x.device())
}

/// The same of `N` matrices; `None` where there are not as many.
pub(super) fn all_shaped<const D: usize, const N: usize>(
    products: Vec<Vec<f32>>,
    x: &Tensor<D>,
) -> Option<[Tensor<D>; N]> {
    let products: Vec<_> = products.into_iter().map(|products| shaped(products, x)).collect();
    products.try_into().ok()
}
