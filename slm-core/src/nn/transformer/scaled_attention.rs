//! Attention as in the first Transformer: scores scaled by the width of a head, biases in the projections.
//!
//! Paper: *Attention Is All You Need*, arXiv 1706.03762, section 3.2. Reference: transformers 5.23.0, `WhisperAttention`,
//! whose files have these names for its parts, and `CanaryAttention`.
//! Shapes: `B` rows, `Q` queries, `S` keys, `D` width, `H` heads of width `K`.

use std::ops::Range;

use burn::nn::LinearConfig;
use burn::prelude::*;

use crate::nn::attend::{KeysValues, Reading, attend};
use crate::nn::host::{Scores, split_heads};
use crate::nn::matrix::MatrixLinear;
use crate::nn::watch::Watch;

/// Shape of a [`ScaledAttention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaledAttentionConfig {
    /// Width `D` of queries and of what they read.
    pub width: usize,
    /// Heads `H`.
    pub num_heads: usize,
    /// Width `K` of a head; `H * K` may differ from `D`.
    pub head_dim: usize,
    /// Which projections have a bias.
    pub bias: AttentionBias,
}

/// Which projections have a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttentionBias {
    /// All of them.
    All,
    /// Those of queries, values and output (Whisper).
    AllButKeys,
    /// None of them.
    Without,
}

/// Multi-head attention with queries from one sequence and keys and values from the same or another.
#[derive(Module, Debug)]
pub struct ScaledAttention {
    q_proj: MatrixLinear,
    k_proj: MatrixLinear,
    v_proj: MatrixLinear,
    out_proj: MatrixLinear,
    num_heads: usize,
}

impl ScaledAttentionConfig {
    /// Builds the module with random weights on `device`.
    pub fn init(&self, device: &Device) -> ScaledAttention {
        let (width, inner) = (self.width, self.num_heads * self.head_dim);
        let bias = self.bias != AttentionBias::Without;
        let linear =
            |input, output, bias| LinearConfig::new(input, output).with_bias(bias).init(device).into();
        ScaledAttention {
            q_proj: linear(width, inner, bias),
            k_proj: linear(width, inner, self.bias == AttentionBias::All),
            v_proj: linear(width, inner, bias),
            out_proj: linear(inner, width, bias),
            num_heads: self.num_heads,
        }
    }
}

impl ScaledAttention {
    /// Keys and values of `[B, S, D]`.
    pub fn keys_values(&self, source: Tensor<3>) -> KeysValues {
        let [keys, values] =
            MatrixLinear::forward_all([&self.k_proj, &self.v_proj], source).map(|x| self.heads(x));
        KeysValues { keys, values }
    }

    /// Queries, scaled, keys and values of `x` `[B, S, D]`; the queries are `[B, H, S, K]`.
    pub fn queries_keys_values(&self, x: Tensor<3>) -> (Tensor<4>, KeysValues) {
        let maps = [&self.q_proj, &self.k_proj, &self.v_proj];
        let [queries, keys, values] = MatrixLinear::forward_all(maps, x).map(|x| self.heads(x));
        (scaled(queries), KeysValues { keys, values })
    }

    /// Attends from `x` `[B, Q, D]` to `source`, in blocks of queries. `bias` gives what is added to the scores of a
    /// range of them, `[B or 1, 1, q or 1, S]`; `None` where nothing is hidden. Gives `[B, Q, D]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Option<Tensor<4>>,
        watch: &Watch,
    ) -> Tensor<3> {
        self.read(&self.queries(x), source, bias, watch)
    }

    /// What `queries`, `[B, H, Q, K]`, which are scaled, read of `source`, `[B, Q, D]`. `bias` as in [`Self::forward`].
    pub fn read(
        &self,
        queries: &Tensor<4>,
        source: &KeysValues,
        bias: impl Fn(Range<usize>) -> Option<Tensor<4>>,
        watch: &Watch,
    ) -> Tensor<3> {
        // [B, Q, H * K] -> [B, Q, D]
        self.out_proj.forward(attend(queries, source, bias, Reading::new(watch)))
    }

    /// How much each of `x` `[B, Q, D]` attends to each of `source`, `[B, H, Q, S]`. `bias` is added to the scores.
    pub fn weights(&self, x: Tensor<3>, source: &KeysValues, bias: Tensor<4>) -> Tensor<4> {
        // [B, H, Q, K] x [B, H, K, S] -> [B, H, Q, S]
        let products = self.queries(x).matmul(source.keys.clone().swap_dims(2, 3));
        Scores::of(products).with_bias(Some(bias)).weights()
    }

    /// `[B, Q, D]` to queries, scaled, `[B, H, Q, K]`.
    fn queries(&self, x: Tensor<3>) -> Tensor<4> {
        scaled(self.heads(self.q_proj.forward(x)))
    }

    /// `[B, S, H * K]` to `[B, H, S, K]`.
    fn heads(&self, x: Tensor<3>) -> Tensor<4> {
        split_heads(x, self.num_heads)
    }
}

/// Queries `[B, H, Q, K]` over the root of `K`.
fn scaled(queries: Tensor<4>) -> Tensor<4> {
    let [.., head_dim] = queries.dims();
    queries * (head_dim as f64).powf(-0.5)
}
