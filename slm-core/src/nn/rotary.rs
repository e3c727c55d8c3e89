//! Rotary positions: pairs of coordinates turned by an angle that grows with the position.
//!
//! Paper: RoFormer, arXiv 2104.09864. Shapes: `B` rows, `T` positions, `H` heads of width `K`.

use std::ops::Range;

use burn::prelude::*;

use super::host::rotate;

/// Cosine and sine for each position and coordinate, `[1, T, 1, K]`.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// For the positions in `positions`, with wavelengths that grow from 2 pi to `base` times that.
    pub fn new(base: f64, positions: Range<usize>, head_dim: usize, device: &Device) -> Self {
        Self::scaled(base, 1.0, positions, head_dim, device)
    }

    /// The same with all positions divided by `factor` (linear scaling, arXiv 2306.15595).
    pub fn scaled(base: f64, factor: f64, positions: Range<usize>, head_dim: usize, device: &Device) -> Self {
        let frequencies: Vec<f64> = frequencies(base, head_dim).map(|frequency| frequency / factor).collect();
        Self::of_frequencies(&frequencies, positions, device)
    }

    /// For the positions in `positions`, the angle of each of the `K / 2` pairs growing by its frequency.
    pub fn of_frequencies(frequencies: &[f64], positions: Range<usize>, device: &Device) -> Self {
        let (time, head_dim) = (positions.len(), 2 * frequencies.len());
        let (mut cos, mut sin) = (Vec::with_capacity(time * head_dim), Vec::with_capacity(time * head_dim));
        for t in positions {
            for frequency in frequencies.iter().chain(frequencies) {
                let (s, c) = (t as f64 * frequency).sin_cos();
                sin.push(s as f32);
                cos.push(c as f32);
            }
        }
        let table = |values| Tensor::from_data(TensorData::new(values, [1, time, 1, head_dim]), device);
        Self { cos: table(cos), sin: table(sin) }
    }

    /// Rotates the pairs `(x[i], x[i + K/2])` of each head, `[B, T, H, K]` to the same.
    pub fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        rotate(x, &self.cos, &self.sin)
    }
}

/// The frequencies of the `head_dim / 2` pairs of a head: from 1 down to nearly 1 / `base`.
pub fn frequencies(base: f64, head_dim: usize) -> impl Iterator<Item = f64> {
    (0..head_dim / 2).map(move |pair| base.powf(-2.0 * pair as f64 / head_dim as f64))
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_product_depends_on_the_distance_alone() {
        let device = Device::flex();
        let rotation = Rotation::new(10_000.0, 3..12, 4, &device);
        let same =
            |row: [f32; 4]| Tensor::<1>::from_data(row, &device).reshape([1, 1, 1, 4]).repeat_dim(1, 9);
        let query = rotation.apply(same([0.3, -1.0, 0.5, 2.0])).reshape([9, 4]);
        let key = rotation.apply(same([1.0, 0.2, -0.7, 0.4])).reshape([9, 4]);
        let scores: Vec<f32> = query.matmul(key.transpose()).into_data().try_to_vec().unwrap();
        for q in 1..9 {
            for k in 1..9 {
                let (here, before) = (scores[q * 9 + k], scores[(q - 1) * 9 + k - 1]);
                assert!((here - before).abs() < 1e-5, "{q}, {k}: {here}, {before}");
            }
        }
    }
}
