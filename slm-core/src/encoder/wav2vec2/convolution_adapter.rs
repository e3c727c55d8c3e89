//! Convolutions after the blocks of [`Wav2Vec2Conformer`](super::Wav2Vec2Conformer) that shorten the sequence.
//!
//! Reference: transformers 5.23.0, `Wav2Vec2ConformerAdapter`. As in [`length_adapter`](super::length_adapter), the
//! padding of a row is zero here, so that the row is what it is alone.
//! Shapes: `B` utterances, `T` frames in and `T'` out, `E` width of the blocks, `W` output width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig, PaddingConfig1d};
use burn::prelude::*;

use super::DEFAULT_EPSILON;
use crate::nn::host::glu;
use crate::nn::matrix::MatrixLinear;
use crate::nn::{PaddedBatch, Watch};

/// Frames of padding on each side, whatever the kernel.
const PADDING: usize = 1;

/// What a [`ConvolutionAdapter`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionAdapterConfig {
    /// Width `E` of the blocks.
    pub input: usize,
    /// Width `W` of the output.
    pub width: usize,
    /// Convolutions.
    pub num_layers: usize,
    /// Their kernel.
    pub kernel: usize,
    /// Their stride.
    pub stride: usize,
}

/// A projection, where the width changes, and the convolutions.
#[derive(Module, Debug)]
pub struct ConvolutionAdapter {
    proj: Option<MatrixLinear>,
    proj_layer_norm: Option<LayerNorm>,
    layers: Vec<ConvolutionAdapterLayer>,
}

/// A strided convolution and a gate.
#[derive(Module, Debug)]
pub struct ConvolutionAdapterLayer {
    conv: Conv1d,
    kernel: usize,
    stride: usize,
}

impl ConvolutionAdapterConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> ConvolutionAdapter {
        let Self { input, width, num_layers, kernel, stride } = *self;
        let projected = input != width;
        let layer = || ConvolutionAdapterLayer {
            conv: Conv1dConfig::new(width, 2 * width, kernel)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(PADDING, PADDING))
                .init(device),
            kernel,
            stride,
        };
        ConvolutionAdapter {
            proj: projected.then(|| LinearConfig::new(input, width).init(device).into()),
            proj_layer_norm: projected
                .then(|| LayerNormConfig::new(width).with_epsilon(DEFAULT_EPSILON).init(device)),
            layers: (0..num_layers).map(|_| layer()).collect(),
        }
    }

    /// An estimate of the values that a pass over `rows` utterances of `frames` frames holds at its peak.
    pub(super) fn working_values(&self, rows: usize, frames: usize) -> f64 {
        // Frames as they are and as the convolution reads them, and its channels before and behind the gate.
        let channels = 3.0 + 3.0 / self.stride.max(1) as f64;
        rows as f64 * frames as f64 * (self.input as f64 + channels * self.width as f64)
    }
}

impl ConvolutionAdapter {
    /// `[B, T, E]` to `[B, T', W]`. Unfinished once `watch` stops.
    pub fn forward(&self, frames: PaddedBatch, watch: &Watch) -> PaddedBatch {
        let mut frames = match (&self.proj, &self.proj_layer_norm) {
            (Some(proj), Some(norm)) => frames.with_values(norm.forward(proj.forward(frames.values()))),
            _ => frames,
        };
        for layer in &self.layers {
            if watch.is_stopped() {
                break;
            }
            frames = layer.forward(&frames);
        }
        frames
    }
}

impl ConvolutionAdapterLayer {
    /// `[B, T, W]` to `[B, T', W]`.
    fn forward(&self, frames: &PaddedBatch) -> PaddedBatch {
        let [_, time, _] = frames.dims();
        let missing = self.kernel.saturating_sub(time + 2 * PADDING);
        // [B, T, W] -> [B, W, T] -> [B, 2W, T'] -> [B, W, T'] -> [B, T', W]
        let x = frames.values().swap_dims(1, 2).pad([(0, missing)], 0.0);
        let values = glu(self.conv.forward(x), 1).swap_dims(1, 2);
        let made = |n: usize| (n + 2 * PADDING).saturating_sub(self.kernel) / self.stride + 1;
        // transformers counts states as if the kernel were 1.
        let counted = |n: usize| (n - 1) / self.stride + 1;
        let lengths = frames.lengths().iter().map(|&n| made(n).min(counted(n))).collect();
        PaddedBatch::new(values, lengths)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn a_row_is_what_it_is_alone_and_no_row_is_too_short() {
        let device = Device::flex();
        device.seed(5);
        for (kernel, stride) in [(3, 2), (5, 3), (1, 2), (7, 1)] {
            let config = ConvolutionAdapterConfig { input: 6, width: 4, num_layers: 2, kernel, stride };
            let adapter = config.init(&device);
            let x = Tensor::<3>::random([2, 23, 6], Distribution::Normal(0.0, 1.0), &device);
            let short = x.clone().slice([1..2, 0..14, 0..6]);
            let together = adapter.forward(PaddedBatch::new(x, vec![23, 14]), &Watch::default());
            let alone = adapter.forward(PaddedBatch::new(short, vec![14]), &Watch::default());
            assert_eq!(together.lengths()[1], alone.lengths()[0]);
            let length = alone.lengths()[0];
            let cut = |x: &PaddedBatch, row: usize| x.values().slice([row..row + 1, 0..length, 0..4]);
            let gap = (cut(&together, 1) - cut(&alone, 0)).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-6, "kernel {kernel}, stride {stride}: {gap}");
            let one = PaddedBatch::new(Tensor::ones([1, 1, 6], &device), vec![1]);
            assert_eq!(adapter.forward(one, &Watch::default()).lengths(), [1]);
        }
    }
}
