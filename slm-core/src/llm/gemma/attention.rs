//! Gemma's attention: fewer heads of keys and values than of queries, rotary positions, optional norms and soft cap.
//!
//! Reference: transformers 5.23.0, `T5GemmaSelfAttention`, `T5GemmaCrossAttention`, `T5Gemma2MergedAttention`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`, `G` heads of keys and values.

use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::config::{GemmaVersion, StackConfig};
use super::norm::GemmaNorm;
use crate::llm::attention::KeysValues;
use crate::matrix::MatrixLinear;
use crate::rotary::Rotation;

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

impl GemmaAttention {
    /// Builds the module on `device`, with keys and values of a sequence of width `source_width`.
    pub fn init(config: &StackConfig, source_width: usize, device: &Device) -> Self {
        let linear = |input, output| {
            LinearConfig::new(input, output).with_bias(config.attention_bias).init(device).into()
        };
        let width = config.hidden_size;
        let queries = config.num_attention_heads * config.head_dim;
        let keys = config.num_key_value_heads * config.head_dim;
        let (norm, softcap) = match config.version {
            GemmaVersion::One => (None, config.attn_logit_softcapping),
            // The second version has norms in place of the cap, which it does not apply.
            GemmaVersion::Two => (Some(GemmaNorm::init(config.head_dim, config.rms_norm_eps, device)), None),
        };
        Self {
            q_proj: linear(width, queries),
            k_proj: linear(source_width, keys),
            v_proj: linear(source_width, keys),
            o_proj: linear(queries, width),
            k_norm: norm.clone(),
            q_norm: norm,
            head_dim: config.head_dim,
            scale: config.query_pre_attn_scalar.powf(-0.5),
            softcap,
        }
    }

    /// Keys and values of `[B, S, D]`, `[B, G, S, K]`; keys are rotated where positions are told.
    pub fn keys_values(&self, source: Tensor<3>, rotation: Option<&Rotation>) -> KeysValues {
        let keys = self.heads(self.k_proj.forward(source.clone()), self.k_norm.as_ref(), rotation);
        KeysValues { keys, values: self.heads(self.v_proj.forward(source), None, None) }
    }

    /// Attends from `x` `[B, Q, D]` to `source`; `bias` `[B or 1, 1, Q or 1, S]` is added to the scores.
    /// Gives `[B, Q, D]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        rotation: Option<&Rotation>,
        source: KeysValues,
        bias: Tensor<4>,
    ) -> Tensor<3> {
        let query = self.heads(self.q_proj.forward(x), self.q_norm.as_ref(), rotation);
        let [batch, heads, queries, head_dim] = query.dims();
        let [_, groups, keys, _] = source.keys.dims();
        // Heads that share keys lie together: [B, H, Q, K] -> [B, G, H / G * Q, K]
        let query = query.reshape([batch, groups, heads / groups * queries, head_dim]);
        // [B, G, H / G * Q, K] x [B, G, K, S] -> [B, H, Q, S]
        let scores = query.matmul(source.keys.swap_dims(2, 3)).reshape([batch, heads, queries, keys]);
        let scores = match self.softcap {
            Some(cap) => soft_cap(scores * self.scale, cap),
            None => scores * self.scale,
        };
        let weights = softmax(scores + bias, 3).reshape([batch, groups, heads / groups * queries, keys]);
        // [B, G, H / G * Q, S] x [B, G, S, K] -> [B, H, Q, K] -> [B, Q, H * K]
        let context = weights.matmul(source.values).reshape([batch, heads, queries, head_dim]);
        self.o_proj.forward(context.swap_dims(1, 2).reshape([batch, queries, heads * head_dim]))
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

/// `x` held softly between `-cap` and `cap`.
pub fn soft_cap<const D: usize>(x: Tensor<D>, cap: f64) -> Tensor<D> {
    (x / cap).tanh() * cap
}
