//! Tiles of a product of whole numbers: [`ROWS`] rows times [`COLUMNS`] outputs, whose sums stay in registers.
//!
//! Instructions want one side without signs: where a format has signs, 128 is added to its numbers, and 128 times the sum of the
//! others is where their sum begins.

use super::format::{Format, GROUP, PART};

/// Rows of a tile.
pub(super) const ROWS: usize = 6;
/// Outputs of a tile.
pub(super) const COLUMNS: usize = 32;
/// Four whole numbers, which are added at once, as one.
pub(super) type Four = i32;
/// Fours of a part.
pub(super) const FOURS: usize = PART / 4;

/// A group of some rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) fours: [[[Four; FOURS]; GROUP]; ROWS],
    /// Where the sums of the halves of a part begin; that of the whole part where there is one scale.
    pub(super) less: [[[i32; 2]; GROUP]; ROWS],
    pub(super) scales: [[f32; GROUP]; ROWS],
    /// The sums of the values that the whole numbers stand for.
    pub(super) sums: [[f32; GROUP]; ROWS],
}

/// A part of some outputs.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Part {
    /// Of each output four whole numbers.
    pub(super) fours: [[Four; COLUMNS]; FOURS],
    pub(super) first: [f32; COLUMNS],
    pub(super) second: [f32; COLUMNS],
    pub(super) offsets: [f32; COLUMNS],
}

/// A group of some outputs.
pub(super) type Group = [Part; GROUP];

/// How tiles are made.
pub(super) trait Tiles: Copy + Send + Sync {
    /// Adds the products of all groups to the first `columns` values of as many rows as `out` has, of which each
    /// begins `stride` values after the one before.
    fn add_product<F: Format>(
        self,
        x: &[Rows],
        matrix: &[Group],
        out: &mut [f32],
        stride: usize,
        columns: usize,
    );
}

impl Rows {
    pub(super) const EMPTY: Self = Self {
        fours: [[[0; FOURS]; GROUP]; ROWS],
        less: [[[0; 2]; GROUP]; ROWS],
        scales: [[0.0; GROUP]; ROWS],
        sums: [[0.0; GROUP]; ROWS],
    };
}

impl Part {
    pub(super) const EMPTY: Self = Self {
        fours: [[0; COLUMNS]; FOURS],
        first: [0.0; COLUMNS],
        second: [0.0; COLUMNS],
        offsets: [0.0; COLUMNS],
    };
}

/// What every processor can do, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Naive;

#[cfg(test)]
impl Tiles for Naive {
    fn add_product<F: Format>(
        self,
        x: &[Rows],
        matrix: &[Group],
        out: &mut [f32],
        stride: usize,
        columns: usize,
    ) {
        for (row, out) in out.chunks_mut(stride).enumerate() {
            for (column, out) in out.iter_mut().enumerate().take(columns) {
                let parts = x
                    .iter()
                    .zip(matrix)
                    .flat_map(|(x, group)| group.iter().enumerate().map(move |part| (x, part)));
                for (x, (at, part)) in parts {
                    let mut whole = x.less[row][at];
                    for (i, (x, four)) in x.fours[row][at].iter().zip(&part.fours).enumerate() {
                        let half = if F::HAS_TWO_SCALES { i / (FOURS / 2) } else { 0 };
                        let pairs = x.to_le_bytes().into_iter().zip(four[column].to_le_bytes());
                        whole[half] +=
                            pairs.map(|(x, code)| i32::from(x as i8) * i32::from(code)).sum::<i32>();
                    }
                    let scales = [part.first[column], part.second[column]];
                    let products =
                        whole.iter().zip(scales).map(|(&whole, scale)| whole as f32 * scale).sum::<f32>();
                    *out += products * x.scales[row][at];
                    if F::HAS_OFFSET {
                        *out += part.offsets[column] * x.sums[row][at];
                    }
                }
            }
        }
    }
}
