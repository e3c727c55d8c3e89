//! A convolution of each channel with a kernel of its own, frames first.
//!
//! Burn 0.22.1 takes the channels first, and the weight gradient one channel at a time (`conv1d_weight_grad_groups` in
//! burn-backend). Shapes: `B` utterances, `T` frames, `E` channels, `K` taps of a kernel.

use burn::nn::conv::Conv1d;
use burn::prelude::*;
use rayon::prelude::*;

use super::is_here;
use super::lanes::{Kernel, Lanes, run};
use super::tracked::{joined, taken};
use super::values::Values;

/// `[B, T, E]` to the same by `conv`, whose kernels see `pads` frames before and after the one that they are at.
pub(crate) fn depthwise(x: Tensor<3>, conv: &Conv1d, pads: (usize, usize)) -> Tensor<3> {
    let (weight, bias) = (conv.weight.val(), conv.bias.as_ref().map(|bias| bias.val().unsqueeze()));
    let y = if is_here(&x) && is_here(&weight) {
        let taps = Taps::of(weight, pads.0);
        Some(taps.applied(&Values::of(x.clone())).into_tensor())
    } else {
        tracked(&x, &weight, pads)
    };
    match (y, bias) {
        (Some(y), Some(bias)) => y + bias,
        (Some(y), None) => y,
        (None, _) if x.device().is_autodiff() => by_taps(x, conv, pads),
        // [B, T, E] -> [B, E, T] -> [B, T, E]
        (None, _) => conv.forward(x.swap_dims(1, 2)).swap_dims(1, 2),
    }
}

/// What `conv` computes, by operations that autodiff goes back through faster than through a convolution.
fn by_taps(x: Tensor<3>, conv: &Conv1d, pads: (usize, usize)) -> Tensor<3> {
    let [_, time, _] = x.dims();
    let weight = conv.weight.val();
    let [width, _, kernel] = weight.dims();
    // [E, 1, K] -> [1, K, E]
    let weight = weight.reshape([1, width, kernel]).swap_dims(1, 2);
    // [B, T, E] -> [B, T + K - 1, E]
    let padded = x.pad([pads, (0, 0)], 0.0);
    let tap = |k: usize| {
        // [B, T, E] x [1, 1, E] -> [B, T, E]
        padded.clone().narrow(1, k, time) * weight.clone().narrow(1, k, 1)
    };
    let sum = (1..kernel).fold(tap(0), |sum, k| sum + tap(k));
    match &conv.bias {
        Some(bias) => sum + bias.val().unsqueeze(),
        None => sum,
    }
}

/// The same without a bias under autodiff; `None` where the values are not here, or the kernels are not learnt.
fn tracked(x: &Tensor<3>, weight: &Tensor<3>, pads: (usize, usize)) -> Option<Tensor<3>> {
    let both = [taken(x)?, taken(weight)?];
    let taps = Taps::of(weight.clone().inner(), pads.0);
    let x = Values::of(x.clone().inner());
    let y = taps.applied(&x).into_tensor::<3>();
    let back = move |gradient: Tensor<3>| {
        let gradient = Values::of(gradient);
        let of_x = taps.turned().applied(&gradient).into_tensor::<3>();
        [of_x.into(), taps.gradient(&x, &gradient).into()]
    };
    Some(joined(both, y, back))
}

/// The kernels of all channels, tap by tap.
struct Taps {
    /// `[K, E]`.
    weights: Values,
    width: usize,
    /// Frames that a kernel sees before the one it is at.
    before: usize,
}

impl Taps {
    /// Those of `weight` `[E, 1, K]`.
    fn of(weight: Tensor<3>, before: usize) -> Self {
        let [width, _, kernel] = weight.dims();
        let weights = Values::of(weight.reshape([width, kernel]).transpose());
        Self { weights, width, before }
    }

    fn count(&self) -> usize {
        self.weights.get().len() / self.width.max(1)
    }

    /// The last tap first, as the way back of the input goes.
    fn turned(&self) -> Self {
        let mut weights = Values::zeros(&[self.count(), self.width]);
        let rows = self.weights.get().chunks(self.width).rev();
        for (to, from) in weights.get_mut().chunks_mut(self.width).zip(rows) {
            to.copy_from_slice(from);
        }
        Self { weights, width: self.width, before: self.count() - 1 - self.before }
    }

    /// The frames that the taps of frame `at` of `time` see, and the taps that see one.
    fn seen(&self, at: usize, time: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let first = at.saturating_sub(self.before);
        let last = (at + self.count()).saturating_sub(self.before).min(time);
        let tap = (first + self.before) - at;
        (first..last.max(first), tap..tap + last.saturating_sub(first))
    }

    /// `[B, T, E]` to the same.
    fn applied(&self, x: &Values) -> Values {
        let width = self.width;
        let [_, time, _] = x.dims();
        let mut y = Values::zeros(&x.dims());
        if time * width == 0 {
            return y;
        }
        let utterances = y.get_mut().par_chunks_mut(time * width).zip(x.get().par_chunks(time * width));
        utterances.for_each(|(y, x)| {
            y.par_chunks_mut(width).enumerate().with_min_len(FRAMES).for_each(|(at, y)| {
                let (frames, taps) = self.seen(at, time);
                let frames = &x[frames.start * width..frames.end * width];
                let weights = &self.weights.get()[taps.start * width..taps.end * width];
                run(Sums { y, frames, weights });
            });
        });
        y
    }

    /// The gradient of `[E, 1, K]`, where `gradient` is that of what was made of `x`.
    fn gradient(&self, x: &Values, gradient: &Values) -> Tensor<3> {
        let (width, count) = (self.width, self.count());
        let [_, time, _] = x.dims();
        let of_utterance = |(x, gradient): (&[f32], &[f32])| {
            let mut sums = vec![0.0_f32; count * width];
            for (at, gradient) in gradient.chunks(width).enumerate() {
                let (frames, taps) = self.seen(at, time);
                let frames = x[frames.start * width..frames.end * width].chunks(width);
                for (sums, frame) in sums[taps.start * width..].chunks_mut(width).zip(frames) {
                    run(Sums { y: sums, frames: frame, weights: gradient });
                }
            }
            sums
        };
        let length = (time * width).max(1);
        let utterances = x.get().par_chunks(length).zip(gradient.get().par_chunks(length));
        let parts: Vec<Vec<f32>> = utterances.map(of_utterance).collect();
        let mut sum = Values::zeros(&[count, width]);
        for part in parts {
            for (sum, value) in sum.get_mut().iter_mut().zip(part) {
                *sum += value;
            }
        }
        // [K, E] -> [E, 1, K]
        sum.into_tensor::<2>().transpose().reshape([width, 1, count])
    }
}

/// Frames that are not worth another thread.
const FRAMES: usize = 64;

/// Products of frames and weights, one after the other, are added to `y`.
struct Sums<'a> {
    y: &'a mut [f32],
    frames: &'a [f32],
    weights: &'a [f32],
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let width = self.y.len();
        for (frame, weights) in self.frames.chunks_exact(width).zip(self.weights.chunks_exact(width)) {
            for ((y, x), weight) in self.y.iter_mut().zip(frame).zip(weights) {
                *y += x * weight;
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use burn::nn::PaddingConfig1d;
    use burn::nn::conv::Conv1dConfig;
    use burn::tensor::Distribution;

    use super::*;

    /// The naive twin: values and gradients are those of Burn's convolution. Kernels that are longer than the utterance, and
    /// that see frames on one side only.
    #[test]
    fn it_is_the_convolution() {
        let device = Device::flex();
        device.seed(3);
        let tracked = device.clone().autodiff();
        for (kernel, pads, time) in [(7, (3, 3), 11), (4, (1, 2), 150), (5, (4, 0), 9), (31, (15, 15), 6)] {
            for with_bias in [true, false] {
                let conv = Conv1dConfig::new(5, 5, kernel)
                    .with_groups(5)
                    .with_padding(PaddingConfig1d::Explicit(pads.0, pads.1))
                    .with_bias(with_bias)
                    .init(&tracked);
                let input = Tensor::<3>::random([2, time, 5], Distribution::Default, &device);
                let scale = Tensor::<3>::random([2, time, 5], Distribution::Default, &device);
                let made_by = |forward: &dyn Fn(Tensor<3>) -> Tensor<3>| {
                    let x = input.clone().autodiff().require_grad();
                    let output = forward(x.clone());
                    let grads = (output.clone() * scale.clone()).sum().backward();
                    let mut tensors = vec![output.inner(), x.grad(&grads).unwrap()];
                    tensors.push(conv.weight.val().grad(&grads).unwrap());
                    let of_bias = conv.bias.as_ref().map(|bias| bias.val().grad(&grads).unwrap().unsqueeze());
                    tensors.extend(of_bias);
                    tensors
                };
                let expected = made_by(&|x| conv.forward(x.swap_dims(1, 2)).swap_dims(1, 2));
                let alike = |found: Vec<Tensor<3>>| {
                    for (found, expected) in found.into_iter().zip(expected.clone()) {
                        let size = 1.0 + expected.clone().abs().max().into_scalar::<f32>();
                        let worst = (found - expected).abs().max().into_scalar::<f32>() / size;
                        assert!(worst < 2e-6, "{kernel}: {worst}");
                    }
                };
                alike(made_by(&|x| depthwise(x, &conv, pads)));
                alike(made_by(&|x| by_taps(x, &conv, pads)));
                let plain = conv.clone().valid();
                alike(vec![depthwise(input, &plain, pads)]);
            }
        }
    }
}
