//! A layer: attention and a feed-forward layer, each behind a norm, around a residual stream.
//!
//! Reference: transformers 5.23.0, `WhisperEncoderLayer`. Its parts have the names that files have for them.
//! Shapes: `B` windows, `S` states of width `E`.

use std::ops::Range;

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use super::config::WhisperEncoderConfig;
use crate::nn::host::add;
use crate::nn::matrix::MatrixLinear;
use crate::nn::transformer::ScaledAttention;
use crate::nn::{ActivationKind, Watch};

/// A layer of the encoder.
#[derive(Module, Debug)]
pub struct WhisperEncoderLayer {
    self_attn: ScaledAttention,
    self_attn_layer_norm: LayerNorm,
    fc1: MatrixLinear,
    fc2: MatrixLinear,
    final_layer_norm: LayerNorm,
    #[module(skip)]
    activation: ActivationKind,
}

impl WhisperEncoderConfig {
    /// Builds a layer with random weights on `device`.
    pub fn init_layer(&self, device: &Device) -> WhisperEncoderLayer {
        let norm = || LayerNormConfig::new(self.d_model).init(device);
        WhisperEncoderLayer {
            self_attn: self.attention().init(device),
            self_attn_layer_norm: norm(),
            fc1: LinearConfig::new(self.d_model, self.encoder_ffn_dim).init(device).into(),
            fc2: LinearConfig::new(self.encoder_ffn_dim, self.d_model).init(device).into(),
            final_layer_norm: norm(),
            activation: self.activation(),
        }
    }
}

impl WhisperEncoderLayer {
    /// `[B, S, E]` to the same. `padding` hides what lies past a window's end, `[B, 1, 1, S]`.
    pub fn forward(&self, x: Tensor<3>, padding: Option<&Tensor<4>>, watch: &Watch) -> Tensor<3> {
        let normed = self.self_attn_layer_norm.forward(x.clone());
        let (queries, source) = self.self_attn.queries_keys_values(normed);
        let bias = |_: Range<usize>| padding.cloned();
        let x = add(x, self.self_attn.read(&queries, &source, bias, watch));
        // [B, S, E] -> [B, S, F] -> [B, S, E]
        let inner = self.activation.apply(self.fc1.forward(self.final_layer_norm.forward(x.clone())));
        add(x, self.fc2.forward(inner))
    }
}
