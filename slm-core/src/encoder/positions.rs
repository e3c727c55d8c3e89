//! How attention knows where a frame stands: four kinds, of which an encoder has one or none.
//!
//! Papers: Transformer-XL, arXiv 1901.02860, section 3.3 ([`PositionKind::Relative`]); Shaw et al., arXiv 1803.02155
//! ([`PositionKind::RelativeKey`]); RoFormer, arXiv 2104.09864 (the rotary ones). Reference: transformers 5.23.0,
//! `modeling_parakeet.py`, `modeling_wav2vec2_bert.py`, `modeling_wav2vec2_conformer.py`, `modeling_lasr.py`.
//! Shapes: `B` utterances, `T` frames, `E` width, `H` heads of width `K`, `P = 2T - 1` distances.

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LinearConfig};
use burn::prelude::*;

use crate::matrix::MatrixLinear;
use crate::rotary::Rotation;

/// Base of the sinusoids' wavelengths.
const WAVELENGTH_BASE: f64 = 10_000.0;

/// Where the positions come in.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// The learnt part of a [`PositionKind`] in one attention module.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a block, tensors are handles")]
pub enum Position {
    /// Of [`PositionKind::Relative`].
    Relative(RelativePosition),
    /// Of [`PositionKind::RelativeKey`].
    RelativeKey(RelativeKeyPosition),
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
}

impl Position {
    /// Builds the learnt part on `device`; `None` for kinds that learn nothing.
    pub fn init(kind: PositionKind, num_heads: usize, head_dim: usize, device: &Device) -> Option<Self> {
        let width = num_heads * head_dim;
        match kind {
            PositionKind::Relative => Some(Self::Relative(RelativePosition {
                linear: LinearConfig::new(width, width).with_bias(false).init(device).into(),
                bias_u: Initializer::Zeros.init([num_heads, head_dim], device),
                bias_v: Initializer::Zeros.init([num_heads, head_dim], device),
            })),
            PositionKind::RelativeKey { left, right } => Some(Self::RelativeKey(RelativeKeyPosition {
                distance_embedding: EmbeddingConfig::new(left + right + 1, head_dim).init(device),
            })),
            PositionKind::RotaryInput { .. } | PositionKind::RotaryHeads { .. } => None,
        }
    }
}

/// What all attention modules of a forward pass share about its `T` positions.
#[derive(Debug, Clone)]
pub enum PositionTable {
    /// Positions are not told.
    Absent,
    /// Sinusoids of the distances, `[1, P, E]`.
    Sinusoids(Tensor<3>),
    /// The row of the distance table for each distance, `[P]`.
    Distances(Tensor<1, Int>),
    /// Rotates what goes into the query and key projections.
    RotateInput(Rotation),
    /// Rotates queries and keys.
    RotateHeads(Rotation),
}

impl PositionTable {
    /// The table for `time` frames of `num_heads` heads of `head_dim` coordinates.
    pub fn new(
        kind: Option<PositionKind>,
        time: usize,
        num_heads: usize,
        head_dim: usize,
        device: &Device,
    ) -> Self {
        match kind {
            None => Self::Absent,
            Some(PositionKind::Relative) => Self::Sinusoids(sinusoids(time, num_heads * head_dim, device)),
            Some(PositionKind::RelativeKey { left, right }) => {
                let rows: Vec<i64> = (0..2 * time - 1)
                    .map(|p| {
                        let distance = p as i64 - (time as i64 - 1);
                        distance.clamp(-(left as i64), right as i64) + left as i64
                    })
                    .collect();
                let count = rows.len();
                Self::Distances(Tensor::from_data(TensorData::new(rows, [count]), device))
            }
            Some(PositionKind::RotaryInput { base }) => {
                Self::RotateInput(Rotation::new(base, 0..time, head_dim, device))
            }
            Some(PositionKind::RotaryHeads { base }) => {
                Self::RotateHeads(Rotation::new(base, 0..time, head_dim, device))
            }
        }
    }
}

/// Turns scores by distance into scores by key: `out[q, k] = scores[q, T - 1 + k - q]`.
///
/// `[B, H, T, 2T - 1]` to `[B, H, T, T]`. One zero column makes a row one longer than the distances,
/// so that reading the same memory with rows one shorter moves each row by one against the last.
pub fn shift(scores: Tensor<4>) -> Tensor<4> {
    let [batch, heads, time, distances] = scores.dims();
    let zeros = Tensor::zeros([batch, heads, time, 1], &scores.device());
    Tensor::cat(vec![zeros, scores], 3)
        .reshape([batch, heads, distances + 1, time])
        .slice([0..batch, 0..heads, 1..distances + 1, 0..time])
        .reshape([batch, heads, time, distances])
        .slice([0..batch, 0..heads, 0..time, 0..time])
}

/// Sinusoids of the distances `T - 1` down to `-(T - 1)`, sine and cosine interleaved, `[1, 2T - 1, E]`.
fn sinusoids(time: usize, width: usize, device: &Device) -> Tensor<3> {
    let distances = 2 * time - 1;
    let frequencies: Vec<f64> =
        (0..width / 2).map(|i| WAVELENGTH_BASE.powf(-2.0 * i as f64 / width as f64)).collect();
    let mut values = Vec::with_capacity(distances * width);
    for p in 0..distances {
        let distance = time as f64 - 1.0 - p as f64;
        for frequency in &frequencies {
            let (sin, cos) = (distance * frequency).sin_cos();
            values.extend([sin as f32, cos as f32]);
        }
    }
    Tensor::from_data(TensorData::new(values, [1, distances, width]), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn shift_reads_the_distance_of_query_and_key() {
        let device = Device::flex();
        let time = 5;
        let scores = Tensor::<1, Int>::arange(0..(time * (2 * time - 1)) as i64, &device).float().reshape([
            1,
            1,
            time,
            2 * time - 1,
        ]);
        let before: Vec<f32> = scores.clone().into_data().try_to_vec().unwrap();
        let after: Vec<f32> = shift(scores).into_data().try_to_vec().unwrap();
        for q in 0..time {
            for k in 0..time {
                let expected = before[q * (2 * time - 1) + time - 1 + k - q];
                assert!((after[q * time + k] - expected).abs() < f32::EPSILON);
            }
        }
    }
}
