//! Rows of whole numbers times a matrix in blocks.
//!
//! The matrix is read once, whatever the number of rows: a block of it is unpacked and then multiplied with all of them.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::activations::Activations;
use super::format::{Format, GROUP, PART};
use crate::checkpoint::gguf::Quantized;
use crate::nn::host::few_rows::in_parts;
use crate::nn::host::lanes::{Kernel, Lanes, run};

/// Rows that are multiplied at once.
const ROWS: usize = 4;
/// How far ahead memory is asked for, in bytes: what is read lies in order, but a processor stops looking ahead at each page.
const AHEAD: usize = 2048;
/// Bytes that memory gives at once.
const LINE: usize = 64;

/// `[R, I]` times the transposed `matrix` `[O, I]`: `[R, O]`.
pub(super) fn multiply<F: Format>(x: Activations, matrix: Arc<Quantized>) -> Vec<f32> {
    let row_bytes = x.width / F::VALUES * F::BYTES;
    let sizes = [x.rows(), x.width, matrix.bytes().len() / row_bytes];
    in_parts(sizes, move |outputs: Range<usize>| {
        let mut out = vec![0.0; x.rows() * outputs.len()];
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

/// Some parts of a row of the matrix.
struct Group {
    codes: [[i8; PART]; GROUP],
    first: [f32; GROUP],
    second: [f32; GROUP],
    offsets: [f32; GROUP],
}

impl Group {
    /// The parts of whole blocks. Where they are fewer than a group has, what was in the places of the others stays.
    #[inline(always)]
    fn fill<L: Lanes, F: Format>(&mut self, blocks: &[u8]) {
        let parts = F::VALUES / PART;
        for (at, block) in blocks.chunks_exact(F::BYTES).enumerate() {
            for part in 0..parts {
                let place = at * parts + part;
                let scales = F::unpack::<L>(block, part, &mut self.codes[place]);
                self.first[place] = scales.first;
                self.second[place] = scales.second;
                self.offsets[place] = scales.offset;
            }
        }
    }
}

/// The products of one row of the matrix with `R` rows from `from` on.
#[inline(always)]
fn dots<L: Lanes, F: Format, const R: usize>(x: &Activations, from: usize, weights: &[u8]) -> [f32; R] {
    let rows: [_; R] = std::array::from_fn(|row| x.row(from + row));
    let (mut sums, mut offsets) = ([L::none(); R], [L::none(); R]);
    let mut group =
        Group { codes: [[0; PART]; GROUP], first: [0.0; GROUP], second: [0.0; GROUP], offsets: [0.0; GROUP] };
    // Behind the last blocks the rows have zeros, for whatever is left in the group.
    for (at, blocks) in weights.chunks(GROUP * PART / F::VALUES * F::BYTES).enumerate() {
        for line in (0..blocks.len()).step_by(LINE) {
            L::fetch(blocks, AHEAD + line);
        }
        group.fill::<L, F>(blocks);
        for ((sums, offsets), row) in sums.iter_mut().zip(&mut offsets).zip(&rows) {
            let (codes, scales) = (&row.codes[at], &row.scales[at]);
            let first: [f32; GROUP] = std::array::from_fn(|part| group.first[part] * scales[part]);
            let second: [f32; GROUP] = std::array::from_fn(|part| {
                if F::HAS_TWO_SCALES { group.second[part] * scales[part] } else { first[part] }
            });
            for part in 0..GROUP {
                let scales = [first[part], second[part]];
                *sums = if F::HAS_OFFSET {
                    L::add_natural(*sums, &group.codes[part], &codes[part], scales)
                } else {
                    L::add_whole(*sums, &group.codes[part], &codes[part], scales)
                };
            }
            if F::HAS_OFFSET {
                *offsets = L::add(*offsets, &group.offsets, &row.sums[at]);
            }
        }
    }
    std::array::from_fn(|row| L::total(sums[row]) + L::total(offsets[row]))
}
