//! Many rows of whole numbers times a matrix in blocks, tile by tile.
//!
//! The whole numbers of the matrix are laid out for [tiles](super::tile) once, some outputs at a time, by all threads, which then
//! take some rows each.
//! Shapes: `R` rows of width `I`, `O` outputs.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::activations::{less, quantized};
use super::columns::{FillColumns, bring_near};
use super::format::{Format, GROUP, PART};
use super::tile::{COLUMNS, Group, Part, ROWS, Rows, Tiles, joined, less_of};
use crate::checkpoint::gguf::Quantized;
use crate::nn::host::lanes::{Kernel, Lanes, run};

/// Groups that are multiplied before sums go to memory: of rows and outputs of a tile they take 26 KiB.
const DEPTH: usize = 2;
/// Bytes of a matrix that are laid out at once, about.
const BLOCK: usize = 2 << 20;
/// Tiles of rows that a thread takes at a time, at most.
const CHUNK: usize = 7;

/// `x` `[R, I]` times the transposed `matrix` `[O, I]`: `[R, O]`.
pub(super) fn product<F: Format>(tiles: impl Tiles, x: &[f32], matrix: &Quantized) -> Vec<f32> {
    let (width, outputs, row_bytes) = (matrix.row_values(), matrix.rows(), matrix.row_bytes());
    let rows = x.len() / width.max(1);
    let mut out = vec![0.0; rows * outputs];
    if out.is_empty() {
        return out;
    }
    let groups = width.div_ceil(GROUP * PART);
    let mut blocks = vec![Rows::EMPTY; rows.div_ceil(ROWS) * groups];
    blocks
        .par_chunks_mut(groups)
        .zip(x.par_chunks(ROWS * width))
        .for_each(|(groups, x)| run(FillRows::<F> { groups, x, width, format: PhantomData }));
    // Enough pieces for all threads.
    let chunk = rows.div_ceil(ROWS).div_ceil(2 * rayon::current_num_threads()).min(CHUNK);
    let panels = (BLOCK / size_of::<Group<COLUMNS>>() / groups).max(1);
    let mut packed = vec![[Part::EMPTY; GROUP]; panels.min(outputs.div_ceil(COLUMNS)) * groups];
    for start in (0..outputs).step_by(panels * COLUMNS) {
        let columns = start..(start + panels * COLUMNS).min(outputs);
        let packed = &mut packed[..columns.len().div_ceil(COLUMNS) * groups];
        let bytes = &matrix.bytes()[columns.start * row_bytes..columns.end * row_bytes];
        packed.par_chunks_mut(groups).zip(bytes.par_chunks(COLUMNS * row_bytes)).for_each(
            |(groups, bytes)| {
                let blocks = 0..row_bytes / F::BYTES;
                bring_near(bytes);
                run(FillColumns::<F, COLUMNS> { groups, bytes, row_bytes, blocks, format: PhantomData });
            },
        );
        let shares = out.par_chunks_mut(chunk * ROWS * outputs).zip(blocks.par_chunks(chunk * groups));
        shares.for_each(|(out, rows)| {
            Share { rows, packed, groups, outputs, columns: columns.clone(), format: PhantomData::<F> }
                .add(tiles, out);
        });
    }
    out
}

/// Some rows times some outputs.
struct Share<'a, F> {
    /// `[tiles, groups]`.
    rows: &'a [Rows],
    /// `[panels, groups]`.
    packed: &'a [Group<COLUMNS>],
    groups: usize,
    /// `O`, of which `columns` are made.
    outputs: usize,
    columns: Range<usize>,
    format: PhantomData<F>,
}

impl<F: Format> Share<'_, F> {
    fn add(&self, tiles: impl Tiles, out: &mut [f32]) {
        for start in (0..self.groups).step_by(DEPTH) {
            let depth = start..(start + DEPTH).min(self.groups);
            let panels = self.packed.chunks_exact(self.groups).zip(self.columns.clone().step_by(COLUMNS));
            for (matrix, first) in panels {
                let columns = COLUMNS.min(self.columns.end - first);
                let blocks = self.rows.chunks_exact(self.groups).zip(out.chunks_mut(ROWS * self.outputs));
                for (rows, out) in blocks {
                    let (rows, matrix) = (&rows[depth.clone()], &matrix[depth.clone()]);
                    tiles.add_product::<F>(rows, matrix, &mut out[first..], self.outputs, columns);
                }
            }
        }
    }
}

/// Fills the groups of `x`, [`ROWS`] rows or fewer.
struct FillRows<'a, F> {
    groups: &'a mut [Rows],
    x: &'a [f32],
    width: usize,
    format: PhantomData<F>,
}

impl<F: Format> Kernel for FillRows<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (row, x) in self.x.chunks_exact(self.width).enumerate() {
            for (group, x) in self.groups.iter_mut().zip(x.chunks(GROUP * PART)) {
                for (part, x) in x.chunks_exact(PART).enumerate() {
                    let (codes, scale, sum) = quantized(x);
                    for (to, four) in group.fours[row][part].iter_mut().zip(codes.as_chunks().0) {
                        *to = joined(four);
                    }
                    group.scales[row][part] = scale;
                    group.sums[row][part] = sum;
                    group.less[row][part] = less_of::<F>(less(&codes));
                }
            }
        }
    }
}
