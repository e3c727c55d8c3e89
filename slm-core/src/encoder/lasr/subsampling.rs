//! Subsampling of LASR: two strided convolutions over time between linear maps.
//!
//! Reference: transformers 5.23.0, `LasrEncoderSubsampling`. Shapes: `B` utterances, `T` frames, `M` mel bins, `C`
//! channels, `E` encoder width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::relu;

use super::config::LasrEncoderConfig;
use crate::batch::PaddedBatch;

/// Quarters the frame rate, without padding at the ends.
#[derive(Module, Debug)]
pub struct Subsampling {
    dense_0: Linear,
    conv_0: Conv1d,
    conv_1: Conv1d,
    dense_1: Linear,
    #[module(skip)]
    kernel: usize,
    #[module(skip)]
    stride: usize,
}

impl Subsampling {
    /// Builds the subsampling on `device`.
    pub fn init(config: &LasrEncoderConfig, device: &Device) -> Self {
        let (kernel, stride) = (config.subsampling_conv_kernel_size, config.subsampling_conv_stride);
        let (width, channels) = (config.hidden_size, config.subsampling_conv_channels);
        let conv = |output| Conv1dConfig::new(width, output, kernel).with_stride(stride).init(device);
        Self {
            dense_0: LinearConfig::new(config.num_mel_bins, width).init(device),
            conv_0: conv(width),
            conv_1: conv(channels),
            dense_1: LinearConfig::new(channels, width).init(device),
            kernel,
            stride,
        }
    }

    /// The fewest frames that make a state.
    pub fn min_frames(&self) -> usize {
        self.kernel + self.stride * (self.kernel - 1)
    }

    /// `[B, T, M]` to `[B, T', E]`. Rows with too few frames for one state are taken as if zeros followed.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        let [_, time, _] = features.dims();
        // Rows too short for a state reach into their padding, which is not zero after a bias.
        let x = features.with_values(relu(self.dense_0.forward(features.values()))).values();
        let missing = self.min_frames().saturating_sub(time);
        // [B, T, E] -> [B, E, T] -> [B, C, T']
        let x = x.swap_dims(1, 2).pad([(0, missing)], 0.0);
        let x = relu(self.conv_1.forward(relu(self.conv_0.forward(x))));
        // [B, C, T'] -> [B, T', C] -> [B, T', E]
        let x = self.dense_1.forward(x.swap_dims(1, 2));
        let stage = |n: usize| (n.max(self.kernel) - self.kernel) / self.stride + 1;
        let lengths = features.lengths().iter().map(|&n| stage(stage(n))).collect();
        PaddedBatch::new(x, lengths)
    }
}
