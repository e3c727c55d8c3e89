//! Sums of two tensors, in the memory of the first, with all threads.
//!
//! Burn 0.22.1's `flex` adds with one thread.

use burn::prelude::*;
use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, run};
use super::values::Values;
use super::{AT_ONCE, CHUNK, is_here};

/// Values, to which others are added, both times a factor.
struct Sum<'a> {
    values: &'a mut [f32],
    others: &'a [f32],
    factors: (f32, f32),
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (of_value, of_other) = self.factors;
        for (value, other) in self.values.iter_mut().zip(self.others) {
            *value = *value * of_value + other * of_other;
        }
    }
}

/// `x + y`.
pub(crate) fn add<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    add_scaled(x, y, (1.0, 1.0))
}

/// `x` and `y`, each times its factor, added.
pub(crate) fn add_scaled<const D: usize>(x: Tensor<D>, y: Tensor<D>, factors: (f64, f64)) -> Tensor<D> {
    if !is_here(&x) || !is_here(&y) || x.dims() != y.dims() {
        // No product where it changes nothing.
        let scaled =
            |x: Tensor<D>, factor: f64| if (factor - 1.0).abs() < f64::EPSILON { x } else { x * factor };
        return scaled(x, factors.0) + scaled(y, factors.1);
    }
    let factors = (factors.0 as f32, factors.1 as f32);
    let (mut x, y) = (Values::of(x), Values::of(y));
    let chunks = x.get_mut().par_chunks_mut(CHUNK).zip(y.get().par_chunks(CHUNK));
    let chunks = chunks.with_min_len(AT_ONCE / CHUNK);
    chunks.for_each(|(values, others)| run(Sum { values, others, factors }));
    x.into_tensor()
}

/// `x` `[.., O]` and a bias `[O]` on its last axis.
pub(crate) fn add_bias<const D: usize>(x: Tensor<D>, bias: Tensor<1>) -> Tensor<D> {
    let width = x.dims()[D - 1];
    if !is_here(&x) || !is_here(&bias) || bias.dims() != [width] || width == 0 {
        return x + bias.unsqueeze();
    }
    let (mut x, bias) = (Values::of(x), Values::of(bias));
    let rows = x.get_mut().par_chunks_mut(width).with_min_len(AT_ONCE.div_ceil(width));
    rows.for_each(|values| run(Sum { values, others: bias.get(), factors: (1.0, 1.0) }));
    x.into_tensor()
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    /// The naive twin is Burn's sum.
    #[test]
    fn they_are_the_sums_of_burn_and_leave_others_as_they_are() {
        let device = Device::flex();
        device.seed(29);
        for shape in [[1, 1, 3], [2, 5, 7], [3, 120, 777]] {
            let random = || Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let (x, y) = (random(), random());
            let bias = Tensor::<1>::random([shape[2]], Distribution::Normal(0.0, 1.0), &device);
            let before = x.clone().into_data();
            assert_eq!(add(x.clone(), y.clone()).into_data(), (x.clone() + y.clone()).into_data());
            let expected = (x.clone() * 0.5 + y.clone() * 2.0).into_data();
            assert_eq!(add_scaled(x.clone(), y.clone(), (0.5, 2.0)).into_data(), expected);
            let expected = (x.clone() + bias.clone().unsqueeze()).into_data();
            assert_eq!(add_bias(x.clone(), bias.clone()).into_data(), expected);
            assert_eq!(x.clone().into_data(), before);
            // A view in another order.
            let turned = x.clone().swap_dims(0, 2);
            assert_eq!(
                add(turned.clone(), turned.clone()).into_data(),
                (turned.clone() + turned).into_data()
            );
            // Under autodiff they are Burn's own.
            let tracked = x.clone().autodiff().require_grad();
            let grads = add(tracked.clone(), y.autodiff()).sum().backward();
            assert!(tracked.grad(&grads).unwrap().sub_scalar(1.0).abs().max().into_scalar::<f32>() < 1e-6);
        }
    }
}
