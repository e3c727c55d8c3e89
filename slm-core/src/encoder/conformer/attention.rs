//! Self-attention over frames, with one of the kinds of position, in blocks of queries.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.1. Reference: transformers 5.23.0, `ParakeetEncoderAttention`,
//! `Wav2Vec2BertSelfAttention`, `Wav2Vec2ConformerSelfAttention`, `LasrEncoderAttention`.
//! Shapes: `B` utterances, `T` frames, `E` width, `H` heads of width `K`, `Q` queries of a block.

use std::ops::Range;

use burn::nn::LinearConfig;
use burn::prelude::*;

use super::positions::{Position, PositionConfig, PositionKind};
use super::span::SharedAttention;
use crate::nn::blocks::{over_queries, part_of};
use crate::nn::host::{Scores, merge_heads};
use crate::nn::matrix::MatrixLinear;

/// Which projections have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProjectionBias {
    /// None.
    Absent,
    /// That of the output alone.
    Output,
    /// Those of queries, keys, values and the output.
    All,
}

/// How keys and values are made of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyValueMaps {
    /// By a map each.
    Apart,
    /// By one map, whose first half are the keys; not for positions that turn what the keys are made of.
    Together,
}

/// What an [`Attention`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Heads `H`.
    pub num_heads: usize,
    /// Width `K` of a head.
    pub head_dim: usize,
    /// Which projections have biases.
    pub bias: ProjectionBias,
    /// How keys and values are made.
    pub key_values: KeyValueMaps,
    /// How it knows positions; `None` where it does not.
    pub position: Option<PositionKind>,
}

/// Multi-head attention of frames to frames.
#[derive(Module, Debug)]
pub struct Attention {
    q_proj: MatrixLinear,
    /// Keys, and behind them values where these have no map of their own.
    k_proj: MatrixLinear,
    v_proj: Option<MatrixLinear>,
    o_proj: MatrixLinear,
    position: Option<Position>,
    num_heads: usize,
}

impl AttentionConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> Attention {
        let Self { width, num_heads, head_dim, bias, key_values, position } = *self;
        let inner = num_heads * head_dim;
        let linear = |input: usize, output: usize, has_bias: bool| -> MatrixLinear {
            LinearConfig::new(input, output).with_bias(has_bias).init(device).into()
        };
        let input_bias = bias == ProjectionBias::All;
        let (keys, has_values) = match key_values {
            KeyValueMaps::Apart => (inner, true),
            KeyValueMaps::Together => (2 * inner, false),
        };
        Attention {
            q_proj: linear(width, inner, input_bias),
            k_proj: linear(width, keys, input_bias),
            v_proj: has_values.then(|| linear(width, inner, input_bias)),
            o_proj: linear(inner, width, bias != ProjectionBias::Absent),
            position: position.map(|kind| PositionConfig { kind, width, num_heads, head_dim }.init(device)),
            num_heads,
        }
    }
}

impl Attention {
    /// Attends over the frames of each row.
    ///
    /// # Shapes
    ///
    /// - x: `[B, T, E]`
    /// - shared: for batches of this shape
    /// - output: `[B, T, E]`
    pub fn forward(&self, x: Tensor<3>, shared: &SharedAttention) -> Tensor<3> {
        let [batch, time, _] = x.dims();
        shared.join(self.attend(shared.split(x), shared), batch, time)
    }

    /// `[B, T, E]` to the same, where a row is what attends to each other.
    fn attend(&self, x: Tensor<3>, shared: &SharedAttention) -> Tensor<3> {
        let [batch, time, _] = x.dims();
        let turned = match &self.position {
            Some(position) => position.turn_input(x.clone(), self.num_heads, shared),
            None => x.clone(),
        };
        // [B, T, E] -> [B, T, H, K]
        let query = self.split(self.q_proj.forward(turned.clone()));
        let keys = self.k_proj.forward(turned);
        let (keys, values) = if let Some(values) = &self.v_proj {
            (keys, values.forward(x))
        } else {
            // [B, T, 2 * H * K] -> [B, T, H * K] twice
            let [_, _, both] = keys.dims();
            (keys.clone().narrow(2, 0, both / 2), keys.narrow(2, both / 2, both / 2))
        };
        let key = self.split(keys);
        let [_, _, heads, head_dim] = query.dims();
        // The scale goes to the queries: they are fewer than the scores, with positions or without.
        let scale = (head_dim as f64).powf(-0.5);
        let query = query * scale;
        let (query, key) = match &self.position {
            Some(position) => (position.turn_heads(query, shared), position.turn_heads(key, shared)),
            None => (query, key),
        };
        // [B, T, H, K] -> [B, H, T, K], and [B, H, K, T] of the keys
        let (query, key) = (query.swap_dims(1, 2), key.swap_dims(1, 2).swap_dims(2, 3));
        let value = self.split(values).swap_dims(1, 2);
        let distances = self.position.as_ref().and_then(|position| position.distances(scale, shared));

        let attend = |block: Range<usize>| {
            let query = part_of(&query, &block);
            // [B, H, Q, K] x [B, H, K, T] -> [B, H, Q, T]
            let scores = match &distances {
                Some(distances) => distances.scores(query, key.clone(), &block),
                None => Scores::of(query.matmul(key.clone())),
            };
            // [B, H, Q, T] x [B, H, T, K] -> [B, H, Q, K]
            scores.with_bias(shared.mask.clone()).weights().matmul(value.clone())
        };
        let scores_of_a_query = batch * heads * time;
        let states = over_queries(shared.max_scores, time, scores_of_a_query, shared.watch(), attend);
        // [B, H, T, K] -> [B, T, H * K] -> [B, T, E]
        self.o_proj.forward(merge_heads(states))
    }

    /// `[B, T, H * K]` to `[B, T, H, K]`.
    fn split(&self, x: Tensor<3>) -> Tensor<4> {
        let [batch, time, inner] = x.dims();
        x.reshape([batch, time, self.num_heads, inner / self.num_heads])
    }
}

#[cfg(all(test, feature = "flex"))]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;
    use crate::encoder::conformer::span::AttentionSpan;
    use crate::nn::blocks::MAX_SCORES;
    use crate::nn::{PaddedBatch, Watch};
    use burn::module::Param;
    use burn::tensor::Distribution;

    const TIME: usize = 37;
    const WIDTH: usize = 12;
    const HEADS: usize = 3;
    const HEAD_DIM: usize = 4;

    /// Rows of the last dimension.
    type Matrix = Vec<Vec<f64>>;

    fn rows<const D: usize>(x: Tensor<D>) -> Matrix {
        let width = x.dims()[D - 1];
        let values = x.try_into_vec_as::<f32>().unwrap();
        values.chunks(width).map(|row| row.iter().map(|&value| f64::from(value)).collect()).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn through(map: &MatrixLinear, x: &[Vec<f64>]) -> Matrix {
        let columns = rows(map.weight.val().transpose());
        let bias = map.bias.as_ref().map(|bias| rows(bias.val()).concat());
        let value = |row: &Vec<f64>, output: usize| {
            dot(row, &columns[output]) + bias.as_ref().map_or(0.0, |bias| bias[output])
        };
        x.iter().map(|row| (0..columns.len()).map(|output| value(row, output)).collect()).collect()
    }

    fn rotated(head: &[f64], base: f64, t: usize) -> Vec<f64> {
        let half = head.len() / 2;
        let value = |i: usize| {
            let angle = t as f64 * base.powf(-2.0 * (i % half) as f64 / head.len() as f64);
            let other = if i < half { -head[i + half] } else { head[i - half] };
            head[i] * angle.cos() + other * angle.sin()
        };
        (0..head.len()).map(value).collect()
    }

    fn sinusoid(distance: f64) -> Vec<f64> {
        let pair = |i: usize| {
            let angle = distance * 10_000_f64.powf(-2.0 * i as f64 / WIDTH as f64);
            [angle.sin(), angle.cos()]
        };
        (0..WIDTH / 2).flat_map(pair).collect()
    }

    /// The naive twin, on the host in f64: `x` `[T, E]`, of which `length` keys are real, one score after the other.
    fn naive(attention: &Attention, kind: Option<PositionKind>, x: &[Vec<f64>], length: usize) -> Matrix {
        let head = |row: &[f64], h: usize| row[h * HEAD_DIM..(h + 1) * HEAD_DIM].to_vec();
        let turn = |x: &[Vec<f64>], base: f64| -> Matrix {
            let row = |(t, row): (usize, &Vec<f64>)| -> Vec<f64> {
                row.chunks(HEAD_DIM).flat_map(|head| rotated(head, base, t)).collect()
            };
            x.iter().enumerate().map(row).collect()
        };
        let input = match kind {
            Some(PositionKind::RotaryInput { base }) => turn(x, base),
            _ => x.to_vec(),
        };
        let (mut query, mut key) = (through(&attention.q_proj, &input), through(&attention.k_proj, &input));
        if let Some(PositionKind::RotaryHeads { base }) = kind {
            (query, key) = (turn(&query, base), turn(&key, base));
        }
        let value = through(attention.v_proj.as_ref().unwrap(), x);
        let score = |h: usize, q: usize, k: usize| {
            let (query, key) = (head(&query[q], h), head(&key[k], h));
            match (&attention.position, kind) {
                (Some(Position::Relative(position)), _) => {
                    let biased = |bias: &Param<Tensor<2>>| -> Vec<f64> {
                        query.iter().zip(&rows(bias.val())[h]).map(|(q, bias)| q + bias).collect()
                    };
                    let distance = through(&position.linear, &[sinusoid(q as f64 - k as f64)]).concat();
                    dot(&biased(&position.bias_u), &key) + dot(&biased(&position.bias_v), &head(&distance, h))
                }
                (Some(Position::RelativeKey(position)), Some(PositionKind::RelativeKey { left, right })) => {
                    let (left, right) = (left as i64, right as i64);
                    let row = (k as i64 - q as i64).clamp(-left, right) + left;
                    let table = rows(position.distance_embedding.weight.val());
                    dot(&query, &key) + dot(&query, &table[row as usize])
                }
                (Some(Position::Shaw(position)), Some(PositionKind::Shaw { farthest })) => {
                    let farthest = farthest as i64;
                    let row = (q as i64 - k as i64).clamp(-farthest, farthest) + farthest;
                    let table = rows(position.rel_pos_emb.weight.val());
                    dot(&query, &key) + dot(&query, &table[row as usize])
                }
                _ => dot(&query, &key),
            }
        };
        let state = |q: usize| -> Vec<f64> {
            (0..HEADS)
                .flat_map(|h| {
                    let scores: Vec<f64> =
                        (0..length).map(|k| score(h, q, k) / (HEAD_DIM as f64).sqrt()).collect();
                    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    let values: Matrix = value.iter().map(|row| head(row, h)).collect();
                    let column = |i: usize| {
                        weights.iter().zip(&values).map(|(weight, value)| weight * value[i]).sum::<f64>()
                            / total
                    };
                    (0..HEAD_DIM).map(column).collect::<Vec<f64>>()
                })
                .collect()
        };
        through(&attention.o_proj, &(0..x.len()).map(state).collect::<Matrix>())
    }

    #[test]
    fn blocks_of_queries_give_what_every_score_by_itself_gives() {
        let device = Device::flex();
        device.seed(17);
        let batch = PaddedBatch::new(
            Tensor::random([2, TIME, WIDTH], Distribution::Normal(0.0, 1.0), &device),
            vec![TIME, 22],
        );
        let x = rows(batch.values());
        for position in [
            None,
            Some(PositionKind::Relative),
            Some(PositionKind::RelativeKey { left: 5, right: 2 }),
            Some(PositionKind::RelativeKey { left: 3, right: 60 }),
            Some(PositionKind::RelativeKey { left: 60, right: 0 }),
            Some(PositionKind::Shaw { farthest: 40 }),
            Some(PositionKind::Shaw { farthest: 6 }),
            Some(PositionKind::RotaryInput { base: 100.0 }),
            Some(PositionKind::RotaryHeads { base: 100.0 }),
        ] {
            let config = AttentionConfig {
                width: WIDTH,
                num_heads: HEADS,
                head_dim: HEAD_DIM,
                bias: ProjectionBias::All,
                key_values: KeyValueMaps::Apart,
                position,
            };
            let mut attention = config.init(&device);
            if let Some(Position::Relative(position)) = &mut attention.position {
                let random = || {
                    let shape = [HEADS, HEAD_DIM];
                    Param::from_tensor(Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device))
                };
                (position.bias_u, position.bias_v) = (random(), random());
            }
            // Chunks of 20 frames are two blocks each, 37 frames are three.
            for span in [AttentionSpan::Full, AttentionSpan::Chunked { frames: 20 }] {
                let (_, chunk) = span.rows(2, TIME);
                let expected: Vec<Matrix> = x
                    .chunks(TIME)
                    .zip(batch.lengths())
                    .flat_map(|(row, &length)| {
                        let part = |(i, frames): (usize, &[Vec<f64>])| {
                            let real = length.saturating_sub(i * chunk).min(frames.len());
                            naive(&attention, position, frames, real)
                        };
                        row.chunks(chunk).enumerate().map(part).collect::<Vec<Matrix>>()
                    })
                    .collect();
                let expected: Matrix = expected.concat();
                for max_scores in [MAX_SCORES, 1] {
                    let mut shared = SharedAttention::new(span, &batch, &Watch::default());
                    shared.max_scores = max_scores;
                    let found = rows(attention.forward(batch.values(), &shared));
                    let gaps = found.concat().into_iter().zip(expected.concat()).map(|(a, b)| (a - b).abs());
                    let worst = gaps.fold(0.0, f64::max);
                    assert!(worst < 1e-5, "{position:?}, {span:?}, {max_scores} scores: {worst}");
                }
            }
        }
    }
}
