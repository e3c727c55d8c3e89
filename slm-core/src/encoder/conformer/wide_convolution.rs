//! A convolution module that is wider inside: a linear map, GLU, depthwise, batch norm, SiLU, a linear map; maybe at half
//! the rate.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.2. Reference: transformers 5.23.0, `GraniteSpeechConformerConvModule` and
//! `GraniteSpeech5EncoderConvolutionModule`. Shapes: `B` utterances, `T` frames, `T'` of them after the stride, `E` width,
//! `C` inner width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, LinearConfig, PaddingConfig1d};
use burn::prelude::*;

use crate::nn::host::glu;
use crate::nn::matrix::{MatrixConv1d, MatrixLinear};
use crate::nn::{ActivationKind, PaddedBatch};

/// What norms add to a variance; no config says it.
pub(super) const NORM_EPSILON: f64 = 1e-5;

/// What a map of the channels is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointwiseKind {
    /// A linear map.
    Linear,
    /// A convolution of kernel 1.
    Convolution,
}

/// A map of the channels, one way or the other.
#[derive(Module, Debug)]
#[non_exhaustive]
pub enum Pointwise {
    /// A linear map.
    Linear(MatrixLinear),
    /// A convolution of kernel 1.
    Convolution(MatrixConv1d),
}

impl PointwiseKind {
    fn init(self, input: usize, output: usize, device: &Device) -> Pointwise {
        match self {
            Self::Linear => Pointwise::Linear(LinearConfig::new(input, output).init(device).into()),
            Self::Convolution => {
                Pointwise::Convolution(Conv1dConfig::new(input, output, 1).init(device).into())
            }
        }
    }
}

impl Pointwise {
    /// `[B, T, I]` to `[B, T, O]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Linear(map) => map.forward(x),
            Self::Convolution(map) => map.forward(x),
        }
    }
}

/// What a [`WideConvolution`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WideConvolutionConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Width `C` inside.
    pub inner_width: usize,
    /// Kernel of the depthwise convolution, in frames; an even one sees one more before than after.
    pub kernel: usize,
    /// Frames from one output to the next.
    pub stride: usize,
    /// What the maps of the channels are.
    pub pointwise: PointwiseKind,
}

/// Mixes neighbouring frames, each channel on its own.
#[derive(Module, Debug)]
pub struct WideConvolution {
    pointwise_lin1: Pointwise,
    depthwise_conv: Conv1d,
    norm: BatchNorm,
    pointwise_lin2: Pointwise,
}

impl WideConvolutionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> WideConvolution {
        let Self { width, inner_width, kernel, stride, pointwise } = *self;
        let before = kernel / 2;
        WideConvolution {
            pointwise_lin1: pointwise.init(width, 2 * inner_width, device),
            depthwise_conv: Conv1dConfig::new(inner_width, inner_width, kernel)
                .with_groups(inner_width)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(before, kernel - 1 - before))
                .with_bias(false)
                .init(device),
            norm: BatchNormConfig::new(inner_width).with_epsilon(NORM_EPSILON).init(device),
            pointwise_lin2: pointwise.init(inner_width, width, device),
        }
    }
}

impl WideConvolution {
    /// `[B, T, E]` to `[B, T', E]`; `frames` tells which of the former are real.
    pub fn forward(&self, x: Tensor<3>, frames: &PaddedBatch) -> Tensor<3> {
        // [B, T, E] -> [B, T, 2C] -> [B, T, C]
        let x = glu(self.pointwise_lin1.forward(x), 2);
        // The depthwise kernel reaches into the padding, which is not zero after a norm and a bias.
        let x = if frames.is_full() { x } else { x * frames.keep() };
        // [B, T, C] -> [B, C, T] -> [B, C, T']
        let x = ActivationKind::Silu.apply(self.norm.forward(self.depthwise_conv.forward(x.swap_dims(1, 2))));
        // [B, C, T'] -> [B, T', C] -> [B, T', E]
        self.pointwise_lin2.forward(x.swap_dims(1, 2))
    }
}
