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
#[cfg(target_arch = "x86_64")]
use super::{aligned_rows::AlignedRows, many_rows::Share, wide_tile::WideTile};

/// The fewest values of a matrix that a thread takes at a time, about.
const SHARE: usize = 1 << 16;
/// The most, as others wait for the last of them.
const LARGE_SHARE: usize = 1 << 20;
/// Shares of a thread, where they are neither too small nor too large: as some take longer than others.
const SHARES: usize = 16;
/// For fewer products one thread is enough.
const ALONE: usize = 1 << 17;

/// How far ahead memory is asked for, in bytes: a processor stops looking ahead at each page.
const AHEAD: usize = 4096;
/// Bytes that memory gives at once.
const LINE: usize = 64;
/// So many rows are multiplied by wide tiles, where the processor has them.
const WIDE_ROWS: usize = 5;

/// A value of a matrix.
pub(in crate::nn) trait Weight: Element {
    /// Some of them as floats.
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES];

    /// Any number of them, where they are floats.
    fn as_floats(_: &[Self]) -> Option<&[f32]> {
        None
    }
}

impl Weight for f32 {
    #[inline(always)]
    fn floats<L: Lanes>(values: &[Self; LANES]) -> [f32; LANES] {
        *values
    }

    #[inline(always)]
    fn as_floats(values: &[Self]) -> Option<&[f32]> {
        Some(values)
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
    #[cfg(target_arch = "x86_64")]
    if rows >= WIDE_ROWS
        && let Some(tile) = WideTile::found()
    {
        let x = AlignedRows::of(x.as_slice().ok()?, width, Vec::new());
        let part = part_of(Arc::clone(matrix), width, rows, move |matrix: &[W], out| {
            Share { x: &x, matrix, width, out }.multiply(&tile);
        });
        return Some(in_parts([rows, width, outputs], part));
    }
    let part = part_of(Arc::clone(matrix), width, rows, move |matrix: &[W], out| {
        if let Ok(x) = x.as_slice() {
            run(Part { x, matrix, width, out });
        }
    });
    Some(in_parts([rows, width, outputs], part))
}

/// Makes `[R, o]` of a range of outputs, where `fill` makes it of their rows of the matrix.
fn part_of<W: Weight>(
    matrix: Arc<TensorData>,
    width: usize,
    rows: usize,
    fill: impl Fn(&[W], &mut [f32]),
) -> impl Fn(Range<usize>) -> Vec<f32> {
    move |outputs| {
        let mut out = vec![0.0; rows * outputs.len()];
        if let Ok(matrix) = matrix.as_slice() {
            fill(&matrix[outputs.start * width..outputs.end * width], &mut out);
        }
        out
    }
}

/// `[R, O]`, of which `part` makes that of a range of outputs, or of groups of them, `[R, o]`, with all threads where that pays.
/// What it reads for one of the range has `width` values.
pub(in crate::nn) fn in_parts(
    [rows, width, outputs]: [usize; 3],
    part: impl Fn(Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<f32> {
    let mut parts = parted(outputs, width, rows * width, part);
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for row in 0..rows {
        for part in &parts {
            let outputs = part.len() / rows;
            all.extend_from_slice(&part[row * outputs..(row + 1) * outputs]);
        }
    }
    all
}

/// What `part` makes of ranges that are all of `count`, in their order, with all threads where that pays. For each of them it reads
/// `values` values and makes `products` products.
pub(super) fn parted(
    count: usize,
    values: usize,
    products: usize,
    part: impl Fn(Range<usize>) -> Vec<f32> + Send + Sync + 'static,
) -> Vec<Vec<f32>> {
    if count * products < ALONE {
        return vec![part(0..count)];
    }
    let threads = rayon::current_num_threads();
    let least = (SHARE / values.max(1)).max(1);
    let most = (LARGE_SHARE / values.max(1)).max(1);
    let share = (count / (SHARES * threads)).clamp(least, most);
    // As many for each thread: others would wait for the one that has one more.
    let share = count.div_ceil(count.div_ceil(share).next_multiple_of(threads));
    let range = move |index: usize| index * share..((index + 1) * share).min(count);
    together(count.div_ceil(share), move |index| part(range(index)))
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
        // Memory is read fastest in its order, one output after the other; what more rows need of it is in the cache then.
        match self.x.len() / self.width {
            1 => self.outputs::<L, 1, 4>(),
            2 => self.outputs::<L, 2, 4>(),
            3 => self.outputs::<L, 3, 2>(),
            _ => self.outputs::<L, 4, 2>(),
        }
    }
}

impl<W: Weight> Part<'_, W> {
    /// All outputs of all rows, `R` rows at a time.
    #[inline(always)]
    fn outputs<L: Lanes, const R: usize, const A: usize>(&mut self) {
        let (rows, outputs) = (self.x.len() / self.width, self.matrix.len() / self.width);
        for output in 0..outputs {
            let mut row = 0;
            while rows - row >= R {
                self.products::<L, R, A>(row, output);
                row += R;
            }
            while row < rows {
                self.products::<L, 1, A>(row, output);
                row += 1;
            }
        }
    }

    /// An output of `R` rows from `row` on.
    #[inline(always)]
    fn products<L: Lanes, const R: usize, const A: usize>(&mut self, row: usize, output: usize) {
        let width = self.width;
        let outputs = self.matrix.len() / width;
        let x: [&[f32]; R] = std::array::from_fn(|i| &self.x[(row + i) * width..][..width]);
        let weights = &self.matrix[output * width..][..width];
        for ([product], row) in dots::<L, W, R, 1, A>(x, [weights]).into_iter().zip(row..) {
            self.out[row * outputs + output] = product;
        }
    }
}

/// The products of `R` rows with `O` rows of the matrix, all of one width. Each is summed in `A` registers.
#[inline(always)]
pub(super) fn dots<L: Lanes, W: Weight, const R: usize, const O: usize, const A: usize>(
    x: [&[f32]; R],
    weights: [&[W]; O],
) -> [[f32; O]; R] {
    let (x, x_rest) = chunks(x);
    let (weights, weights_rest) = chunks(weights);
    let mut sums = [[[L::none(); A]; O]; R];
    let count = x[0].len();
    let whole = count - count % A;
    for from in (0..whole).step_by(A) {
        // Tiles, which have one register for each sum, are read from the cache.
        if A > 1 {
            for weights in &weights {
                for line in (0..A * size_of::<[W; LANES]>()).step_by(LINE) {
                    L::fetch(&weights[from..], AHEAD + line);
                }
            }
        }
        for part in 0..A {
            step::<L, W, R, O, A>(&mut sums, &x, &weights, [part, from + part]);
        }
    }
    for at in whole..count {
        step::<L, W, R, O, A>(&mut sums, &x, &weights, [0, at]);
    }
    let mut products = [[0.0; O]; R];
    for ((products, sums), x) in products.iter_mut().zip(&sums).zip(x_rest) {
        for ((product, sums), weights) in products.iter_mut().zip(sums).zip(weights_rest) {
            let mut sum = sums[0];
            for part in 1..A {
                sum = L::sum(sum, sums[part]);
            }
            let rest: f32 = x.iter().zip(weights).map(|(x, weight)| x * weight.elem::<f32>()).sum();
            *product = L::total(sum) + rest;
        }
    }
    products
}

/// Eight values of each row times those of each row of the matrix, those at `at`, go to register `part` of each sum.
#[inline(always)]
fn step<L: Lanes, W: Weight, const R: usize, const O: usize, const A: usize>(
    sums: &mut [[[L::Sums; A]; O]; R],
    x: &[&[[f32; LANES]]; R],
    weights: &[&[[W; LANES]]; O],
    [part, at]: [usize; 2],
) {
    let mut floats = [[0.0; LANES]; O];
    for (floats, weights) in floats.iter_mut().zip(weights) {
        *floats = W::floats::<L>(&weights[at]);
    }
    for (sums, x) in sums.iter_mut().zip(x) {
        for (sums, weights) in sums.iter_mut().zip(&floats) {
            sums[part] = L::add(sums[part], &x[at], weights);
        }
    }
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

/// Rows of one width in whole registers of `C` values, and what is left of each.
#[inline(always)]
pub(super) fn chunks<W, const N: usize, const C: usize>(rows: [&[W]; N]) -> ([&[[W; C]]; N], [&[W]; N]) {
    let count = rows[0].len() / C;
    let whole = std::array::from_fn(|row| &rows[row].as_chunks().0[..count]);
    (whole, std::array::from_fn(|row| rows[row].as_chunks::<C>().1))
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
