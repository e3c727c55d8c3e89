//! What a matrix is applied to, as whole numbers of eight bits with a scale for each 32 of them.

use super::format::PART;

/// Scale and sum of 32 values.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartOf {
    /// What the whole numbers are multiplied by.
    pub(super) scale: f32,
    /// The sum of the values that they stand for.
    pub(super) sum: f32,
}

/// Rows of values in eight bits.
#[derive(Debug)]
pub(super) struct Activations {
    /// `[R, I / 32, 32]`.
    codes: Vec<[i8; PART]>,
    /// `[R, I / 32]`.
    parts: Vec<PartOf>,
    /// `I`.
    pub(super) width: usize,
}

impl Activations {
    /// Of `values` `[R, width]`, whose width is a multiple of 32. Values that are no numbers make no numbers of their row.
    pub(super) fn new(values: &[f32], width: usize) -> Self {
        let (codes, parts) = values.chunks_exact(PART).map(quantized).unzip();
        Self { codes, parts, width }
    }

    /// The rows.
    pub(super) fn rows(&self) -> usize {
        self.parts.len() * PART / self.width
    }

    /// The codes and the parts of row `row`.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> (&[[i8; PART]], &[PartOf]) {
        let parts = self.width / PART;
        (&self.codes[row * parts..][..parts], &self.parts[row * parts..][..parts])
    }
}

/// The whole numbers of 32 values.
#[inline(always)]
fn quantized(values: &[f32]) -> ([i8; PART], PartOf) {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut codes = [0; PART];
    let mut sum = 0_i32;
    for (code, &value) in codes.iter_mut().zip(values) {
        // Between -127 and 127.
        *code = round(value * inverse) as i8;
        sum += i32::from(*code);
    }
    // What is no number is not seen by `max`, and is none here.
    let scale = if values.iter().all(|value| value.is_finite()) { largest / 127.0 } else { f32::NAN };
    (codes, PartOf { scale, sum: scale * sum as f32 })
}

/// The nearest whole number of a small value.
#[inline(always)]
fn round(value: f32) -> i32 {
    /// Added, it leaves no bits for what is behind the point.
    const ROUND: f32 = 12_582_912.0;
    ((value + ROUND) - ROUND) as i32
}
