//! The convolution module of a Conformer block: pointwise, GLU, depthwise, norm, activation, pointwise.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.2. Reference: transformers 5.23.0,
//! `ParakeetEncoderConvolutionModule`, `Wav2Vec2BertConvolutionModule`, `Wav2Vec2ConformerConvolutionModule`,
//! `LasrEncoderConvolutionModule`. Shapes: `B` utterances, `T` frames, `E` width, `K` frames of the kernel.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, LayerNorm, LayerNormConfig, PaddingConfig1d};
use burn::prelude::*;

use crate::nn::host::{depthwise, glu};
use crate::nn::matrix::MatrixConv1d;
use crate::nn::{ActivationKind, PaddedBatch};

/// Which frames a depthwise kernel sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelReach {
    /// As many before as after; of an even kernel one more after.
    Centred,
    /// This frame and those before.
    Causal,
}

/// The norm inside a convolution module.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ConvolutionNormKind {
    /// Batch norm by running statistics.
    Batch,
    /// Layer norm over the channels of each frame.
    Layer {
        /// What it adds to a variance.
        epsilon: f64,
    },
}

/// What a [`Convolution`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvolutionConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Kernel of the depthwise convolution, in frames.
    pub kernel: usize,
    /// Where the kernel reaches.
    pub reach: KernelReach,
    /// What normalises the depthwise convolution.
    pub norm: ConvolutionNormKind,
    /// What stands between the norm and the last convolution.
    pub activation: ActivationKind,
    /// Whether the convolutions have biases.
    pub bias: bool,
}

/// Mixes neighbouring frames, each channel on its own.
#[derive(Module, Debug)]
pub struct Convolution {
    pointwise_conv1: MatrixConv1d,
    depthwise_conv: Conv1d,
    norm: ConvolutionNorm,
    pointwise_conv2: MatrixConv1d,
    #[module(skip)]
    activation: ActivationKind,
    /// Frames that the kernel sees before and after the one it is at.
    #[module(skip)]
    pads: (usize, usize),
}

/// Of the one kind or the other.
#[derive(Module, Debug)]
#[non_exhaustive]
pub enum ConvolutionNorm {
    /// Over utterances and frames, by running statistics.
    Batch(BatchNorm),
    /// Over the channels of a frame.
    Layer(LayerNorm),
}

impl ConvolutionNorm {
    /// The norm of `[B, T, E]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Batch(norm) => norm.forward(x.swap_dims(1, 2)).swap_dims(1, 2),
            Self::Layer(norm) => norm.forward(x),
        }
    }
}

impl ConvolutionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> Convolution {
        let width = self.width;
        let others = self.kernel - 1;
        let pads = match self.reach {
            KernelReach::Centred => (others / 2, others - others / 2),
            KernelReach::Causal => (others, 0),
        };
        let conv = |input, output, kernel| Conv1dConfig::new(input, output, kernel).with_bias(self.bias);
        Convolution {
            pointwise_conv1: conv(width, 2 * width, 1).init(device).into(),
            depthwise_conv: conv(width, width, self.kernel)
                .with_groups(width)
                .with_padding(PaddingConfig1d::Explicit(pads.0, pads.1))
                .init(device),
            norm: match self.norm {
                ConvolutionNormKind::Batch => {
                    ConvolutionNorm::Batch(BatchNormConfig::new(width).init(device))
                }
                ConvolutionNormKind::Layer { epsilon } => {
                    ConvolutionNorm::Layer(LayerNormConfig::new(width).with_epsilon(epsilon).init(device))
                }
            },
            pointwise_conv2: conv(width, width, 1).init(device).into(),
            activation: self.activation,
            pads,
        }
    }
}

impl Convolution {
    /// `[B, T, E]` to the same; `frames` tells which of them are real.
    pub fn forward(&self, x: Tensor<3>, frames: &PaddedBatch) -> Tensor<3> {
        // [B, T, E] -> [B, T, 2E] -> [B, T, E]
        let x = glu(self.pointwise_conv1.forward(x), 2);
        // The depthwise kernel reaches into the padding, which is not zero after a norm and a bias.
        let x = if frames.is_full() { x } else { x * frames.keep() };
        let x = self.activation.apply(self.norm.forward(depthwise(x, &self.depthwise_conv, self.pads)));
        self.pointwise_conv2.forward(x)
    }
}
