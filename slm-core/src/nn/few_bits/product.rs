//! Rows of whole numbers times matrices in blocks.
//!
//! A matrix is read once, whatever the number of rows: a block of it is unpacked and then multiplied with all of them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::activations::{Activations, RowGroup};
use super::format::{Format, GROUP, PART};
use crate::checkpoint::gguf::Quantized;
use crate::nn::host::lanes::{Kernel, Lanes, run};
use crate::nn::host::parts::in_parts;

/// Rows that are multiplied at once.
const ROWS: usize = 4;
/// How far ahead memory is asked for, in bytes: what is read lies in order, but a processor stops looking ahead at each page.
const AHEAD: usize = 2048;
/// Bytes that memory gives at once.
const LINE: usize = 64;

/// `[R, I]` times each of the transposed `matrices` `[O, I]`: `[R, O]` each.
pub(super) fn multiply<F: Format>(x: Activations, matrices: Vec<Arc<Quantized>>) -> Vec<Vec<f32>> {
    let outputs: Vec<usize> = matrices.iter().map(|matrix| matrix.rows()).collect();
    in_parts([x.rows(), x.width], &outputs, move |matrix, outputs| {
        let mut out = vec![0.0; x.rows() * outputs.len()];
        let (matrix, row_bytes) = (&matrices[matrix], matrices[matrix].row_bytes());
        let bytes = &matrix.bytes()[outputs.start * row_bytes..outputs.end * row_bytes];
        run(Part::<F> { x: &x, bytes, out: &mut out, format: PhantomData });
        out
    })
}

/// Some outputs of all rows.
struct Part<'a, F> {
    x: &'a Activations,
    bytes: &'a [u8],
    /// `[R, o]`.
    out: &'a mut [f32],
    format: PhantomData<F>,
}

impl<F: Format> Kernel for Part<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let rows = self.x.rows();
        let mut row = 0;
        while rows - row >= ROWS {
            self.rows::<L, ROWS>(row);
            row += ROWS;
        }
        while row < rows {
            self.rows::<L, 1>(row);
            row += 1;
        }
    }
}

impl<F: Format> Part<'_, F> {
    /// `R` rows from `row` on.
    #[inline(always)]
    fn rows<L: Lanes, const R: usize>(&mut self, row: usize) {
        let outputs = self.out.len() / self.x.rows();
        let matrix = self.bytes.chunks_exact(self.x.width / F::VALUES * F::BYTES);
        for (output, weights) in matrix.enumerate() {
            let products = dots::<L, F, R>(self.x, row, weights);
            for (product, row) in products.into_iter().zip(row..) {
                self.out[row * outputs + output] = product;
            }
        }
    }
}

/// The scales of some parts of a row of the matrix.
struct Group {
    first: [f32; GROUP],
    second: [f32; GROUP],
    offsets: [f32; GROUP],
}

impl Group {
    /// Those of whole blocks. Where they are fewer than a group has, the others are zeros.
    #[inline(always)]
    fn of<L: Lanes, F: Format>(blocks: &[u8]) -> Self {
        let mut group = Self { first: [0.0; GROUP], second: [0.0; GROUP], offsets: [0.0; GROUP] };
        let parts = F::VALUES / PART;
        for (at, block) in blocks.chunks_exact(F::BYTES).enumerate() {
            for part in 0..parts {
                let (place, scales) = (at * parts + part, F::scales::<L>(block, part));
                group.first[place] = scales.first;
                group.second[place] = scales.second;
                group.offsets[place] = scales.offset;
            }
        }
        group
    }

    /// What is added to the products with the whole numbers of a row, given the sums of its values: eight parts at once.
    #[inline(always)]
    fn add_offsets<L: Lanes, F: Format>(&self, to: L::Sums, sums: &[f32; GROUP]) -> L::Sums {
        match F::CENTRE {
            Some(centre) => L::add(to, &self.first, &sums.map(|sum| sum * centre)),
            None if F::HAS_OFFSET => L::add(to, &self.offsets, sums),
            None => to,
        }
    }
}

/// The products of one row of the matrix with `R` rows from `from` on.
#[inline(always)]
fn dots<L: Lanes, F: Format, const R: usize>(x: &Activations, from: usize, weights: &[u8]) -> [f32; R] {
    let rows: [_; R] = std::array::from_fn(|row| x.row(from + row));
    let (mut sums, mut offsets) = ([L::none(); R], [L::none(); R]);
    let parts = F::VALUES / PART;
    for (at, blocks) in weights.chunks(GROUP / parts * F::BYTES).enumerate() {
        for line in (0..blocks.len()).step_by(LINE) {
            L::fetch(blocks, AHEAD + line);
        }
        let group = Group::of::<L, F>(blocks);
        let first = scaled(&group.first, &rows, at);
        let second = if F::HAS_TWO_SCALES { scaled(&group.second, &rows, at) } else { first };
        for (offsets, row) in offsets.iter_mut().zip(&rows) {
            *offsets = group.add_offsets::<L, F>(*offsets, &row[at].sums);
        }
        for (block, place) in blocks.chunks_exact(F::BYTES).zip((0..).step_by(parts)) {
            for part in 0..parts {
                let (codes, place) = (F::codes::<L>(block, part), place + part);
                for (row, sums) in sums.iter_mut().enumerate() {
                    let of_row = &rows[row][at].codes[place];
                    *sums = if F::HAS_OFFSET {
                        L::add_natural(*sums, codes, of_row, first[row][place])
                    } else {
                        L::add_whole(*sums, codes, of_row, [first[row][place], second[row][place]])
                    };
                }
            }
        }
    }
    let mut products = [0.0; R];
    for (product, (sums, offsets)) in products.iter_mut().zip(sums.into_iter().zip(offsets)) {
        *product = L::total(sums) + L::total(offsets);
    }
    products
}

/// The scales `of` a group of the matrix times those of the group at `at` of each row.
#[inline(always)]
fn scaled<const R: usize>(of: &[f32; GROUP], rows: &[&[RowGroup]; R], at: usize) -> [[f32; GROUP]; R] {
    let mut all = [[0.0; GROUP]; R];
    for (all, row) in all.iter_mut().zip(rows) {
        for ((product, of), scale) in all.iter_mut().zip(of).zip(&row[at].scales) {
            *product = of * scale;
        }
    }
    all
}
