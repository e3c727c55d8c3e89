//! Gemma's feed-forward layer: `down(act(gate(x)) * up(x))`.
//!
//! Reference: transformers 5.23.0, `T5GemmaMLP`. Shapes: `B` rows, `S` positions, `D` width, `F` inner width.

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use super::config::StackConfig;
use crate::llm::config::ActivationKind;
use crate::matrix::{self, MatrixLinear};

/// The layer.
#[derive(Module, Debug)]
pub struct GemmaFeedForward {
    gate_proj: MatrixLinear,
    up_proj: MatrixLinear,
    /// In f32 always, as the products it is applied to may exceed f16.
    down_proj: Linear,
    #[module(skip)]
    activation: ActivationKind,
}

impl GemmaFeedForward {
    /// Builds the layer on `device`.
    pub fn init(config: &StackConfig, device: &Device) -> Self {
        let linear = |input, output| LinearConfig::new(input, output).with_bias(false).init(device);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            gate_proj: linear(width, inner).into(),
            up_proj: linear(width, inner).into(),
            down_proj: linear(inner, width),
            activation: config.activation(),
        }
    }

    /// `[B, S, D]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, S, D] -> [B, S, F] -> [B, S, D]
        let gate = self.activation.apply(self.gate_proj.forward(x.clone()));
        matrix::through(gate * self.up_proj.forward(x), &self.down_proj)
    }
}
