//! Positions as sines and cosines of slower and slower waves.
//!
//! Paper: *Attention Is All You Need*, arXiv 1706.03762, section 3.5. Reference: transformers 5.23.0,
//! `CanaryPositionalEmbedding`: the sines are the first half of the channels, the cosines the second, and all of them are
//! divided by the root of the width.
//! Shapes: `L` positions, `D` width.

use std::ops::Range;

use burn::prelude::*;

/// The slowest wave is this much slower than the fastest.
const SLOWEST: f64 = 10_000.0;

/// A row for each of `positions`, `[L, D]`.
pub(super) fn sinusoids(positions: Range<usize>, width: usize, device: &Device) -> Tensor<2> {
    let (rows, half) = (positions.len(), width / 2);
    let scale = (width as f64).sqrt();
    let values: Vec<f32> = positions
        .flat_map(|position| {
            let angle = move |wave: usize| position as f64 * SLOWEST.powf(-2.0 * wave as f64 / width as f64);
            let sines = (0..half).map(move |wave| angle(wave).sin());
            sines.chain((0..half).map(move |wave| angle(wave).cos()))
        })
        .map(|value| (value / scale) as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, [rows, 2 * half]), device)
}
