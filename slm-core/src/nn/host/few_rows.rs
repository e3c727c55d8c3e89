//! Products of a few rows with a matrix, which is read once for all of them.
//!
//! Burn's kernel for such a product puts the whole matrix into another order first, which takes longer than the product.

use rayon::prelude::*;

use super::lanes::{Kernel, LANES, Lanes, run};

/// Rows that are multiplied at once.
const ROWS: usize = 4;
/// Values of a matrix that a thread takes at a time, about.
const SHARE: usize = 1 << 16;
/// For fewer products no other thread is woken: where other programs run, waiting for one takes longer than the work.
const ALONE: usize = 1 << 22;

/// `x` `[R, width]` times the transposed `matrix` `[O, width]`: `[R, O]`.
pub(in crate::nn) fn multiply(x: &[f32], matrix: &[f32], width: usize) -> Vec<f32> {
    let (rows, outputs) = (x.len() / width, matrix.len() / width);
    let share = share([rows, width, outputs], ALONE);
    let mut columns = vec![0.0; outputs * rows];
    let shares = columns.par_chunks_mut(share * rows).zip(matrix.par_chunks(share * width));
    shares.for_each(|(out, matrix)| run(Share { x, matrix, width, out }));
    turned(columns, rows)
}

/// Outputs that a thread takes at a time where a matrix `[outputs, width]` is multiplied with `rows` rows: all of them for
/// fewer products than `alone`.
pub(in crate::nn) fn share([rows, width, outputs]: [usize; 3], alone: usize) -> usize {
    let share = if rows * width * outputs < alone { outputs } else { SHARE / width };
    share.max(1)
}

/// `[O, R]` as `[R, O]`.
pub(in crate::nn) fn turned(columns: Vec<f32>, rows: usize) -> Vec<f32> {
    if rows == 1 {
        return columns;
    }
    (0..rows).flat_map(|row| columns.iter().skip(row).step_by(rows).copied()).collect()
}

/// Some outputs of all rows.
struct Share<'a> {
    x: &'a [f32],
    matrix: &'a [f32],
    width: usize,
    /// `[o, R]`.
    out: &'a mut [f32],
}

impl Kernel for Share<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let rows = self.x.len() / self.width;
        let outputs = self.out.chunks_exact_mut(rows).zip(self.matrix.chunks_exact(self.width));
        for (out, weights) in outputs {
            let (fours, rest) = out.as_chunks_mut::<ROWS>();
            let (of_fours, of_rest) = self.x.split_at(fours.len() * ROWS * self.width);
            for (out, x) in fours.iter_mut().zip(of_fours.chunks_exact(ROWS * self.width)) {
                *out = dots::<L, ROWS>(x, weights);
            }
            for (out, x) in rest.iter_mut().zip(of_rest.chunks_exact(self.width)) {
                [*out] = dots::<L, 1>(x, weights);
            }
        }
    }
}

/// The products of one row of the matrix with `R` rows.
#[inline(always)]
fn dots<L: Lanes, const R: usize>(x: &[f32], weights: &[f32]) -> [f32; R] {
    let width = weights.len();
    let (weights, last) = weights.as_chunks::<LANES>();
    let rows: [_; R] = std::array::from_fn(|row| x[row * width..][..width].as_chunks::<LANES>());
    let mut sums = [L::none(); R];
    for (at, weights) in weights.iter().enumerate() {
        for (sums, (x, _)) in sums.iter_mut().zip(rows) {
            *sums = L::add(*sums, &x[at], weights);
        }
    }
    std::array::from_fn(|row| {
        let rest: f32 = rows[row].1.iter().zip(last).map(|(x, weight)| x * weight).sum();
        L::total(sums[row]) + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_naive_twin() {
        // Widths and outputs with rests, more than a thread takes, and every number of rows.
        for (width, outputs) in [(3, 2), (8, 5), (37, 1800), (768, 91)] {
            let value = |i: usize| ((i * 7919 % 1009) as f32 - 504.0) / 504.0;
            let matrix: Vec<f32> = (0..width * outputs).map(value).collect();
            for rows in 1..=9 {
                let x: Vec<f32> = (0..rows * width).map(|i| value(i + 13)).collect();
                let found = multiply(&x, &matrix, width);
                assert_eq!(found.len(), rows * outputs);
                for (i, found) in found.into_iter().enumerate() {
                    let (x, weights) =
                        (&x[i / outputs * width..][..width], &matrix[i % outputs * width..][..width]);
                    let expected: f64 =
                        x.iter().zip(weights).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    assert!((f64::from(found) - expected).abs() < 2e-6 * (width as f64).sqrt().max(4.0));
                }
            }
        }
    }
}
