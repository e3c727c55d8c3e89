//! Gemma's RMS norm: the stored weight is the distance of the scale from 1.
//!
//! Reference: transformers 5.23.0, `T5GemmaRMSNorm`.

use burn::module::Param;
use burn::nn::Initializer;
use burn::prelude::*;

/// `x / rms(x) * (1 + weight)` over the last axis.
#[derive(Module, Debug)]
pub struct GemmaNorm {
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl GemmaNorm {
    /// Builds the norm of `width` on `device`; its scale is 1.
    pub fn init(width: usize, epsilon: f64, device: &Device) -> Self {
        Self { weight: Initializer::Zeros.init([width], device), epsilon }
    }

    /// `[.., D]` to the same.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let rms = (x.clone().square().mean_dim(D - 1) + self.epsilon).sqrt();
        x / rms * (self.weight.val() + 1.0).unsqueeze()
    }
}
