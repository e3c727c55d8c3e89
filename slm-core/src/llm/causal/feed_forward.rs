//! The feed-forward layer: `down(act(gate(x)) * up(x))`.
//!
//! Paper: *GLU Variants*, arXiv 2002.05202. Reference: transformers 5.23.0, `LlamaMLP`.
//! Shapes: `B` rows, `S` positions, `D` width, `F` inner width.

use burn::nn::LinearConfig;
use burn::prelude::*;

use super::config::CausalConfig;
use crate::nn::ActivationKind;
use crate::nn::matrix::MatrixLinear;

/// The layer.
#[derive(Module, Debug)]
pub struct CausalFeedForward {
    gate_proj: MatrixLinear,
    up_proj: MatrixLinear,
    down_proj: MatrixLinear,
    #[module(skip)]
    activation: ActivationKind,
}

impl CausalConfig {
    /// Builds the feed-forward layer of a layer on `device`.
    pub fn init_feed_forward(&self, device: &Device) -> CausalFeedForward {
        let linear = |input, output| {
            LinearConfig::new(input, output).with_bias(self.biases.feed_forward).init(device).into()
        };
        let (width, inner) = (self.hidden_size, self.intermediate_size);
        CausalFeedForward {
            gate_proj: linear(width, inner),
            up_proj: linear(width, inner),
            down_proj: linear(inner, width),
            activation: self.activation,
        }
    }
}

impl CausalFeedForward {
    /// `[B, S, D]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, S, D] -> [B, S, F] -> [B, S, D]
        let [gate, up] = MatrixLinear::forward_all([&self.gate_proj, &self.up_proj], x);
        self.down_proj.forward(self.activation.apply_gated(gate, up))
    }
}
