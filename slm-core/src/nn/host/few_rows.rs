//! Products of a few rows with a matrix, which is read once for all of them.
//!
//! Burn's kernel for such a product puts the whole matrix into another order first, which takes longer than the product; for
//! a single row it uses one thread, which cannot read memory as fast as all can. A matrix of 16 bits is read as it is: half the
//! bytes, where Burn's would make floats of all of it for every product.
//! Shapes: `R` rows of width `I`, `O` outputs, of which a part has `o`.

use std::ops::Range;
use std::sync::Arc;

use burn::prelude::TensorData;
use burn::tensor::{DType, Element};
use half::{bf16, f16};

use super::crew::together;
use super::lanes::{Kernel, LANES, Lanes, run};

/// Values of a matrix that a thread takes at a time, about.
const SHARE: usize = 1 << 16;
/// For fewer products one thread is enough.
const ALONE: usize = 1 << 17;

/// A value of a matrix.
pub(in crate::nn) trait Weight: Element {
    /// Some of them as floats.
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES];
}

impl Weight for f32 {
    #[inline(always)]
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES] {
        *values
    }
}

impl Weight for f16 {
    #[inline(always)]
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES] {
        L::halves(values)
    }
}

impl Weight for bf16 {
    /// It is the upper half of a float.
    #[inline(always)]
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES] {
        values.map(|value| f32::from_bits(u32::from(value.to_bits()) << 16))
    }
}

/// `x` `[R, width]` times the transposed `matrix` `[O, width]` of floats: `[R, O]`. `None` where `x` has not 32 bits, or the matrix
/// other values.
pub(in crate::nn) fn multiply(x: TensorData, matrix: &Arc<TensorData>, width: usize) -> Option<Vec<f32>> {
    match matrix.dtype() {
        DType::F32 => multiply_of::<f32>(x, matrix, width),
        DType::F16 => multiply_of::<f16>(x, matrix, width),
        DType::BF16 => multiply_of::<bf16>(x, matrix, width),
        _ => None,
    }
}

fn multiply_of<W: Weight>(x: TensorData, matrix: &Arc<TensorData>, width: usize) -> Option<Vec<f32>> {
    let rows = x.as_slice::<f32>().ok()?.len() / width;
    let outputs = matrix.as_slice::<W>().ok()?.len() / width;
    let matrix = Arc::clone(matrix);
    let part = move |outputs: Range<usize>| {
        let mut out = vec![0.0; rows * outputs.len()];
        if let (Ok(x), Ok(matrix)) = (x.as_slice(), matrix.as_slice::<W>()) {
            let matrix = &matrix[outputs.start * width..outputs.end * width];
            run(Part { x, matrix, width, out: &mut out });
        }
        out
    };
    Some(in_parts([rows, width, outputs], part))
}

/// `[R, O]`, of which `part` makes that of a range of outputs, `[R, o]`, with all threads where that pays. What it reads for
/// an output has `width` values.
pub(in crate::nn) fn in_parts(
    [rows, width, outputs]: [usize; 3],
    part: impl Fn(Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<f32> {
    if rows * width * outputs < ALONE {
        return part(0..outputs);
    }
    let share = (SHARE / width).max(1);
    let range = move |index: usize| index * share..((index + 1) * share).min(outputs);
    let parts = together(outputs.div_ceil(share), move |index| part(range(index)));
    let mut all = Vec::with_capacity(rows * outputs);
    for row in 0..rows {
        for part in &parts {
            let outputs = part.len() / rows;
            all.extend_from_slice(&part[row * outputs..(row + 1) * outputs]);
        }
    }
    all
}

/// Some outputs of all rows.
struct Part<'a, W> {
    x: &'a [f32],
    matrix: &'a [W],
    width: usize,
    /// `[R, o]`.
    out: &'a mut [f32],
}

impl<W: Weight> Kernel for Part<'_, W> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let rows = self.x.len() / self.width;
        let mut row = 0;
        // As many products at once as the registers hold sums of.
        while row < rows {
            row += match rows - row {
                1 => self.rows::<L, 1, 4>(row),
                2 => self.rows::<L, 2, 4>(row),
                3 => self.rows::<L, 3, 2>(row),
                _ => self.rows::<L, 4, 2>(row),
            };
        }
    }
}

impl<W: Weight> Part<'_, W> {
    /// `R` rows from `row` on, `O` outputs at a time; gives `R`.
    #[inline(always)]
    fn rows<L: Lanes, const R: usize, const O: usize>(&mut self, row: usize) -> usize {
        let outputs = self.matrix.len() / self.width;
        let mut output = 0;
        while outputs - output >= O {
            self.outputs::<L, R, O>(row, output);
            output += O;
        }
        while output < outputs {
            self.outputs::<L, R, 1>(row, output);
            output += 1;
        }
        R
    }

    /// `R` rows from `row` on, `O` outputs from `output` on.
    #[inline(always)]
    fn outputs<L: Lanes, const R: usize, const O: usize>(&mut self, row: usize, output: usize) {
        let width = self.width;
        let outputs = self.matrix.len() / width;
        let x: [&[f32]; R] = std::array::from_fn(|i| &self.x[(row + i) * width..][..width]);
        let weights: [&[W]; O] = std::array::from_fn(|i| &self.matrix[(output + i) * width..][..width]);
        for (products, row) in dots::<L, W, R, O>(x, weights).iter().zip(row..) {
            self.out[row * outputs + output..][..O].copy_from_slice(products);
        }
    }
}

/// The products of `R` rows with `O` rows of the matrix, all of one width.
#[inline(always)]
fn dots<L: Lanes, W: Weight, const R: usize, const O: usize>(
    x: [&[f32]; R],
    weights: [&[W]; O],
) -> [[f32; O]; R] {
    let weights_bytes = size_of_val(weights[0]);
    let (x, x_rest) = chunks(x);
    let (weights, weights_rest) = chunks(weights);
    let mut sums = [[L::none(); O]; R];
    let ahead = O * weights_bytes;
    for at in 0..x[0].len() {
        if at.is_multiple_of(2) {
            for weights in &weights {
                L::fetch(&weights[at..], ahead);
            }
        }
        let weights = weights.map(|weights| W::floats::<L>(&weights[at]));
        for (sums, x) in sums.iter_mut().zip(&x) {
            for (sums, weights) in sums.iter_mut().zip(&weights) {
                *sums = L::add(*sums, &x[at], weights);
            }
        }
    }
    std::array::from_fn(|row| {
        std::array::from_fn(|output| {
            let pairs = x_rest[row].iter().zip(weights_rest[output]);
            let rest: f32 = pairs.map(|(x, weight)| x * weight.elem::<f32>()).sum();
            L::total(sums[row][output]) + rest
        })
    })
}

/// Values of a matrix become floats.
pub(in crate::nn) struct Floats<'a, W> {
    pub(in crate::nn) values: &'a [W],
    pub(in crate::nn) floats: &'a mut [f32],
}

impl<W: Weight> Kernel for Floats<'_, W> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (values, rest) = self.values.as_chunks::<LANES>();
        let (floats, rest_floats) = self.floats.as_chunks_mut::<LANES>();
        for (float, value) in floats.iter_mut().zip(values) {
            *float = W::floats::<L>(value);
        }
        for (float, value) in rest_floats.iter_mut().zip(rest) {
            *float = value.elem();
        }
    }
}

/// Rows of one width in whole registers, and what is left of each.
#[inline(always)]
fn chunks<W, const N: usize>(rows: [&[W]; N]) -> ([&[[W; LANES]]; N], [&[W]; N]) {
    let count = rows[0].len() / LANES;
    let whole = std::array::from_fn(|row| &rows[row].as_chunks::<LANES>().0[..count]);
    (whole, std::array::from_fn(|row| rows[row].as_chunks::<LANES>().1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The naive twin, in 64 bits.
    fn check(matrix: TensorData, width: usize) {
        let outputs = matrix.num_elements() / width;
        let values: Vec<f64> = matrix.iter::<f64>().collect();
        let shared = Arc::new(matrix);
        for rows in (1..=9).chain([16, 37]) {
            let x: Vec<f32> = (0..rows * width).map(|i| value(i + 13)).collect();
            let found = multiply(TensorData::new(x.clone(), [rows, width]), &shared, width);
            let found = found.unwrap_or_default();
            assert_eq!(found.len(), rows * outputs);
            for (i, found) in found.into_iter().enumerate() {
                let (x, weights) =
                    (&x[i / outputs * width..][..width], &values[i % outputs * width..][..width]);
                let expected: f64 = x.iter().zip(weights).map(|(&a, &b)| f64::from(a) * b).sum();
                assert!((f64::from(found) - expected).abs() < 2e-6 * (width as f64).sqrt().max(4.0));
            }
        }
    }

    fn value(i: usize) -> f32 {
        ((i * 7919 % 1009) as f32 - 504.0) / 504.0
    }

    #[test]
    fn products_are_those_of_the_naive_twin() {
        // Widths and outputs with rests, more than a thread takes, and every number of rows.
        for (width, outputs) in [(3, 2), (8, 5), (37, 5000), (768, 191)] {
            let matrix = TensorData::new((0..width * outputs).map(value).collect(), [outputs, width]);
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                check(matrix.clone().convert_dtype(dtype), width);
            }
        }
    }

    #[test]
    fn small_and_large_halves_become_the_floats_that_they_are() {
        // All signs, exponents and some of the fractions, subnormal ones among them.
        let halves: Vec<f16> =
            (0..=u16::MAX).step_by(7).map(f16::from_bits).filter(|half| half.is_finite()).collect();
        let upper: Vec<bf16> = halves.iter().map(|half| bf16::from_bits(half.to_bits())).collect();
        let mut floats = vec![0.0; halves.len()];
        run(Floats { values: &halves, floats: &mut floats });
        assert!(floats.iter().zip(&halves).all(|(float, half)| float.to_bits() == half.to_f32().to_bits()));
        run(Floats { values: &upper, floats: &mut floats });
        assert!(floats.iter().zip(&upper).all(|(float, upper)| float.to_bits() == upper.to_f32().to_bits()));
    }

    #[test]
    fn other_types_are_left_to_others() {
        let whole = TensorData::new(vec![1_i32; 8], [2, 4]);
        let matrix = Arc::new(TensorData::new(vec![1.0_f32; 8], [2, 4]));
        assert!(multiply(whole, &matrix, 4).is_none());
    }
}
