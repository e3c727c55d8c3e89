//! The feed-forward module of a Conformer block: expand, activate, project back.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.3. Shapes: `B` utterances, `T` frames, `E` width, `F` inner.

use burn::nn::{Dropout, DropoutConfig, LinearConfig};
use burn::prelude::*;

use crate::nn::ActivationKind;
use crate::nn::matrix::MatrixLinear;

/// What a [`FeedForward`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeedForwardConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Width `F` in between.
    pub inner_width: usize,
    /// What stands between the linear maps.
    pub activation: ActivationKind,
    /// Whether the linear maps have biases.
    pub bias: bool,
    /// Dropout after the activation, in training.
    pub dropout: f64,
}

/// Two linear maps with an activation in between.
#[derive(Module, Debug)]
pub struct FeedForward {
    linear1: MatrixLinear,
    linear2: MatrixLinear,
    dropout: Dropout,
    #[module(skip)]
    activation: ActivationKind,
}

impl FeedForwardConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> FeedForward {
        let linear = |input: usize, output: usize| -> MatrixLinear {
            LinearConfig::new(input, output).with_bias(self.bias).init(device).into()
        };
        FeedForward {
            linear1: linear(self.width, self.inner_width),
            linear2: linear(self.inner_width, self.width),
            dropout: DropoutConfig::new(self.dropout).init(),
            activation: self.activation,
        }
    }
}

impl FeedForward {
    /// `[B, T, E]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, T, E] -> [B, T, F] -> [B, T, E]
        let inner = self.dropout.forward(self.activation.apply(self.linear1.forward(x)));
        self.linear2.forward(inner)
    }
}
