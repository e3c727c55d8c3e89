//! Gemma's RMS norm: the stored weight is the distance of the scale from 1.
//!
//! Reference: transformers 5.23.0, `T5GemmaRMSNorm`.

use burn::module::Param;
use burn::nn::Initializer;
use burn::prelude::*;

use crate::nn::host::rms_scaled;

/// `x / rms(x) * (1 + weight)` over the last axis.
#[derive(Module, Debug)]
pub struct GemmaNorm {
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

/// Shape of a [`GemmaNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GemmaNormConfig {
    /// Values of the last axis.
    pub width: usize,
    /// What is added to the mean square.
    pub epsilon: f64,
}

impl GemmaNormConfig {
    /// Builds the norm on `device`; its scale is 1.
    pub fn init(&self, device: &Device) -> GemmaNorm {
        GemmaNorm { weight: Initializer::Zeros.init([self.width], device), epsilon: self.epsilon }
    }
}

impl GemmaNorm {
    /// `[.., D]` to the same.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        rms_scaled(x, &(self.weight.val() + 1.0), self.epsilon)
    }
}
