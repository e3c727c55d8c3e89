//! A learned weighted sum of an encoder's layers.
//!
//! Paper: *SUPERB*, arXiv 2105.01051, section 3: what a task needs of a self-supervised encoder lies in other layers than
//! the last. The weights are a softmax over one number a layer, which starts at zero: the mean.
//! Shapes: `B` utterances, `T` rows, `g` states of a row (those that a reduction put side by side), `n` layers of a state,
//! `E` width of a layer's state.

use burn::module::Param;
use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::nn::PaddedBatch;
use crate::nn::weights::parameter;

/// Sums the layers of states.
#[derive(Module, Debug)]
pub struct LayerSum {
    /// `[n]`, before the softmax.
    weights: Param<Tensor<1>>,
}

impl LayerSum {
    /// The mean of `layers` layers, on `device`.
    pub fn new(layers: usize, device: &Device) -> Self {
        Self { weights: parameter(Tensor::zeros([layers], &device.clone().without_autodiff()), device) }
    }

    /// Rows of states `[B, T, g * n * E]`, a state's layers side by side, to `[B, T, g * E]`.
    pub fn forward(&self, rows: &PaddedBatch, width: usize) -> PaddedBatch {
        let [batch, time, all] = rows.dims();
        let [layers] = self.weights.dims();
        let states = all / (layers * width);
        // [B, T, g * n * E] -> [B * T * g, n, E]
        let x = rows.values().reshape([batch * time * states, layers, width]);
        let weights = softmax(self.weights.val(), 0).reshape([1, layers, 1]);
        // [B * T * g, n, E] -> [B * T * g, 1, E] -> [B, T, g * E]
        rows.with_values((x * weights).sum_dim(1).reshape([batch, time, states * width]))
    }
}
