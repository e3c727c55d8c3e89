//! T5's feed-forward layer, plain or gated.
//!
//! Papers: T5, arXiv 1910.10683, section 2.1; gated: *GLU Variants*, arXiv 2002.05202. Reference:
//! transformers 5.23.0, `T5DenseActDense`, `T5DenseGatedActDense`.
//! Shapes: `B` rows, `S` positions, `D` width, `F` inner width.

use burn::nn::{Dropout, DropoutConfig, Initializer, LinearConfig};
use burn::prelude::*;

use crate::nn::activation::ActivationKind;
use crate::nn::matrix::{MatrixLinear, WideLinear};

/// A feed-forward layer: one map with an activation, or that times a second map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedForwardKind {
    /// `wo(act(wi(x)))`, T5 v1.0.
    Plain(ActivationKind),
    /// `wo(act(wi_0(x)) * wi_1(x))`, T5 v1.1, mT5, Flan-T5.
    Gated(ActivationKind),
}

/// Shape of a [`FeedForward`].
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForwardConfig {
    /// Width `D` of the positions.
    pub width: usize,
    /// Inner width `F`.
    pub inner_width: usize,
    /// Plain or gated, with which activation.
    pub kind: FeedForwardKind,
    /// Dropout of the inner values, in training.
    pub dropout: f64,
}

/// `wo(act(wi(x)))`, or `wo(act(wi_0(x)) * wi_1(x))` where there is a second map.
#[derive(Module, Debug)]
pub struct FeedForward {
    wi: MatrixLinear,
    gate: Option<MatrixLinear>,
    /// What it is applied to exceeds f16 in trained models (huggingface/transformers#5651).
    wo: WideLinear,
    dropout: Dropout,
    #[module(skip)]
    activation: ActivationKind,
}

impl FeedForwardConfig {
    /// Builds the layer on `device`, initialised as Mesh TensorFlow does.
    pub fn init(&self, device: &Device) -> FeedForward {
        let linear = |input: usize, output: usize| {
            LinearConfig::new(input, output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std: (input as f64).powf(-0.5) })
                .init(device)
        };
        let inner = || MatrixLinear::from(linear(self.width, self.inner_width));
        let (gate, activation) = match self.kind {
            FeedForwardKind::Plain(activation) => (None, activation),
            FeedForwardKind::Gated(activation) => (Some(inner()), activation),
        };
        FeedForward {
            wi: inner(),
            gate,
            wo: linear(self.inner_width, self.width).into(),
            dropout: DropoutConfig::new(self.dropout).init(),
            activation,
        }
    }
}

impl FeedForward {
    /// `[B, S, D]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, S, D] -> [B, S, F]
        let inner = match &self.gate {
            Some(gate) => {
                let [inner, gate] = MatrixLinear::forward_all([&self.wi, gate], x);
                self.activation.apply_gated(inner, gate)
            }
            None => self.activation.apply(self.wi.forward(x)),
        };
        // [B, S, F] -> [B, S, D]
        self.wo.forward(self.dropout.forward(inner))
    }
}
