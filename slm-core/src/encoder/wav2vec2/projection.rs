//! From features to the width of the blocks: a layer norm and a linear map.
//!
//! Shapes: `B` utterances, `T` frames, `M` feature width, `E` width of the blocks.

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;

/// What a [`FeatureProjection`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureProjectionConfig {
    /// Width `M` of the features.
    pub input: usize,
    /// Width `E` of the blocks.
    pub width: usize,
    /// What the norm adds to a variance.
    pub norm_epsilon: f64,
}

/// Normalises frames and maps them to the encoder's width.
#[derive(Module, Debug)]
pub struct FeatureProjection {
    layer_norm: LayerNorm,
    projection: MatrixLinear,
}

impl FeatureProjectionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> FeatureProjection {
        FeatureProjection {
            layer_norm: LayerNormConfig::new(self.input).with_epsilon(self.norm_epsilon).init(device),
            projection: LinearConfig::new(self.input, self.width).init(device).into(),
        }
    }
}

impl FeatureProjection {
    /// `[B, T, M]` to `[B, T, E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        features.with_values(self.projection.forward(self.layer_norm.forward(features.values())))
    }
}
