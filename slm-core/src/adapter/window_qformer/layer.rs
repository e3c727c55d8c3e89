//! A layer: queries to each other, queries to states where the layer reads, feed-forward; a norm behind each sum.
//!
//! Reference: transformers 5.23.0, `Blip2QFormerLayer`. Shapes: `W` windows, `q` queries of width `Q`, `S` states of width
//! `E`, `G` inner width.

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;

use super::attention::{QFormerAttention, QFormerAttentionConfig};
use super::config::QFormerConfig;
use crate::nn::ActivationKind;
use crate::nn::matrix::MatrixLinear;

/// A layer.
#[derive(Module, Debug)]
pub struct QFormerLayer {
    attention: QFormerAttention,
    crossattention: Option<QFormerAttention>,
    up: MatrixLinear,
    down: MatrixLinear,
    norm: LayerNorm,
    #[module(skip)]
    activation: ActivationKind,
}

impl QFormerConfig {
    /// Builds the layer of a number on `device`.
    pub(super) fn init_layer(&self, number: usize, device: &Device) -> QFormerLayer {
        let (width, norm_epsilon) = (self.hidden_size, self.layer_norm_eps);
        let attention = |source_width: usize| {
            let num_heads = self.num_attention_heads;
            QFormerAttentionConfig { width, source_width, num_heads, norm_epsilon }.init(device)
        };
        QFormerLayer {
            attention: attention(width),
            crossattention: self.reads(number).then(|| attention(self.encoder_hidden_size)),
            up: LinearConfig::new(width, self.intermediate_size).init(device).into(),
            down: LinearConfig::new(self.intermediate_size, width).init(device).into(),
            norm: LayerNormConfig::new(width).with_epsilon(norm_epsilon).init(device),
            activation: self.activation(),
        }
    }
}

impl QFormerLayer {
    /// Queries `[W, q, Q]` and states `[W, S, E]` to `[W, q, Q]`.
    pub fn forward(&self, x: Tensor<3>, states: &Tensor<3>) -> Tensor<3> {
        let x = self.attention.forward(x.clone(), x);
        let x = match &self.crossattention {
            Some(attention) => attention.forward(x, states.clone()),
            None => x,
        };
        // [W, q, Q] -> [W, q, G] -> [W, q, Q]
        let inner = self.activation.apply(self.up.forward(x.clone()));
        self.norm.forward(self.down.forward(inner) + x)
    }
}
