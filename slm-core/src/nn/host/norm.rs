//! The norm of Transformers: values over their root mean square, in one pass.
//!
//! Paper: *Root Mean Square Layer Normalization*, arXiv 1910.07467.

use burn::nn::RmsNorm;
use burn::prelude::*;
use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, run};
use super::{AT_ONCE, in_place, is_here};

/// Squares that are summed side by side.
const SUMS: usize = 16;

/// A row and what its values are multiplied by.
struct Row<'a> {
    values: &'a mut [f32],
    scales: &'a [f32],
    epsilon: f32,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut sums = [0.0_f32; SUMS];
        let (chunks, rest) = self.values.as_chunks::<SUMS>();
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value * value;
            }
        }
        let total: f32 = sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>();
        let inverse = 1.0 / (total / self.values.len() as f32 + self.epsilon).sqrt();
        for (value, scale) in self.values.iter_mut().zip(self.scales) {
            *value = *value * inverse * scale;
        }
    }
}

/// The norm of the last axis.
pub(crate) fn rms_norm<const D: usize>(norm: &RmsNorm, x: Tensor<D>) -> Tensor<D> {
    if is_here(&x) { rms_scaled(x, &norm.gamma.val(), norm.epsilon) } else { norm.forward(x) }
}

/// `x` over the root of its mean square and `epsilon`, times `scales`, along the last axis.
pub(crate) fn rms_scaled<const D: usize>(x: Tensor<D>, scales: &Tensor<1>, epsilon: f64) -> Tensor<D> {
    let width = x.dims()[D - 1];
    let composed = |x: Tensor<D>| {
        let size = (x.clone().square().mean_dim(D - 1) + epsilon).sqrt();
        x / size * scales.clone().unsqueeze()
    };
    if !is_here(&x) || !is_here(scales) || width == 0 {
        return composed(x);
    }
    let data = scales.clone().into_data();
    let Ok(held) = data.as_slice::<f32>() else { return composed(x) };
    let work = |values: &mut [f32]| {
        let rows = values.par_chunks_mut(width).with_min_len(AT_ONCE.div_ceil(width));
        rows.for_each(|values| run(Row { values, scales: held, epsilon: epsilon as f32 }));
    };
    in_place(x, work, composed)
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::module::Param;
    use burn::nn::RmsNormConfig;
    use burn::tensor::Distribution;

    use super::*;

    /// The naive twin is the norm of Burn.
    #[test]
    fn in_one_pass_is_what_the_operations_give() {
        let device = Device::flex();
        device.seed(17);
        for (rows, width) in [(1, 1), (3, 37), (700, 96)] {
            let mut norm = RmsNormConfig::new(width).with_epsilon(1e-3).init(&device);
            norm.gamma = Param::from_tensor(Tensor::random([width], Distribution::Normal(1.0, 0.5), &device));
            let x = Tensor::<3>::random([2, rows, width], Distribution::Normal(0.1, 2.0), &device);
            for x in [x.clone(), x.reshape([2, width, rows]).swap_dims(1, 2)] {
                let before = x.clone().into_data();
                let gap = (rms_norm(&norm, x.clone()) - norm.forward(x.clone())).abs().max();
                assert!(gap.try_into_scalar::<f32>().unwrap() < 2e-6, "{rows} rows of {width}");
                assert_eq!(x.into_data(), before);
            }
        }
    }

    #[test]
    fn under_autodiff_gradients_flow() {
        let device = Device::flex().autodiff();
        let norm = RmsNormConfig::new(8).init(&device);
        let x = Tensor::<2>::random([3, 8], Distribution::Default, &device).require_grad();
        let grads = (rms_norm(&norm, x.clone()) * x.clone()).sum().backward();
        assert!(x.grad(&grads).is_some() && norm.gamma.val().grad(&grads).is_some());
    }
}
