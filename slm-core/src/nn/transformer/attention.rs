//! T5's attention: no scaling of the scores, no biases in the projections, positions as added bias.
//!
//! Paper: T5, arXiv 1910.10683, section 2.1. Reference: transformers 5.23.0, `T5Attention`. The usual
//! `K^-0.5` is folded into the initialisation of `q`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`.

use std::ops::Range;

use burn::nn::{Dropout, DropoutConfig, Initializer, LinearConfig};
use burn::prelude::*;

use crate::nn::attend::{KeysValues, Reading, attend};
use crate::nn::host::split_heads;
use crate::nn::matrix::MatrixLinear;
use crate::nn::watch::Watch;

/// Shape of an [`Attention`].
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionConfig {
    /// Width `D` of queries and of what they read.
    pub width: usize,
    /// Heads `H`.
    pub num_heads: usize,
    /// Width `K` of a head; `H * K` may differ from `D`.
    pub head_dim: usize,
    /// Dropout of the weights, in training.
    pub dropout: f64,
}

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

impl AttentionConfig {
    /// Builds the module on `device`, initialised as Mesh TensorFlow does.
    pub fn init(&self, device: &Device) -> Attention {
        let (width, inner) = (self.width, self.num_heads * self.head_dim);
        let linear = |input: usize, output: usize, std: f64| {
            LinearConfig::new(input, output)
                .with_bias(false)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device)
                .into()
        };
        let per_width = (width as f64).powf(-0.5);
        Attention {
            q: linear(width, inner, ((width * self.head_dim) as f64).powf(-0.5)),
            k: linear(width, inner, per_width),
            v: linear(width, inner, per_width),
            o: linear(inner, width, (inner as f64).powf(-0.5)),
            dropout: DropoutConfig::new(self.dropout).init(),
            num_heads: self.num_heads,
        }
    }
}

impl Attention {
    /// Keys and values of `[B, S, D]`.
    pub fn keys_values(&self, source: Tensor<3>) -> KeysValues {
        let [keys, values] = MatrixLinear::forward_all([&self.k, &self.v], source).map(|x| self.heads(x));
        KeysValues { keys, values }
    }

    /// Queries, keys and values of `x` `[B, S, D]`; the queries are `[B, H, S, K]`.
    pub fn queries_keys_values(&self, x: Tensor<3>) -> (Tensor<4>, KeysValues) {
        let [queries, keys, values] =
            MatrixLinear::forward_all([&self.q, &self.k, &self.v], x).map(|x| self.heads(x));
        (queries, KeysValues { keys, values })
    }

    /// Attends from `x` `[B, Q, D]` to `source`, in blocks of queries. `bias` gives what is added to the scores of a
    /// range of them, `[B or 1, H or 1, q or 1, S]`. Gives `[B, Q, D]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        watch: &Watch,
    ) -> Tensor<3> {
        self.read(&self.heads(self.q.forward(x)), source, bias, Reading::new(watch))
    }

    /// What queries `[B, H, Q, K]` read of `source`, in a way that is told, with the attention's own dropout: `[B, Q, D]`. `bias` as
    /// in [`Self::forward`].
    pub(crate) fn read(
        &self,
        queries: &Tensor<4>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        reading: Reading<'_>,
    ) -> Tensor<3> {
        let reading = Reading { dropout: Some(&self.dropout), ..reading };
        // [B, Q, H * K] -> [B, Q, D]
        self.o.forward(attend(queries, source, |queries| Some(bias(queries)), reading))
    }

    /// `[B, S, H * K]` to `[B, H, S, K]`.
    fn heads(&self, x: Tensor<3>) -> Tensor<4> {
        split_heads(x, self.num_heads)
    }
}
