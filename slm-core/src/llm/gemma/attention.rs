//! Gemma's attention: fewer heads of keys and values than of queries, rotary positions, optional norms and soft cap.
//!
//! Reference: transformers 5.23.0, `T5GemmaSelfAttention`, `T5GemmaCrossAttention`, `T5Gemma2MergedAttention`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`, `G` heads of keys and values.

use std::ops::Range;

use burn::nn::LinearConfig;
use burn::prelude::*;

use super::norm::{GemmaNorm, GemmaNormConfig};
use crate::nn::Watch;
use crate::nn::attend::{KeysValues, Reading, attend};
use crate::nn::matrix::MatrixLinear;
use crate::nn::rotary::Rotation;

/// Attention with queries from one sequence and keys and values from the same or another.
#[derive(Module, Debug)]
pub struct GemmaAttention {
    q_proj: MatrixLinear,
    k_proj: MatrixLinear,
    v_proj: MatrixLinear,
    o_proj: MatrixLinear,
    q_norm: Option<GemmaNorm>,
    k_norm: Option<GemmaNorm>,
    head_dim: usize,
    scale: f64,
    softcap: Option<f64>,
}

/// Shape of a [`GemmaAttention`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GemmaAttentionConfig {
    /// Width `D` of queries.
    pub width: usize,
    /// Width of what keys and values are made of.
    pub source_width: usize,
    /// Heads `H` of queries.
    pub num_heads: usize,
    /// Heads `G` of keys and values.
    pub num_key_value_heads: usize,
    /// Width `K` of a head.
    pub head_dim: usize,
    /// Whether the projections have biases.
    pub bias: bool,
    /// What queries are multiplied by.
    pub scale: f64,
    /// Soft cap of the scores.
    pub softcap: Option<f64>,
    /// Epsilon of the norms of queries and keys; `None` without norms.
    pub norm_epsilon: Option<f64>,
}

impl GemmaAttentionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> GemmaAttention {
        let linear =
            |input, output| LinearConfig::new(input, output).with_bias(self.bias).init(device).into();
        let norm = || {
            let width = self.head_dim;
            self.norm_epsilon.map(|epsilon| GemmaNormConfig { width, epsilon }.init(device))
        };
        let (queries, keys) = (self.num_heads * self.head_dim, self.num_key_value_heads * self.head_dim);
        GemmaAttention {
            q_proj: linear(self.width, queries),
            k_proj: linear(self.source_width, keys),
            v_proj: linear(self.source_width, keys),
            o_proj: linear(queries, self.width),
            q_norm: norm(),
            k_norm: norm(),
            head_dim: self.head_dim,
            scale: self.scale,
            softcap: self.softcap,
        }
    }
}

impl GemmaAttention {
    /// Keys and values of `[B, S, D]`, `[B, G, S, K]`; keys are rotated where positions are told.
    pub fn keys_values(&self, source: Tensor<3>, rotation: Option<&Rotation>) -> KeysValues {
        let keys = self.heads(self.k_proj.forward(source.clone()), self.k_norm.as_ref(), rotation);
        KeysValues { keys, values: self.heads(self.v_proj.forward(source), None, None) }
    }

    /// Attends from `x` `[B, Q, D]` to `source`, in blocks of queries whose scores are at most `max_scores` values.
    /// `bias` gives what is added to the scores of a range of queries, `[B or 1, 1, q or 1, S]`. Gives `[B, Q, D]`.
    pub fn forward(
        &self,
        max_scores: usize,
        x: Tensor<3>,
        rotation: Option<&Rotation>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        watch: &Watch,
    ) -> Tensor<3> {
        let query = self.heads(self.q_proj.forward(x), self.q_norm.as_ref(), rotation) * self.scale;
        let reading = Reading { max_scores, softcap: self.softcap, ..Reading::new(watch) };
        // [B, Q, H * K] -> [B, Q, D]
        self.o_proj.forward(attend(&query, source, |queries| Some(bias(queries)), reading))
    }

    /// `[B, S, heads * K]` to `[B, heads, S, K]`, normed and rotated.
    fn heads(&self, x: Tensor<3>, norm: Option<&GemmaNorm>, rotation: Option<&Rotation>) -> Tensor<4> {
        let [batch, length, inner] = x.dims();
        let mut x = x.reshape([batch, length, inner / self.head_dim, self.head_dim]);
        if let Some(norm) = norm {
            x = norm.forward(x);
        }
        if let Some(rotation) = rotation {
            x = rotation.apply(x);
        }
        x.swap_dims(1, 2)
    }
}
