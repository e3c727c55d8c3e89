//! Rows of whole numbers times a matrix in blocks.
//!
//! The matrix is read once, whatever the number of rows: a block of it is unpacked and then multiplied with all of them.

use rayon::prelude::*;

use super::activations::Activations;
use super::format::{Format, PART};
use crate::nn::host::few_rows::{share, turned};
use crate::nn::host::lanes::{Kernel, Lanes, run};

/// For fewer products no other thread is woken.
const ALONE: usize = 1 << 20;
/// Rows that are multiplied at once.
const ROWS: usize = 4;

/// `[R, I]` times the transposed matrix `[O, I]` in `bytes`: `[R, O]`.
pub(super) fn multiply<F: Format>(x: &Activations, bytes: &[u8]) -> Vec<f32> {
    let row_bytes = x.width / F::VALUES * F::BYTES;
    let outputs = bytes.len() / row_bytes;
    let rows = x.rows();
    let share = share([rows, x.width, outputs], ALONE);
    let mut columns = vec![0.0; outputs * rows];
    let shares = columns.par_chunks_mut(share * rows).zip(bytes.par_chunks(share * row_bytes));
    shares.for_each(|(out, bytes)| run(Share::<F> { x, bytes, out, format: std::marker::PhantomData }));
    turned(columns, rows)
}

/// Some outputs of all rows.
struct Share<'a, F> {
    x: &'a Activations,
    bytes: &'a [u8],
    /// `[o, R]`.
    out: &'a mut [f32],
    format: std::marker::PhantomData<F>,
}

impl<F: Format> Kernel for Share<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let rows = self.x.rows();
        let matrix = self.bytes.chunks_exact(self.x.width / F::VALUES * F::BYTES);
        for (out, weights) in self.out.chunks_exact_mut(rows).zip(matrix) {
            let mut from = 0;
            while rows - from >= ROWS {
                out[from..from + ROWS].copy_from_slice(&dots::<L, F, ROWS>(self.x, from, weights));
                from += ROWS;
            }
            while from < rows {
                out[from] = dots::<L, F, 1>(self.x, from, weights)[0];
                from += 1;
            }
        }
    }
}

/// The products of one row of the matrix with `R` rows from `from` on.
#[inline(always)]
fn dots<L: Lanes, F: Format, const R: usize>(x: &Activations, from: usize, weights: &[u8]) -> [f32; R] {
    let rows: [_; R] = std::array::from_fn(|row| x.row(from + row));
    let (mut sums, mut offsets) = ([L::none(); R], [0.0; R]);
    let mut codes = [0; PART];
    let mut at = 0;
    for block in weights.chunks_exact(F::BYTES) {
        for part in 0..F::VALUES / PART {
            let scales = F::unpack(block, part, &mut codes);
            for ((sums, offset), (values, parts)) in sums.iter_mut().zip(&mut offsets).zip(rows) {
                let of = parts[at];
                *sums = L::add_whole(
                    *sums,
                    &codes,
                    &values[at],
                    [scales.first * of.scale, scales.second * of.scale],
                );
                if F::HAS_OFFSET {
                    *offset += scales.offset * of.sum;
                }
            }
            at += 1;
        }
    }
    std::array::from_fn(|row| L::total(sums[row]) + offsets[row])
}
