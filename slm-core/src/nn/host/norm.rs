//! The norm of Transformers: values over their root mean square, in one pass.
//!
//! Paper: *Root Mean Square Layer Normalization*, arXiv 1910.07467.

use burn::nn::RmsNorm;
use burn::prelude::*;
use rayon::prelude::*;

use super::lanes::{Kernel, Lanes, run};
use super::tracked::{joined, taken};
use super::values::Values;
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

/// Rows that one sum of the gradient of scales is made of, whatever the number of threads.
const ROWS: usize = 64;

/// A row of the way back: the gradient of the result becomes that of the values, and `of_scales`, which is empty where nobody
/// asks for it, gets its share.
struct BackRow<'a> {
    gradient: &'a mut [f32],
    values: &'a [f32],
    scales: &'a [f32],
    of_scales: &'a mut [f32],
    epsilon: f32,
}

impl Kernel for BackRow<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { gradient, values, scales, of_scales, epsilon } = self;
        let (mut squares, mut along) = ([0.0_f32; SUMS], [0.0_f32; SUMS]);
        let width = values.len();
        let whole = width - width % SUMS;
        for start in (0..whole).step_by(SUMS) {
            let place = start..start + SUMS;
            let (values, scales) = (&values[place.clone()], &scales[place.clone()]);
            for (lane, gradient) in gradient[place].iter().enumerate() {
                squares[lane] += values[lane] * values[lane];
                along[lane] += gradient * scales[lane] * values[lane];
            }
        }
        for i in whole..width {
            squares[0] += values[i] * values[i];
            along[0] += gradient[i] * scales[i] * values[i];
        }
        let mean = squares.iter().sum::<f32>() / width as f32 + epsilon;
        let inverse = 1.0 / mean.sqrt();
        let along = along.iter().sum::<f32>() * inverse / (mean * width as f32);
        for ((of_scale, &gradient), &value) in of_scales.iter_mut().zip(&*gradient).zip(values) {
            *of_scale += gradient * value * inverse;
        }
        for ((gradient, &value), &scale) in gradient.iter_mut().zip(values).zip(scales) {
            *gradient = *gradient * scale * inverse - value * along;
        }
    }
}

/// The norm under autodiff; `None` where the values are not here.
fn tracked<const D: usize>(x: &Tensor<D>, scales: &Tensor<1>, epsilon: f32) -> Option<Tensor<D>> {
    let width = x.dims()[D - 1];
    let of_x = taken(x)?;
    let of_scales = if is_here(scales) { None } else { Some(taken(scales)?) };
    let held = if of_scales.is_some() { scales.clone().inner() } else { scales.clone() };
    let (x, scales) = (Values::of(x.clone().inner()), Values::of(held));
    let mut y = x.clone();
    rows_normed(y.get_mut(), scales.get(), epsilon);
    // Frozen scales have no gradient.
    let learnt = if of_scales.is_some() { width } else { 0 };
    let back = move |gradient: Tensor<D>| {
        let mut gradient = Values::of(gradient);
        let rows = gradient.get_mut().par_chunks_mut(ROWS * width).zip(x.get().par_chunks(ROWS * width));
        let parts = rows.map(|(gradient, values)| {
            let mut of_scales = vec![0.0; learnt];
            for (gradient, values) in gradient.chunks_mut(width).zip(values.chunks(width)) {
                let scales = scales.get();
                run(BackRow { gradient, values, scales, of_scales: &mut of_scales, epsilon });
            }
            of_scales
        });
        let parts: Vec<Vec<f32>> = parts.collect();
        (gradient.into_tensor::<D>(), summed(&parts, learnt))
    };
    let y = y.into_tensor::<D>();
    Some(match of_scales {
        Some(of_scales) => joined([of_x, of_scales], y, move |gradient| {
            let (of_x, of_scales) = back(gradient);
            [of_x.into(), of_scales.into()]
        }),
        None => joined([of_x], y, move |gradient| [back(gradient).0.into()]),
    })
}

/// The sum of vectors of a width, in their order.
fn summed(parts: &[Vec<f32>], width: usize) -> Tensor<1> {
    let mut sum = Values::zeros(&[width]);
    for part in parts {
        for (sum, value) in sum.get_mut().iter_mut().zip(part) {
            *sum += value;
        }
    }
    sum.into_tensor()
}

fn rows_normed(values: &mut [f32], scales: &[f32], epsilon: f32) {
    let width = scales.len();
    let rows = values.par_chunks_mut(width).with_min_len(AT_ONCE.div_ceil(width));
    rows.for_each(|values| run(Row { values, scales, epsilon }));
}

/// The norm of the last axis.
pub(crate) fn rms_norm<const D: usize>(norm: &RmsNorm, x: Tensor<D>) -> Tensor<D> {
    rms_scaled(x, &norm.gamma.val(), norm.epsilon)
}

/// `x` over the root of its mean square and `epsilon`, times `scales`, along the last axis.
pub(crate) fn rms_scaled<const D: usize>(x: Tensor<D>, scales: &Tensor<1>, epsilon: f64) -> Tensor<D> {
    let width = x.dims()[D - 1];
    let composed = |x: Tensor<D>| {
        let size = (x.clone().square().mean_dim(D - 1) + epsilon).sqrt();
        x / size * scales.clone().unsqueeze()
    };
    if width == 0 {
        return composed(x);
    }
    if !is_here(&x) || !is_here(scales) {
        return tracked(&x, scales, epsilon as f32).unwrap_or_else(|| composed(x));
    }
    let held = Values::of(scales.clone());
    in_place(x, |values| rows_normed(values, held.get(), epsilon as f32))
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

    /// The naive twin is the norm of Burn, and what its autodiff makes of it.
    #[test]
    fn under_autodiff_values_and_gradients_are_those_of_the_operations() {
        let device = Device::flex();
        device.seed(19);
        for (rows, width) in [(3, 8), (150, 37)] {
            let values = Tensor::<3>::random([2, rows, width], Distribution::Normal(0.1, 2.0), &device);
            let weights = Tensor::<3>::random([2, rows, width], Distribution::Normal(0.0, 1.0), &device);
            let gamma = Tensor::<1>::random([width], Distribution::Normal(1.0, 0.5), &device);
            for is_learnt in [true, false] {
                let both = [rms_norm::<3>, |norm: &RmsNorm, x: Tensor<3>| norm.forward(x)].map(|of| {
                    let mut norm = RmsNormConfig::new(width).with_epsilon(1e-3).init(&device);
                    let scales = gamma.clone();
                    norm.gamma = Param::from_tensor(if is_learnt { scales.autodiff() } else { scales });
                    let x = values.clone().autodiff().require_grad();
                    let y = of(&norm, x.clone());
                    let grads = (y.clone() * weights.clone()).sum().backward();
                    let of_scales = is_learnt.then(|| norm.gamma.val().grad(&grads).unwrap());
                    (y.inner(), x.grad(&grads).unwrap(), of_scales)
                });
                let [(y, of_x, of_scales), (expected, wanted, wanted_scales)] = both;
                let gap = |a: Tensor<3>, b: Tensor<3>| (a - b).abs().max().into_scalar::<f32>();
                assert!(gap(y, expected) < 2e-6 && gap(of_x, wanted) < 1e-5);
                assert_eq!(of_scales.is_some(), wanted_scales.is_some());
                if let (Some(found), Some(wanted)) = (of_scales, wanted_scales) {
                    assert!((found - wanted).abs().max().into_scalar::<f32>() < 2e-4);
                }
            }
        }
    }
}
