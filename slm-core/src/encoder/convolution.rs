//! The convolution module of a Conformer block: pointwise, GLU, depthwise, batch norm, SiLU, pointwise.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.2. Reference: transformers 5.23.0,
//! `ParakeetEncoderConvolutionModule`. Shapes: `B` utterances, `T` frames, `E` width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig1d};
use burn::prelude::*;
use burn::tensor::activation::{glu, silu};

use super::config::ParakeetEncoderConfig;
use crate::batch::PaddedBatch;

/// Mixes neighbouring frames, each channel on its own.
#[derive(Module, Debug)]
pub struct Convolution {
    pointwise_conv1: Conv1d,
    depthwise_conv: Conv1d,
    norm: BatchNorm,
    pointwise_conv2: Conv1d,
}

impl Convolution {
    /// Builds the module on `device`.
    pub fn init(config: &ParakeetEncoderConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let pad = (config.conv_kernel_size - 1) / 2;
        let conv = |input, output, kernel| {
            Conv1dConfig::new(input, output, kernel).with_bias(config.convolution_bias)
        };
        Self {
            pointwise_conv1: conv(width, 2 * width, 1).init(device),
            depthwise_conv: conv(width, width, config.conv_kernel_size)
                .with_groups(width)
                .with_padding(PaddingConfig1d::Explicit(pad, pad))
                .init(device),
            norm: BatchNormConfig::new(width).init(device),
            pointwise_conv2: conv(width, width, 1).init(device),
        }
    }

    /// `[B, T, E]` to the same; `frames` tells which of them are real.
    pub fn forward(&self, x: Tensor<3>, frames: &PaddedBatch) -> Tensor<3> {
        // [B, T, E] -> [B, E, T] -> [B, 2E, T] -> [B, E, T]
        let x = self.pointwise_conv1.forward(x.swap_dims(1, 2));
        let x = glu(x, 1);
        // The depthwise kernel reaches into the padding, which the first bias has filled.
        let x = if frames.is_full() { x } else { x * frames.keep().swap_dims(1, 2) };
        let x = silu(self.norm.forward(self.depthwise_conv.forward(x)));
        // [B, E, T] -> [B, T, E]
        self.pointwise_conv2.forward(x).swap_dims(1, 2)
    }
}
