//! How attention knows where a frame stands: five kinds, of which an encoder has one or none.
//!
//! Papers: Transformer-XL, arXiv 1901.02860, section 3.3 ([`PositionKind::Relative`]); Shaw et al., arXiv 1803.02155
//! ([`PositionKind::RelativeKey`] and [`PositionKind::Shaw`]); RoFormer, arXiv 2104.09864 (the rotary ones). Reference: transformers 5.23.0,
//! `modeling_parakeet.py`, `modeling_wav2vec2_bert.py`, `modeling_wav2vec2_conformer.py`, `modeling_lasr.py`.
//! Shapes: `B` utterances, `T` frames, `E` width, `H` heads of width `K`, `D` distances that are told apart.

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LinearConfig};
use burn::prelude::*;

use super::distances::Distances;
use super::span::SharedAttention;
use crate::nn::matrix::MatrixLinear;

/// Where the positions come in.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum PositionKind {
    /// Scores get `(q + v)·p[distance]` and keys `q + u`, with projected sinusoids `p`.
    Relative,
    /// Scores get `q·e[distance]`, with a learnt table for distances up to a limit on each side.
    RelativeKey {
        /// Farthest key before the query that is told apart.
        left: usize,
        /// Farthest key after the query that is told apart.
        right: usize,
    },
    /// The same, with the table the other way round: it begins with the farthest key after the query.
    Shaw {
        /// Farthest key on either side that is told apart.
        farthest: usize,
    },
    /// What goes into the query and key projections is rotated, head by head.
    RotaryInput {
        /// Base of the wavelengths.
        base: f64,
    },
    /// Queries and keys are rotated.
    RotaryHeads {
        /// Base of the wavelengths.
        base: f64,
    },
}

/// A [`PositionKind`] in one attention module, with what it has learnt.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a block, tensors are handles")]
#[non_exhaustive]
pub enum Position {
    /// Of [`PositionKind::Relative`].
    Relative(RelativePosition),
    /// Of [`PositionKind::RelativeKey`].
    RelativeKey(RelativeKeyPosition),
    /// Of [`PositionKind::Shaw`].
    Shaw(ShawPosition),
    /// Of [`PositionKind::RotaryInput`].
    RotaryInput(RotaryPosition),
    /// Of [`PositionKind::RotaryHeads`].
    RotaryHeads(RotaryPosition),
}

/// Projects sinusoids of distances; two biases stand for the query's own position.
#[derive(Module, Debug)]
pub struct RelativePosition {
    pub(super) linear: MatrixLinear,
    pub(super) bias_u: Param<Tensor<2>>,
    pub(super) bias_v: Param<Tensor<2>>,
}

/// A vector for each distance, the same for all heads.
#[derive(Module, Debug)]
pub struct RelativeKeyPosition {
    pub(super) distance_embedding: Embedding,
    left: usize,
}

/// A vector for each distance, the same for all heads, from the farthest key after the query to the farthest before it.
#[derive(Module, Debug)]
pub struct ShawPosition {
    pub(super) rel_pos_emb: Embedding,
    farthest: usize,
}

/// Nothing is learnt.
#[derive(Module, Debug)]
pub struct RotaryPosition {
    base: f64,
}

/// What a [`Position`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PositionConfig {
    /// Where the positions come in.
    pub kind: PositionKind,
    /// Width `E` of the frames.
    pub width: usize,
    /// Attention heads `H`.
    pub num_heads: usize,
    /// Width `K` of a head.
    pub head_dim: usize,
}

impl PositionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> Position {
        let Self { kind, width, num_heads, head_dim } = *self;
        match kind {
            PositionKind::Relative => Position::Relative(RelativePosition {
                linear: LinearConfig::new(width, num_heads * head_dim).with_bias(false).init(device).into(),
                bias_u: Initializer::Zeros.init([num_heads, head_dim], device),
                bias_v: Initializer::Zeros.init([num_heads, head_dim], device),
            }),
            PositionKind::RelativeKey { left, right } => Position::RelativeKey(RelativeKeyPosition {
                distance_embedding: EmbeddingConfig::new(left + right + 1, head_dim).init(device),
                left,
            }),
            PositionKind::Shaw { farthest } => Position::Shaw(ShawPosition {
                rel_pos_emb: EmbeddingConfig::new(2 * farthest + 1, head_dim).init(device),
                farthest,
            }),
            PositionKind::RotaryInput { base } => Position::RotaryInput(RotaryPosition { base }),
            PositionKind::RotaryHeads { base } => Position::RotaryHeads(RotaryPosition { base }),
        }
    }
}

impl Position {
    /// What goes into the query and key projections, `[B, T, E]` to the same.
    pub(super) fn turn_input(&self, x: Tensor<3>, num_heads: usize, shared: &SharedAttention) -> Tensor<3> {
        match self {
            Self::RotaryInput(rotary) => {
                let [batch, time, width] = x.dims();
                let head_dim = width / num_heads;
                // [B, T, E] -> [B, T, H, K] -> [B, T, E]
                let heads = x.reshape([batch, time, num_heads, head_dim]);
                shared.rotation(rotary.base, head_dim).apply(heads).reshape([batch, time, width])
            }
            Self::Relative(_) | Self::RelativeKey(_) | Self::Shaw(_) | Self::RotaryHeads(_) => x,
        }
    }

    /// Queries or keys, `[B, T, H, K]` to the same.
    pub(super) fn turn_heads(&self, x: Tensor<4>, shared: &SharedAttention) -> Tensor<4> {
        match self {
            Self::RotaryHeads(rotary) => {
                let [_, _, _, head_dim] = x.dims();
                shared.rotation(rotary.base, head_dim).apply(x)
            }
            Self::Relative(_) | Self::RelativeKey(_) | Self::Shaw(_) | Self::RotaryInput(_) => x,
        }
    }

    /// What the distances between frames add to the scores, for queries that are multiplied by `scale`; `None` where
    /// they add nothing.
    pub(super) fn distances(&self, scale: f64, shared: &SharedAttention) -> Option<Distances> {
        match self {
            Self::Relative(position) => {
                let [heads, head_dim] = position.bias_u.val().dims();
                // [1, 2T, E] -> [1, 2T, H * K]
                let keys = position.linear.forward(shared.sinusoids());
                let [_, distances, _] = keys.dims();
                let bias = |bias: &Param<Tensor<2>>| (bias.val() * scale).reshape([1, heads, 1, head_dim]);
                Some(Distances::Sinusoids {
                    // [1, 2T, H * K] -> [1, 2T, H, K] -> [1, H, K, 2T]
                    keys: keys.reshape([1, distances, heads, head_dim]).permute([0, 2, 3, 1]),
                    bias_u: bias(&position.bias_u),
                    bias_v: bias(&position.bias_v),
                })
            }
            Self::RelativeKey(position) => Some(Distances::Learnt {
                // [D, K] -> [1, 1, K, D]
                keys: position.distance_embedding.weight.val().transpose().unsqueeze(),
                left: position.left,
            }),
            Self::Shaw(position) => Some(Distances::Learnt {
                // [D, K] -> [K, D], the farthest key before the query first -> [1, 1, K, D]
                keys: position.rel_pos_emb.weight.val().flip([0]).transpose().unsqueeze(),
                left: position.farthest,
            }),
            Self::RotaryInput(_) | Self::RotaryHeads(_) => None,
        }
    }
}
