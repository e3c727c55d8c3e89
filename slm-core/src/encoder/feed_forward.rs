//! The feed-forward module of a Conformer block: expand, SiLU, project back.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.3. Shapes: `B` utterances, `T` frames, `E` width, `F` inner.

use burn::nn::{Dropout, DropoutConfig, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::silu;

use super::block::BlockConfig;
use crate::matrix::MatrixLinear;

/// Two linear maps with SiLU in between.
#[derive(Module, Debug)]
pub struct FeedForward {
    linear1: MatrixLinear,
    linear2: MatrixLinear,
    dropout: Dropout,
}

impl FeedForward {
    /// Builds the module on `device`.
    pub fn init(config: &BlockConfig, device: &Device) -> Self {
        let linear = |input, output| {
            LinearConfig::new(input, output).with_bias(config.projection_bias).init(device).into()
        };
        Self {
            linear1: linear(config.width, config.inner_width),
            linear2: linear(config.inner_width, config.width),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// `[B, T, E]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        // [B, T, E] -> [B, T, F] -> [B, T, E]
        let inner = self.dropout.forward(silu(self.linear1.forward(x)));
        self.linear2.forward(inner)
    }
}
