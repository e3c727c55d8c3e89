//! Attention to earlier positions: rotary positions, fewer heads of keys and values than of queries.
//!
//! Reference: transformers 5.23.0, `LlamaAttention`, `Qwen2Attention`, `Qwen3Attention`, `GraniteAttention`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`, `G` heads of keys and values.

use std::ops::Range;

use burn::nn::{LinearConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;

use super::config::{CausalConfig, HeadNorms};
use crate::nn::Watch;
use crate::nn::attend::{KeysValues, Reading, attend};
use crate::nn::host::rms_norm;
use crate::nn::matrix::MatrixLinear;
use crate::nn::rotary::Rotation;

/// The attention of a layer.
#[derive(Module, Debug)]
pub struct CausalAttention {
    q_proj: MatrixLinear,
    k_proj: MatrixLinear,
    v_proj: MatrixLinear,
    o_proj: MatrixLinear,
    q_norm: Option<RmsNorm>,
    k_norm: Option<RmsNorm>,
    head_dim: usize,
    scale: f64,
}

impl CausalConfig {
    /// Builds the attention of a layer on `device`.
    pub fn init_attention(&self, device: &Device) -> CausalAttention {
        let linear =
            |input, output, bias| LinearConfig::new(input, output).with_bias(bias).init(device).into();
        let norm = || match self.head_norms {
            HeadNorms::None => None,
            HeadNorms::QueriesAndKeys => {
                Some(RmsNormConfig::new(self.head_dim).with_epsilon(self.rms_norm_eps).init(device))
            }
        };
        let width = self.hidden_size;
        let queries = self.num_attention_heads * self.head_dim;
        let keys = self.num_key_value_heads * self.head_dim;
        CausalAttention {
            q_proj: linear(width, queries, self.biases.queries_keys_values),
            k_proj: linear(width, keys, self.biases.queries_keys_values),
            v_proj: linear(width, keys, self.biases.queries_keys_values),
            o_proj: linear(queries, width, self.biases.output),
            q_norm: norm(),
            k_norm: norm(),
            head_dim: self.head_dim,
            scale: self.attention_multiplier,
        }
    }
}

impl CausalAttention {
    /// Queries, rotated and scaled, `[B, H, S, K]`, and keys, rotated, and values, `[B, G, S, K]`, of `x` `[B, S, D]`.
    pub fn queries_keys_values(&self, x: Tensor<3>, rotation: &Rotation) -> (Tensor<4>, KeysValues) {
        let maps = [&self.q_proj, &self.k_proj, &self.v_proj];
        let [queries, keys, values] = MatrixLinear::forward_all(maps, x);
        let queries = self.rotated(queries, self.q_norm.as_ref(), rotation) * self.scale;
        let keys = self.rotated(keys, self.k_norm.as_ref(), rotation);
        (queries, KeysValues { keys, values: self.heads(values).swap_dims(1, 2) })
    }

    /// What `queries` `[B, H, Q, K]` read of `source`, `[B, Q, D]`. `bias` gives what is added to the scores of a range of
    /// queries, `[B or 1, 1, q, S]`.
    pub fn read(
        &self,
        queries: &Tensor<4>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Tensor<4>,
        watch: &Watch,
    ) -> Tensor<3> {
        // [B, Q, H * K] -> [B, Q, D]
        self.o_proj.forward(attend(queries, source, |queries| Some(bias(queries)), Reading::new(watch)))
    }

    /// `[B, S, heads * K]` to `[B, heads, S, K]`, normed and rotated.
    fn rotated(&self, x: Tensor<3>, norm: Option<&RmsNorm>, rotation: &Rotation) -> Tensor<4> {
        let x = self.heads(x);
        let x = match norm {
            Some(norm) => rms_norm(norm, x),
            None => x,
        };
        rotation.apply(x).swap_dims(1, 2)
    }

    /// `[B, S, heads * K]` to `[B, S, heads, K]`.
    fn heads(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, length, inner] = x.dims();
        x.reshape([batch, length, inner / self.head_dim, self.head_dim])
    }
}
