//! Gradients that are made beside the values.
//!
//! Under autodiff, each operation of a formula keeps a tensor for the way back. Where the slope of the whole formula is known,
//! it is computed together with the value, in the same pass over host memory, and autodiff sees one product.

use burn::prelude::*;
use burn::tensor::DType;

use super::is_host;

/// Whether the values of `x` lie in this process's memory as f32, and a gradient is asked for.
pub(super) fn is_tracked_here<const D: usize>(x: &Tensor<D>) -> bool {
    x.is_autodiff() && x.dtype() == DType::F32 && is_host(&x.device())
}

/// A function of every value of `x`. `slopes` and `rests` find the values of `x` and put in their place the slope there, and
/// what the function is more than the slope times the value. `None` where the values cannot be read.
pub(super) fn of_each<const D: usize>(
    x: &Tensor<D>,
    slopes: impl FnOnce(&mut [f32]),
    rests: impl FnOnce(&mut [f32], &[f32]),
) -> Option<Tensor<D>> {
    let inner = x.clone().inner();
    let device = inner.device();
    let (mut slope, mut rest) = (inner.clone().into_data(), inner.into_data());
    slopes(slope.as_mut_slice::<f32>().ok()?);
    rests(rest.as_mut_slice::<f32>().ok()?, slope.as_slice::<f32>().ok()?);
    Some(x.clone() * Tensor::from_data(slope, &device) + Tensor::from_data(rest, &device))
}

/// `value`, whose gradient for `x` is `gradient`.
pub(super) fn with_gradient<const D: usize>(
    value: Tensor<1>,
    x: Tensor<D>,
    gradient: Tensor<D>,
) -> Tensor<1> {
    let along = (x * gradient).sum();
    along.clone() - along.detach() + value
}
