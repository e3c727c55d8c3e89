//! From features to the width of the blocks: a layer norm and a linear map.

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use crate::batch::PaddedBatch;
use crate::matrix::MatrixLinear;

/// Normalises frames and maps them to the encoder's width.
#[derive(Module, Debug)]
pub struct FeatureProjection {
    layer_norm: LayerNorm,
    projection: MatrixLinear,
}

impl FeatureProjection {
    /// Builds the module on `device`, for frames of width `input`.
    pub fn init(input: usize, width: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            layer_norm: LayerNormConfig::new(input).with_epsilon(epsilon).init(device),
            projection: LinearConfig::new(input, width).init(device).into(),
        }
    }

    /// `[B, T, M]` to `[B, T, E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        features.with_values(self.projection.forward(self.layer_norm.forward(features.values())))
    }
}
