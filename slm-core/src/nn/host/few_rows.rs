//! Products of a few rows with matrices, each of which is read once for all of them.
//!
//! Burn's kernel for such a product puts the whole matrix into another order first, which takes longer than the product; for
//! a single row it uses one thread, which cannot read memory as fast as all can. A matrix of 16 bits is read as it is: half the
//! bytes, where Burn's would make floats of all of it for every product.
//! Shapes: `R` rows of width `I`, `O` outputs, of which a part has `o`.

use std::ops::Range;
use std::sync::Arc;

use burn::prelude::TensorData;
use burn::tensor::DType;
use half::{bf16, f16};

use super::aligned_rows::AlignedRows;
use super::dots::{NarrowTile, dots};
use super::lanes::{Kernel, Lanes, run};
use super::parts::in_parts;
use super::share::Share;
use super::weight::Weight;
#[cfg(target_arch = "x86_64")]
use super::wide_tile::WideTile;

/// So many rows are multiplied by tiles: in their order rows of the matrix are read as fast as memory gives them by fewer rows, but each
/// value of more rows is loaded for several outputs then.
const TILE_ROWS: usize = 4;
/// So many by wide tiles, where the processor has them.
#[cfg(target_arch = "x86_64")]
const WIDE_ROWS: usize = 5;

/// `x` `[R, width]` times each of the transposed `matrices` `[O, width]` of floats of one type: `[R, O]` each. `None` where `x` has
/// not 32 bits, or the matrices other values.
pub(in crate::nn) fn multiply(
    x: TensorData,
    matrices: Vec<Arc<TensorData>>,
    width: usize,
) -> Option<Vec<Vec<f32>>> {
    match matrices.first()?.dtype() {
        DType::F32 => multiply_of::<f32>(x, matrices, width),
        DType::F16 => multiply_of::<f16>(x, matrices, width),
        DType::BF16 => multiply_of::<bf16>(x, matrices, width),
        _ => None,
    }
}

fn multiply_of<W: Weight>(
    x: TensorData,
    matrices: Vec<Arc<TensorData>>,
    width: usize,
) -> Option<Vec<Vec<f32>>> {
    let rows = x.as_slice::<f32>().ok()?.len() / width;
    let mut outputs = Vec::with_capacity(matrices.len());
    for matrix in &matrices {
        outputs.push(matrix.as_slice::<W>().ok()?.len() / width);
    }
    #[cfg(target_arch = "x86_64")]
    if rows >= WIDE_ROWS
        && let Some(tile) = WideTile::found()
    {
        let x = AlignedRows::of(x.as_slice().ok()?, width, Vec::new());
        let part = part_of(matrices, width, rows, move |matrix: &[W], out| {
            Share { x: &x, matrix, width, out }.multiply(&tile);
        });
        return Some(in_parts([rows, width], &outputs, part));
    }
    if rows >= TILE_ROWS {
        let x = AlignedRows::of(x.as_slice().ok()?, width, Vec::new());
        let part = part_of(matrices, width, rows, move |matrix: &[W], out| {
            run(Share { x: &x, matrix, width, out });
        });
        return Some(in_parts([rows, width], &outputs, part));
    }
    let part = part_of(matrices, width, rows, move |matrix: &[W], out| {
        if let Ok(x) = x.as_slice() {
            run(Part { x, matrix, width, out });
        }
    });
    Some(in_parts([rows, width], &outputs, part))
}

/// Makes `[R, o]` of a range of the outputs of a matrix, where `fill` makes it of their rows of the matrix.
fn part_of<W: Weight>(
    matrices: Vec<Arc<TensorData>>,
    width: usize,
    rows: usize,
    fill: impl Fn(&[W], &mut [f32]),
) -> impl Fn(usize, Range<usize>) -> Vec<f32> {
    move |matrix, outputs| {
        let mut out = vec![0.0; rows * outputs.len()];
        if let Ok(matrix) = matrices[matrix].as_slice() {
            fill(&matrix[outputs.start * width..outputs.end * width], &mut out);
        }
        out
    }
}

impl<W: Weight> Kernel for Share<'_, W> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.multiply(&NarrowTile::<L>::new());
    }
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
            _ => self.outputs::<L, 3, 2>(),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "helpers of tests")]
mod tests {
    use super::*;

    /// The naive twin, in 64 bits.
    fn check(matrix: TensorData, width: usize) {
        let outputs = matrix.num_elements() / width;
        let values: Vec<f64> = matrix.iter::<f64>().collect();
        // Beside one of three outputs.
        let beside = TensorData::new((0..3 * width).map(value).collect(), [3, width]);
        let shared = vec![Arc::new(beside.convert_dtype(matrix.dtype())), Arc::new(matrix)];
        for rows in (1..=9).chain([16, 37]) {
            let x: Vec<f32> = (0..rows * width).map(|i| value(i + 13)).collect();
            let found = multiply(TensorData::new(x.clone(), [rows, width]), shared.clone(), width).unwrap();
            let [beside, found] = found.try_into().unwrap();
            assert_eq!((beside.len(), found.len()), (rows * 3, rows * outputs));
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
    fn other_types_are_left_to_others() {
        let whole = TensorData::new(vec![1_i32; 8], [2, 4]);
        let matrix = Arc::new(TensorData::new(vec![1.0_f32; 8], [2, 4]));
        assert!(multiply(whole, vec![matrix], 4).is_none());
    }
}
