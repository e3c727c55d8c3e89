//! Strided convolutions, each with a norm and an activation, and a linear map.
//!
//! Paper: Li et al., arXiv 2010.12829, whose length adapter shortens by strided convolutions.
//! Shapes: `B` utterances, `T` reduced states of width `E'` in and `T'` out, `A` inner width, `D` model width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig1d, RmsNorm};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::loudness::loudness;
use super::sizes::sizes_out_of_range;
use crate::nn::{ActivationKind, PaddedBatch};

/// What the norms add to a variance: that of PyTorch.
const NORM_EPSILON: f64 = 1e-5;

/// Sizes of a [`ConvolutionAdapter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvolutionShape {
    /// Convolutions.
    pub num_layers: usize,
    /// States that each reads at once, an odd number.
    pub kernel: usize,
    /// States for each that it makes.
    pub stride: usize,
    /// Inner width `A`.
    pub hidden_size: usize,
    /// The activation behind each norm.
    #[serde(default = "ActivationKind::gelu")]
    pub activation: ActivationKind,
}

/// Convolutions and a linear map.
#[derive(Module, Debug)]
pub struct ConvolutionAdapter {
    layers: Vec<ConvolutionLayer>,
    output: Linear,
    pub(super) norm: RmsNorm,
}

/// A strided convolution, a norm and an activation.
#[derive(Module, Debug)]
pub struct ConvolutionLayer {
    conv: Conv1d,
    norm: LayerNorm,
    stride: usize,
    #[module(skip)]
    activation: ActivationKind,
}

impl ConvolutionShape {
    /// Embeddings of `rows` reduced states.
    pub(super) fn rows(&self, rows: usize) -> usize {
        (0..self.num_layers).fold(rows, |rows, _| rows.div_ceil(self.stride.max(1)))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = sizes_out_of_range(&[
            ("num_layers", self.num_layers),
            ("stride", self.stride),
            ("hidden_size", self.hidden_size),
            // 0 is told below.
            ("kernel", self.kernel.max(1)),
        ]);
        if self.kernel.is_multiple_of(2) {
            problems.push(format!("`kernel` is {}, must be odd", self.kernel));
        }
        problems
    }

    /// Builds the adapter from rows of width `input` to embeddings of width `output` on `device`.
    pub(super) fn init(&self, input: usize, output: usize, device: &Device) -> ConvolutionAdapter {
        let (width, padding) = (self.hidden_size, self.kernel / 2);
        let layer = |number: usize| ConvolutionLayer {
            conv: Conv1dConfig::new(if number == 0 { input } else { width }, width, self.kernel)
                .with_stride(self.stride)
                .with_padding(PaddingConfig1d::Explicit(padding, padding))
                .init(device),
            norm: LayerNormConfig::new(width).with_epsilon(NORM_EPSILON).init(device),
            stride: self.stride,
            activation: self.activation,
        };
        ConvolutionAdapter {
            layers: (0..self.num_layers).map(layer).collect(),
            output: LinearConfig::new(width, output).init(device),
            norm: loudness(output, device),
        }
    }
}

impl ConvolutionAdapter {
    /// Reduced states `[B, T, E']` to embeddings `[B, T', D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        // [B, T, E'] -> [B, T', A]
        let hidden = self.layers.iter().fold(speech.clone(), |x, layer| layer.forward(&x));
        // [B, T', A] -> [B, T', D]
        hidden.with_values(self.norm.forward(self.output.forward(hidden.values())))
    }
}

impl ConvolutionLayer {
    /// `[B, T, W]` to `[B, T', A]`: as many states as strides begin in a row. What lies past a row is zero for the
    /// convolution, as it is past the batch, so that a row is what it is alone.
    fn forward(&self, frames: &PaddedBatch) -> PaddedBatch {
        // [B, T, W] -> [B, W, T] -> [B, A, T'] -> [B, T', A]
        let x = self.conv.forward(frames.values().swap_dims(1, 2)).swap_dims(1, 2);
        let x = self.activation.apply(self.norm.forward(x));
        let lengths = frames.lengths().iter().map(|length| length.div_ceil(self.stride)).collect();
        PaddedBatch::new(x, lengths)
    }
}
