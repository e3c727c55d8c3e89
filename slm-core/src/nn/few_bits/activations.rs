//! What a matrix is applied to, as whole numbers of eight bits with a scale for each 32 of them.

use super::format::{GROUP, PART};
use crate::nn::host::lanes::LANES;

/// Rows of values in eight bits. What fills the last group of a row up is zeros.
#[derive(Debug)]
pub(super) struct Activations {
    /// `[R, groups, 8, 32]`.
    codes: Vec<[[i8; PART]; GROUP]>,
    /// What the whole numbers are multiplied by, `[R, groups, 8]`.
    scales: Vec<[f32; GROUP]>,
    /// The sums of the values that they stand for, `[R, groups, 8]`.
    sums: Vec<[f32; GROUP]>,
    /// `I`.
    pub(super) width: usize,
}

/// One row of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) codes: &'a [[[i8; PART]; GROUP]],
    pub(super) scales: &'a [[f32; GROUP]],
    pub(super) sums: &'a [[f32; GROUP]],
}

impl Activations {
    /// Of `values` `[R, width]`, whose width is a multiple of 32. Values that are no numbers make no numbers of their row.
    pub(super) fn new(values: &[f32], width: usize) -> Self {
        let groups = values.len() / width * width.div_ceil(GROUP * PART);
        let mut all = Self {
            codes: Vec::with_capacity(groups),
            scales: Vec::with_capacity(groups),
            sums: Vec::with_capacity(groups),
            width,
        };
        for values in values.chunks_exact(width).flat_map(|row| row.chunks(GROUP * PART)) {
            let (mut codes, mut scales, mut sums) = ([[0; PART]; GROUP], [0.0; GROUP], [0.0; GROUP]);
            for (part, values) in values.chunks_exact(PART).enumerate() {
                (codes[part], scales[part], sums[part]) = quantized(values);
            }
            all.codes.push(codes);
            all.scales.push(scales);
            all.sums.push(sums);
        }
        all
    }

    /// The rows.
    pub(super) fn rows(&self) -> usize {
        self.scales.len() / self.groups()
    }

    /// Row `row`.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let groups = self.groups();
        let place = row * groups..(row + 1) * groups;
        Row {
            codes: &self.codes[place.clone()],
            scales: &self.scales[place.clone()],
            sums: &self.sums[place],
        }
    }

    /// Groups of a row.
    #[inline(always)]
    fn groups(&self) -> usize {
        self.width.div_ceil(GROUP * PART)
    }
}

/// The whole numbers of 32 values, their scale and their sum.
#[inline(always)]
pub(super) fn quantized(values: &[f32]) -> ([i8; PART], f32, f32) {
    // Eight at a time, as the order of a maximum, and of sums, is kept otherwise.
    let (mut sizes, mut nothing) = ([0.0; LANES], [0.0; LANES]);
    for values in values.as_chunks::<LANES>().0 {
        for ((size, nothing), value) in sizes.iter_mut().zip(&mut nothing).zip(values) {
            *size = if value.abs() > *size { value.abs() } else { *size };
            *nothing += value * 0.0;
        }
    }
    let largest = sizes.iter().fold(0.0, |largest: f32, &size| largest.max(size));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut codes = [0; PART];
    let mut sum = 0_i32;
    for (code, &value) in codes.iter_mut().zip(values) {
        // Between -127 and 127.
        *code = round(value * inverse) as i8;
        sum += i32::from(*code);
    }
    // What is no number is larger than none, but is not nothing times nothing.
    let scale = if nothing.iter().sum::<f32>() == 0.0 { largest / 127.0 } else { f32::NAN };
    (codes, scale, scale * sum as f32)
}

/// The nearest whole number of a small value.
#[inline(always)]
fn round(value: f32) -> i32 {
    /// Added, it leaves no bits for what is behind the point.
    const ROUND: f32 = 12_582_912.0;
    ((value + ROUND) - ROUND) as i32
}
