//! A share of a product of floats: some rows, or some outputs, tile by tile.
//!
//! Shapes: `r` rows of width `I`, `O` outputs.

use std::cell::RefCell;

use super::aligned_rows::{AlignedRows, LINE};
use super::lanes::run;
use super::tile::Tile;
use super::weight::{Floats, Weight};

/// The most values along which a tile is summed before its sums go to memory: its rows stay in the first level of the cache.
pub(super) const DEPTH: usize = 768;
/// Outputs that stay in the second level of the cache while rows go by them.
const BLOCK: usize = 48;
/// Values of all rows that stay in the first level, where outputs can go by them, a tile at a time: 32 KB.
const NEAR: usize = 1 << 13;

thread_local! {
    /// Room for a block of a matrix of 16 bits.
    static FLOATS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Some rows or some outputs, and what is made of them.
pub(super) struct Share<'a, W> {
    /// `[r, I]`.
    pub(super) x: &'a AlignedRows,
    pub(super) matrix: &'a [W],
    pub(super) width: usize,
    /// `[r, O]`, zeros.
    pub(super) out: &'a mut [f32],
}

impl<W: Weight> Share<'_, W> {
    /// By tiles of `R` rows and `O` outputs. At the edges the last row, or output, stands in the place of those that are not there.
    #[inline(always)]
    pub(super) fn multiply<const R: usize, const O: usize>(self, tile: &impl Tile<R, O>) {
        let Self { x, matrix, width, out } = self;
        let (rows, outputs) = (x.count(), matrix.len() / width);
        let tiles = rows.div_ceil(R);
        // Parts of about the same depth.
        let most = width.div_ceil(width.div_ceil(DEPTH)).next_multiple_of(LINE);
        let block = if rows * most <= NEAR { O } else { BLOCK };
        let mut floats = FLOATS.take();
        for from in (0..width).step_by(most) {
            let depth = most.min(width - from);
            let values = |output: usize| &matrix[output.min(outputs - 1) * width + from..][..depth];
            for first in (0..outputs).step_by(block) {
                let last = (first + block).min(outputs);
                let are_floats = W::as_floats(values(first)).is_some();
                if !are_floats {
                    floats.resize(block * depth, 0.0);
                    for (floats, output) in floats.chunks_exact_mut(depth).zip(first..last) {
                        run(Floats { values: values(output), floats });
                    }
                }
                let weights = |output: usize| {
                    let output = output.min(last - 1);
                    W::as_floats(values(output))
                        .unwrap_or_else(|| &floats[(output - first) * depth..][..depth])
                };
                for (number, row) in (0..rows).step_by(R).enumerate() {
                    let x: [&[f32]; R] =
                        std::array::from_fn(|i| &x.row((row + i).min(rows - 1))[from..from + depth]);
                    // Meanwhile memory is asked for the next block, by each tile for its share of it.
                    let share = depth.div_ceil(tiles);
                    let asked_for = (number * share).min(depth)..((number + 1) * share).min(depth);
                    for output in (first..last).step_by(O) {
                        let (mut of_tile, mut next) = ([&[][..]; O], [&[][..]; O]);
                        for i in 0..O {
                            of_tile[i] = weights(output + i);
                            next[i] = &values(output + block + i)[asked_for.clone()];
                        }
                        let products = tile.products(x, of_tile, next);
                        for (out, products) in out[row * outputs..].chunks_mut(outputs).zip(&products) {
                            for (out, product) in out[output..last].iter_mut().zip(products) {
                                *out += product;
                            }
                        }
                    }
                }
            }
        }
        FLOATS.set(floats);
    }
}
