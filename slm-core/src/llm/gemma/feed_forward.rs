//! Gemma's feed-forward layer: `down(act(gate(x)) * up(x))`.
//!
//! Reference: transformers 5.23.0, `T5GemmaMLP`. Shapes: `B` rows, `S` positions, `D` width, `F` inner width.

use burn::nn::LinearConfig;
use burn::prelude::*;

use crate::nn::ActivationKind;
use crate::nn::matrix::{MatrixLinear, WideLinear};

/// The layer.
#[derive(Module, Debug)]
pub struct GemmaFeedForward {
    gate_proj: MatrixLinear,
    up_proj: MatrixLinear,
    /// The products that it is applied to may exceed f16.
    down_proj: WideLinear,
    #[module(skip)]
    activation: ActivationKind,
}

/// Shape of a [`GemmaFeedForward`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GemmaFeedForwardConfig {
    /// Width `D`.
    pub width: usize,
    /// Inner width `F`.
    pub inner_width: usize,
    /// The activation of the gate.
    pub activation: ActivationKind,
}

impl GemmaFeedForwardConfig {
    /// Builds the layer on `device`.
    pub fn init(&self, device: &Device) -> GemmaFeedForward {
        let linear = |input, output| LinearConfig::new(input, output).with_bias(false).init(device);
        GemmaFeedForward {
            gate_proj: linear(self.width, self.inner_width).into(),
            up_proj: linear(self.width, self.inner_width).into(),
            down_proj: linear(self.inner_width, self.width).into(),
            activation: self.activation,
        }
    }
}

impl GemmaFeedForward {
    /// `[B, S, D]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, S, D] -> [B, S, F] -> [B, S, D]
        let [gate, up] = MatrixLinear::forward_all([&self.gate_proj, &self.up_proj], x);
        self.down_proj.forward(self.activation.apply_gated(gate, up))
    }
}
