//! Attention of the queries, to each other or to the states of their window, with the sum and the norm behind it.
//!
//! Reference: transformers 5.23.0, `Blip2QFormerAttention`. Shapes: `W` windows, `q` queries of width `Q`, `S` keys of width
//! `E`, `H` heads of width `K`.

use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::nn::matrix::MatrixLinear;

/// What a [`QFormerAttention`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QFormerAttentionConfig {
    /// Width `Q` of the queries.
    pub width: usize,
    /// Width `E` of what is read.
    pub source_width: usize,
    /// Heads `H`.
    pub num_heads: usize,
    /// What the norm adds to a variance.
    pub norm_epsilon: f64,
}

/// Attention, and the norm of its sum with what went in.
#[derive(Module, Debug)]
pub struct QFormerAttention {
    query: MatrixLinear,
    key: MatrixLinear,
    value: MatrixLinear,
    dense: MatrixLinear,
    norm: LayerNorm,
    num_heads: usize,
}

impl QFormerAttentionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> QFormerAttention {
        let Self { width, source_width, num_heads, norm_epsilon } = *self;
        let linear = |input: usize| -> MatrixLinear { LinearConfig::new(input, width).init(device).into() };
        QFormerAttention {
            query: linear(width),
            key: linear(source_width),
            value: linear(source_width),
            dense: linear(width),
            norm: LayerNormConfig::new(width).with_epsilon(norm_epsilon).init(device),
            num_heads,
        }
    }
}

impl QFormerAttention {
    /// Queries `[W, q, Q]` and what they read `[W, S, E]` to `[W, q, Q]`.
    pub fn forward(&self, x: Tensor<3>, source: Tensor<3>) -> Tensor<3> {
        let [windows, count, width] = x.dims();
        // [W, S, Q] -> [W, H, S, K]
        let heads = |x: Tensor<3>| {
            let [windows, count, _] = x.dims();
            x.reshape([windows, count, self.num_heads, width / self.num_heads]).swap_dims(1, 2)
        };
        let scale = ((width / self.num_heads) as f64).powf(-0.5);
        let query = heads(self.query.forward(x.clone())) * scale;
        let key = heads(self.key.forward(source.clone()));
        let value = heads(self.value.forward(source));
        // [W, H, q, K] x [W, H, K, S] -> [W, H, q, S] x [W, H, S, K] -> [W, H, q, K] -> [W, q, Q]
        let attended = softmax(query.matmul(key.swap_dims(2, 3)), 3).matmul(value);
        let attended = attended.swap_dims(1, 2).reshape([windows, count, width]);
        self.norm.forward(self.dense.forward(attended) + x)
    }
}
