//! A few rows of whole numbers times matrices in blocks, with [`SIDE`] outputs side by side.
//!
//! A product with one scale for each 32 numbers is added up, output by output, in as many steps as there are scales. With outputs
//! side by side a register has the sums of 16 of them, which one step scales. To lay them out takes about as long as to multiply
//! four rows, so that it pays from two rows on.
//! Shapes: `R` rows of width `I`, `O` outputs.

use std::marker::PhantomData;
use std::sync::Arc;

use super::activations::{Activations, RowGroup};
use super::columns::{FillColumns, bring_near};
use super::format::{Format, GROUP, PART};
use super::tile::{Group, Part, SIDE, Tiles};
use crate::checkpoint::gguf::Quantized;
use crate::nn::host::lanes::run;
use crate::nn::host::parts::in_parts;

/// `x` `[R, I]` times each of the transposed `matrices` `[O, I]`: `[R, O]` each.
pub(super) fn multiply<F: Format>(
    tiles: impl Tiles + 'static,
    x: Activations,
    matrices: Vec<Arc<Quantized>>,
) -> Vec<Vec<f32>> {
    let rows = x.rows();
    // A thread takes whole panels.
    let panels: Vec<usize> = matrices.iter().map(|matrix| matrix.rows().div_ceil(SIDE)).collect();
    in_parts([rows, x.width * SIDE], &panels, move |matrix, panels| {
        let matrix = &matrices[matrix];
        let columns = panels.start * SIDE..(panels.end * SIDE).min(matrix.rows());
        let mut out = vec![0.0; rows * columns.len()];
        let mut sums = vec![[0.0; SIDE]; rows];
        let mut group = [[Part::EMPTY; GROUP]];
        for first in columns.clone().step_by(SIDE) {
            let count = SIDE.min(columns.end - first);
            let bytes = &matrix.bytes()[first * matrix.row_bytes()..(first + count) * matrix.row_bytes()];
            sums.fill([0.0; SIDE]);
            bring_near(bytes);
            let matrix = Columns { bytes, row_bytes: matrix.row_bytes() };
            add::<F>(tiles, &x, matrix, &mut group, &mut sums);
            for (out, sums) in out.chunks_exact_mut(columns.len()).zip(&sums) {
                out[first - columns.start..][..count].copy_from_slice(&sums[..count]);
            }
        }
        out
    })
}

/// The rows of some outputs.
#[derive(Clone, Copy)]
struct Columns<'a> {
    bytes: &'a [u8],
    row_bytes: usize,
}

/// Adds the products of all rows with the outputs of `matrix`, which are laid out in `group`, one after the other.
fn add<F: Format>(
    tiles: impl Tiles,
    x: &Activations,
    Columns { bytes, row_bytes }: Columns<'_>,
    group: &mut [Group<SIDE>; 1],
    sums: &mut [[f32; SIDE]],
) {
    let (all, parts) = (row_bytes / F::BYTES, F::VALUES / PART);
    for (at, start) in (0..all).step_by(GROUP / parts).enumerate() {
        let blocks = start..(start + GROUP / parts).min(all);
        let parts = parts * blocks.len();
        run(FillColumns::<F, SIDE> { groups: group, bytes, row_bytes, blocks, format: PhantomData });
        let mut rest = Rest { row: 0, sums: &mut *sums };
        rest = rest.add::<F, 8>(tiles, x, at, &group[0], parts);
        rest = rest.add::<F, 4>(tiles, x, at, &group[0], parts);
        rest = rest.add::<F, 2>(tiles, x, at, &group[0], parts);
        rest.add::<F, 1>(tiles, x, at, &group[0], parts);
    }
}

/// The rows from `row` on.
struct Rest<'a> {
    row: usize,
    sums: &'a mut [[f32; SIDE]],
}

impl<'a> Rest<'a> {
    /// Adds the products with the group at `at`, `R` rows at a time, and gives the rows that are left.
    fn add<F: Format, const R: usize>(
        self,
        tiles: impl Tiles,
        x: &Activations,
        at: usize,
        group: &Group<SIDE>,
        parts: usize,
    ) -> Rest<'a> {
        let Rest { mut row, sums } = self;
        let (chunks, sums) = sums.as_chunks_mut::<R>();
        for sums in chunks {
            tiles.add_few::<F, R>(groups_of(x, row, at), group, parts, sums);
            row += R;
        }
        Rest { row, sums }
    }
}

/// The group at `at` of `R` rows from `row` on.
#[inline(always)]
fn groups_of<const R: usize>(x: &Activations, row: usize, at: usize) -> [&RowGroup; R] {
    std::array::from_fn(|one| &x.row(row + one)[at])
}
