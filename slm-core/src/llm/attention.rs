//! T5's attention: no scaling of the scores, no biases in the projections, positions as added bias.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `T5Attention`. The usual
//! `K^-0.5` is folded into the initialisation of `q`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`.

use burn::nn::{Dropout, DropoutConfig, Initializer, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::config::T5Config;
use crate::matrix::MatrixLinear;

/// Multi-head attention with queries from one sequence and keys and values from the same or another.
#[derive(Module, Debug)]
pub struct Attention {
    q: MatrixLinear,
    k: MatrixLinear,
    v: MatrixLinear,
    o: MatrixLinear,
    dropout: Dropout,
    num_heads: usize,
}

/// Keys and values of a sequence, `[B, H, S, K]` each.
#[derive(Debug, Clone)]
pub struct KeysValues {
    /// The keys.
    pub keys: Tensor<4>,
    /// The values.
    pub values: Tensor<4>,
}

impl Attention {
    /// Builds the module on `device`, initialised as Mesh TensorFlow does.
    pub fn init(config: &T5Config, device: &Device) -> Self {
        let (width, inner) = (config.d_model, config.inner_dim());
        let linear = |input: usize, output: usize, std: f64| {
            LinearConfig::new(input, output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device)
                .into()
        };
        let per_width = (width as f64).powf(-0.5);
        Self {
            q: linear(width, inner, ((width * config.d_kv) as f64).powf(-0.5)),
            k: linear(width, inner, per_width),
            v: linear(width, inner, per_width),
            o: linear(inner, width, (inner as f64).powf(-0.5)),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            num_heads: config.num_heads,
        }
    }

    /// Keys and values of `[B, S, D]`.
    pub fn keys_values(&self, source: Tensor<3>) -> KeysValues {
        KeysValues {
            keys: self.split_heads(self.k.forward(source.clone())),
            values: self.split_heads(self.v.forward(source)),
        }
    }

    /// Attends from `x` `[B, Q, D]` to `source`; `bias` `[B or 1, H or 1, Q or 1, S]` is added to the
    /// scores. Gives `[B, Q, D]`.
    pub fn forward(&self, x: Tensor<3>, source: KeysValues, bias: Tensor<4>) -> Tensor<3> {
        let [batch, queries, _] = x.dims();
        // [B, Q, D] -> [B, H, Q, K]
        let query = self.split_heads(self.q.forward(x));
        // [B, H, Q, K] x [B, H, K, S] -> [B, H, Q, S]
        let scores = query.matmul(source.keys.swap_dims(2, 3)) + bias;
        let weights = self.dropout.forward(softmax(scores, 3));
        // [B, H, Q, S] x [B, H, S, K] -> [B, H, Q, K] -> [B, Q, H * K]
        let context = weights.matmul(source.values);
        let [_, heads, _, head_dim] = context.dims();
        self.o.forward(context.swap_dims(1, 2).reshape([batch, queries, heads * head_dim]))
    }

    fn split_heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, length, inner] = x.dims();
        x.reshape([batch, length, self.num_heads, inner / self.num_heads]).swap_dims(1, 2)
    }
}
