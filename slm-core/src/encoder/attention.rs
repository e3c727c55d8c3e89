//! Self-attention over frames, with one of the kinds of position.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.1. Reference: transformers 5.23.0, `ParakeetEncoderAttention`,
//! `Wav2Vec2BertSelfAttention`, `Wav2Vec2ConformerSelfAttention`.
//! Shapes: `B` utterances, `T` frames, `E` width, `H` heads of width `K`, `P = 2T - 1` distances.

use burn::module::Param;
use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::activation::softmax;

use super::block::BlockConfig;
use super::positions::{Position, PositionTable, shift};
use super::span::AttentionContext;
use crate::matrix::MatrixLinear;

/// Multi-head attention of frames to frames.
#[derive(Module, Debug)]
pub struct Attention {
    q_proj: MatrixLinear,
    k_proj: MatrixLinear,
    v_proj: MatrixLinear,
    o_proj: MatrixLinear,
    position: Option<Position>,
    num_heads: usize,
}

impl Attention {
    /// Builds the module on `device`.
    pub fn init(config: &BlockConfig, device: &Device) -> Self {
        let width = config.width;
        let linear = || LinearConfig::new(width, width).with_bias(config.projection_bias).init(device).into();
        Self {
            q_proj: linear(),
            k_proj: linear(),
            v_proj: linear(),
            o_proj: linear(),
            position: config
                .position
                .and_then(|kind| Position::init(kind, config.num_heads, config.head_dim(), device)),
            num_heads: config.num_heads,
        }
    }

    /// Attends over the frames of each row.
    ///
    /// # Shapes
    ///
    /// - x: `[B, T, E]`
    /// - context: of the same kind as the module's positions, for `T` frames
    /// - output: `[B, T, E]`
    pub fn forward(&self, x: Tensor<3>, context: &AttentionContext) -> Tensor<3> {
        let [batch, time, _] = x.dims();
        context.join(self.attend(context.split(x), &context.table, context.mask.clone()), batch, time)
    }

    /// `[B, T, E]` to the same; `table` is for `T` frames, `mask` `[B, 1, 1, T]` is added to the scores.
    fn attend(&self, x: Tensor<3>, table: &PositionTable, mask: Tensor<4>) -> Tensor<3> {
        let [batch, time, width] = x.dims();
        let head_dim = width / self.num_heads;
        let scale = (head_dim as f64).powf(-0.5);

        let turned = match table {
            PositionTable::RotateInput(rotation) => {
                rotation.apply(self.split(x.clone())).reshape([batch, time, width])
            }
            _ => x.clone(),
        };
        // [B, T, E] -> [B, T, H, K]
        let mut query = self.split(self.q_proj.forward(turned.clone()));
        let mut key = self.split(self.k_proj.forward(turned));
        if let PositionTable::RotateHeads(rotation) = table {
            (query, key) = (rotation.apply(query), rotation.apply(key));
        }
        // [B, T, H, K] -> [B, H, T, K]
        let (query, key) = (query.swap_dims(1, 2), key.swap_dims(1, 2));
        let value = self.split(self.v_proj.forward(x)).swap_dims(1, 2);

        let scores = self.scores(query, key, table) * scale + mask;
        // [B, H, T, T] x [B, H, T, K] -> [B, H, T, K] -> [B, T, E]
        let context = softmax(scores, 3).matmul(value).swap_dims(1, 2).reshape([batch, time, width]);
        self.o_proj.forward(context)
    }

    /// What each query makes of each key, `[B, H, T, K]` twice to `[B, H, T, T]`.
    fn scores(&self, query: Tensor<4>, key: Tensor<4>, table: &PositionTable) -> Tensor<4> {
        let [_, heads, _, head_dim] = query.dims();
        let key = key.swap_dims(2, 3);
        match (&self.position, table) {
            (Some(Position::Relative(position)), PositionTable::Sinusoids(sinusoids)) => {
                let head_bias = |bias: &Param<Tensor<2>>| bias.val().reshape([1, heads, 1, head_dim]);
                // [1, P, E] -> [1, H, K, P]
                let distances = self.split(position.linear.forward(sinusoids.clone())).permute([0, 2, 3, 1]);
                // [B, H, T, K] x [B, H, K, T] -> [B, H, T, T]
                let content = (query.clone() + head_bias(&position.bias_u)).matmul(key);
                // [B, H, T, K] x [1, H, K, P] -> [B, H, T, P] -> [B, H, T, T]
                content + shift((query + head_bias(&position.bias_v)).matmul(distances))
            }
            (Some(Position::RelativeKey(position)), PositionTable::Distances(rows)) => {
                // [P, K] -> [1, 1, K, P]
                let distances = position.distance_embedding.weight.val().select(0, rows.clone()).transpose();
                // [B, H, T, K] x [1, 1, K, P] -> [B, H, T, P] -> [B, H, T, T]
                query.clone().matmul(key) + shift(query.matmul(distances.unsqueeze()))
            }
            _ => query.matmul(key),
        }
    }

    /// `[B, T, E]` to `[B, T, H, K]`.
    fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, time, width] = x.dims();
        x.reshape([batch, time, self.num_heads, width / self.num_heads])
    }
}
