//! Tiles of a product of whole numbers: [`ROWS`] rows times [`COLUMNS`] outputs, whose sums stay in registers.
//!
//! Instructions want one side without signs: where a format has signs, 128 is added to its numbers, and 128 times the sum of the
//! others is where their sum begins.

use super::activations::RowGroup;
use super::format::{Format, GROUP, PART};

/// Rows of a tile.
pub(super) const ROWS: usize = 6;
/// Outputs of a tile.
pub(super) const COLUMNS: usize = 32;
/// Outputs that lie side by side for few rows.
pub(super) const SIDE: usize = 16;
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

/// A part of `N` outputs.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Part<const N: usize> {
    /// Of each output four whole numbers.
    pub(super) fours: [[Four; N]; FOURS],
    pub(super) first: [f32; N],
    pub(super) second: [f32; N],
    pub(super) offsets: [f32; N],
}

/// A group of `N` outputs.
pub(super) type Group<const N: usize> = [Part<N>; GROUP];

/// Four bytes as one number, the first the lowest.
#[inline(always)]
pub(super) fn joined(four: &[i8; 4]) -> Four {
    let [a, b, c, d] = *four;
    Four::from_le_bytes([a as u8, b as u8, c as u8, d as u8])
}

/// Four whole numbers of a part.
#[inline(always)]
pub(super) fn four_of(codes: &[i8; PART], four: usize) -> Four {
    joined(&codes.as_chunks().0[four])
}

/// Where the sums of the halves of a part begin, given those of the whole part and of its halves; of one scale the first.
#[inline(always)]
pub(super) fn less_of<F: Format>([whole, first, second]: [i32; 3]) -> [i32; 2] {
    match (F::HAS_OFFSET, F::HAS_TWO_SCALES) {
        (true, _) => [0; 2],
        (false, true) => [first, second],
        (false, false) => [whole, 0],
    }
}

/// How tiles are made.
pub(super) trait Tiles: Copy + Send + Sync {
    /// Adds the products of all groups to the first `columns` values of as many rows as `out` has, of which each
    /// begins `stride` values after the one before.
    fn add_product<F: Format>(
        self,
        x: &[Rows],
        matrix: &[Group<COLUMNS>],
        out: &mut [f32],
        stride: usize,
        columns: usize,
    );

    /// Adds the products of the first `parts` of a group of `R` rows.
    fn add_few<F: Format, const R: usize>(
        self,
        x: [&RowGroup; R],
        matrix: &Group<SIDE>,
        parts: usize,
        sums: &mut [[f32; SIDE]; R],
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

impl<const N: usize> Part<N> {
    pub(super) const EMPTY: Self =
        Self { fours: [[0; N]; FOURS], first: [0.0; N], second: [0.0; N], offsets: [0.0; N] };
}

/// What every processor can do, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Naive;

/// The products of a part of a row with that of the output `column`, where the sums of its halves begin with `less`.
#[cfg(test)]
fn product<F: Format, const N: usize>(
    fours: &[Four; FOURS],
    less: [i32; 2],
    part: &Part<N>,
    column: usize,
) -> f32 {
    let mut whole = less;
    for (i, (x, four)) in fours.iter().zip(&part.fours).enumerate() {
        let half = if F::HAS_TWO_SCALES { i / (FOURS / 2) } else { 0 };
        let pairs = x.to_le_bytes().into_iter().zip(four[column].to_le_bytes());
        whole[half] += pairs.map(|(x, code)| i32::from(x as i8) * i32::from(code)).sum::<i32>();
    }
    let scales = [part.first[column], if F::HAS_TWO_SCALES { part.second[column] } else { 0.0 }];
    whole.iter().zip(scales).map(|(&whole, scale)| whole as f32 * scale).sum()
}

#[cfg(test)]
impl Tiles for Naive {
    fn add_product<F: Format>(
        self,
        x: &[Rows],
        matrix: &[Group<COLUMNS>],
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
                    *out += product::<F, COLUMNS>(&x.fours[row][at], x.less[row][at], part, column)
                        * x.scales[row][at];
                    if F::HAS_OFFSET {
                        *out += part.offsets[column] * x.sums[row][at];
                    }
                }
            }
        }
    }

    fn add_few<F: Format, const R: usize>(
        self,
        x: [&RowGroup; R],
        matrix: &Group<SIDE>,
        parts: usize,
        sums: &mut [[f32; SIDE]; R],
    ) {
        for (x, sums) in x.into_iter().zip(sums) {
            for (at, part) in matrix.iter().enumerate().take(parts) {
                let fours: [Four; FOURS] = std::array::from_fn(|four| four_of(&x.codes[at], four));
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum += product::<F, SIDE>(&fours, less_of::<F>(x.less[at]), part, column) * x.scales[at];
                    if F::HAS_OFFSET {
                        *sum += part.offsets[column] * x.sums[at];
                    }
                }
            }
        }
    }
}
