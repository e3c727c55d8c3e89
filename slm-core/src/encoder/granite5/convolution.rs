//! The convolution module: a linear map, GLU, depthwise, batch norm, SiLU, a linear map; maybe at half the rate.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.2. Reference: transformers 5.23.0,
//! `GraniteSpeech5EncoderConvolutionModule`. Shapes: `B` utterances, `T` frames, `T'` of them after the stride, `E` width,
//! `C` inner width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, LinearConfig, PaddingConfig1d};
use burn::prelude::*;
use burn::tensor::activation::{glu, silu};

use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;

/// What norms add to a variance; no config says it.
pub(super) const NORM_EPSILON: f64 = 1e-5;

/// What a [`Convolution`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvolutionConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Width `C` inside.
    pub inner_width: usize,
    /// Kernel of the depthwise convolution, in frames; odd.
    pub kernel: usize,
    /// Frames from one output to the next.
    pub stride: usize,
}

/// Mixes neighbouring frames, each channel on its own.
#[derive(Module, Debug)]
pub struct Convolution {
    pointwise_lin1: MatrixLinear,
    depthwise_conv: Conv1d,
    norm: BatchNorm,
    pointwise_lin2: MatrixLinear,
}

impl ConvolutionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> Convolution {
        let Self { width, inner_width, kernel, stride } = *self;
        let side = (kernel - 1) / 2;
        Convolution {
            pointwise_lin1: LinearConfig::new(width, 2 * inner_width).init(device).into(),
            depthwise_conv: Conv1dConfig::new(inner_width, inner_width, kernel)
                .with_groups(inner_width)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(side, side))
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(inner_width).with_epsilon(NORM_EPSILON).init(device),
            pointwise_lin2: LinearConfig::new(inner_width, width).init(device).into(),
        }
    }
}

impl Convolution {
    /// `[B, T, E]` to `[B, T', E]`; `frames` tells which of the former are real.
    pub fn forward(&self, x: Tensor<3>, frames: &PaddedBatch) -> Tensor<3> {
        // [B, T, E] -> [B, T, 2C] -> [B, T, C]
        let x = glu(self.pointwise_lin1.forward(x), 2);
        // The depthwise kernel reaches into the padding, which is not zero after a norm and a bias.
        let x = if frames.is_full() { x } else { x * frames.keep() };
        // [B, T, C] -> [B, C, T] -> [B, C, T']
        let x = silu(self.norm.forward(self.depthwise_conv.forward(x.swap_dims(1, 2))));
        // [B, C, T'] -> [B, T', C] -> [B, T', E]
        self.pointwise_lin2.forward(x.swap_dims(1, 2))
    }
}
