//! Subsampling of LASR: two strided convolutions over time between linear maps.
//!
//! Reference: transformers 5.23.0, `LasrEncoderSubsampling`. Shapes: `B` utterances, `T` frames, `M` mel bins, `C`
//! channels, `E` encoder width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::relu;

use crate::nn::{PaddedBatch, Watch};

/// What a [`Subsampling`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsamplingConfig {
    /// Mel bins `M` of the input.
    pub num_mel_bins: usize,
    /// Width `E` of the output.
    pub width: usize,
    /// Channels `C` after the convolutions.
    pub channels: usize,
    /// Kernel of the convolutions.
    pub kernel: usize,
    /// Stride of the convolutions.
    pub stride: usize,
}

/// Quarters the frame rate, without padding at the ends.
#[derive(Module, Debug)]
pub struct Subsampling {
    dense_0: Linear,
    conv_0: Conv1d,
    conv_1: Conv1d,
    dense_1: Linear,
    #[module(skip)]
    config: SubsamplingConfig,
}

impl SubsamplingConfig {
    /// The fewest frames that make a state.
    pub fn min_frames(&self) -> usize {
        self.kernel + self.stride * (self.kernel - 1)
    }

    /// States for `frames` frames.
    pub fn output_len(&self, frames: usize) -> usize {
        self.stage_len(self.stage_len(frames))
    }

    fn stage_len(&self, n: usize) -> usize {
        (n.max(self.kernel) - self.kernel) / self.stride + 1
    }

    /// Builds the subsampling with random weights on `device`.
    pub fn init(&self, device: &Device) -> Subsampling {
        let Self { num_mel_bins, width, channels, kernel, stride } = *self;
        let conv = |output| Conv1dConfig::new(width, output, kernel).with_stride(stride).init(device);
        Subsampling {
            dense_0: LinearConfig::new(num_mel_bins, width).init(device),
            conv_0: conv(width),
            conv_1: conv(channels),
            dense_1: LinearConfig::new(channels, width).init(device),
            config: *self,
        }
    }

    /// An estimate of the values that a pass over `rows` utterances of `frames` frames holds at its peak, its input aside.
    pub(super) fn working_values(&self, rows: usize, frames: usize) -> f64 {
        let (width, channels) = (self.width as f64, self.channels as f64);
        let first = self.stage_len(frames);
        let second = self.stage_len(first);
        let values = |time: usize, width: f64| rows as f64 * time as f64 * width;
        // Frames as they are and in the order that a convolution reads, beside what it makes of them.
        let early = 3.0 * values(frames, width) + values(first, width);
        let late = 2.0 * values(first, width) + values(second, channels + width);
        early.max(late)
    }
}

impl Subsampling {
    /// `[B, T, M]` to `[B, T', E]`; `None` once `watch` stops. Rows with too few frames for one state are taken as if
    /// zeros followed.
    pub fn forward(&self, features: &PaddedBatch, watch: &Watch) -> Option<PaddedBatch> {
        let [_, time, _] = features.dims();
        // Rows too short for a state reach into their padding, which is not zero after a bias.
        let x = features.with_values(relu(self.dense_0.forward(features.values()))).values();
        let missing = self.config.min_frames().saturating_sub(time);
        // [B, T, E] -> [B, E, T] -> [B, E, T/2]
        let x = x.swap_dims(1, 2).pad([(0, missing)], 0.0);
        let x = relu(self.conv_0.forward(x));
        if watch.is_stopped() {
            return None;
        }
        // [B, E, T/2] -> [B, C, T'] -> [B, T', C] -> [B, T', E]
        let x = relu(self.conv_1.forward(x));
        let x = self.dense_1.forward(x.swap_dims(1, 2));
        let lengths = features.lengths().iter().map(|&n| self.config.output_len(n)).collect();
        Some(PaddedBatch::new(x, lengths))
    }
}
