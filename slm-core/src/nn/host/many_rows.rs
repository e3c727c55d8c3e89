//! Products of many rows with a matrix of floats, read where it lies.
//!
//! A matrix is kept as files have it, `[O, I]`, so that both sides of a product lie along what is summed: a tile of AVX-512, of some rows
//! and some outputs, needs no other order, which Burn's kernel makes of the whole matrix for every product. Threads take some rows
//! each, or, of rows that are not so many, all rows and some outputs ([`few_rows`](super::few_rows)). With AVX2 a block of outputs at a time
//! is [laid out](super::laid_out). Values of 16 bits become floats on the way, those of a block at a time.
//! Shapes: `R` rows of width `I`, of which a thread has `r`, `O` outputs.

#[cfg(target_arch = "x86_64")]
use std::cell::RefCell;

use burn::prelude::TensorData;
use burn::tensor::DType;
use half::{bf16, f16};
#[cfg(target_arch = "x86_64")]
use rayon::prelude::*;

use super::laid_out::{self, Plain};
use super::lanes::are_wide;
use super::weight::Weight;
#[cfg(target_arch = "x86_64")]
use super::{aligned_rows::AlignedRows, share::Share, wide_tile::WideTile};

/// The most rows of a thread at a time, about.
#[cfg(target_arch = "x86_64")]
const ROWS: usize = 192;

#[cfg(target_arch = "x86_64")]
thread_local! {
    /// Room for the rows of a share, so that it is not taken and given back for each product.
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `x` `[R, I]` times the transposed `matrix` `[O, I]`: `[R, O]`. `None` where this processor has no tiles, or the matrix other values.
pub(in crate::nn) fn multiply(x: &[f32], matrix: &TensorData, width: usize) -> Option<Vec<f32>> {
    match matrix.dtype() {
        DType::F32 => multiply_of::<f32>(x, matrix, width),
        DType::F16 => multiply_of::<f16>(x, matrix, width),
        DType::BF16 => multiply_of::<bf16>(x, matrix, width),
        _ => None,
    }
}

fn multiply_of<W: Weight>(x: &[f32], matrix: &TensorData, width: usize) -> Option<Vec<f32>> {
    let matrix = matrix.as_slice::<W>().ok()?;
    #[cfg(target_arch = "x86_64")]
    if let Some(tile) = WideTile::found() {
        return Some(by_rows(x, matrix, width, tile));
    }
    are_wide().then(|| laid_out::multiply(x, &Plain { values: matrix, width }, width, matrix.len() / width))
}

/// Each thread takes some rows.
#[cfg(target_arch = "x86_64")]
fn by_rows<W: Weight>(x: &[f32], matrix: &[W], width: usize, tile: WideTile) -> Vec<f32> {
    let (rows, outputs) = (x.len() / width, matrix.len() / width);
    let mut out = vec![0.0; rows * outputs];
    if out.is_empty() {
        return out;
    }
    // All threads have as much to do.
    let shares = rows.div_ceil(ROWS).next_multiple_of(rayon::current_num_threads());
    let share = rows.div_ceil(shares).next_multiple_of(WideTile::ROWS);
    let shares = out.par_chunks_mut(share * outputs).zip(x.par_chunks(share * width));
    shares.for_each(|(out, x)| {
        let x = AlignedRows::of(x, width, ROOM.take());
        Share { x: &x, matrix, width, out }.multiply(&tile);
        ROOM.set(x.into_room());
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::aligned_rows::AlignedRows;
    use crate::nn::host::lanes::run;
    use crate::nn::host::share::{DEPTH, Share};

    fn value(i: usize) -> f32 {
        ((i * 7919 % 1009) as f32 - 504.0) / 504.0
    }

    /// The naive twin, in 64 bits.
    fn check(found: &[f32], x: &[f32], weights: &[f64], width: usize) {
        let outputs = weights.len() / width;
        assert_eq!(found.len(), x.len() / width * outputs);
        for (i, found) in found.iter().enumerate() {
            let (x, weights) = (&x[i / outputs * width..][..width], &weights[i % outputs * width..][..width]);
            let products = || x.iter().zip(weights).map(|(&a, &b)| f64::from(a) * b);
            let (expected, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
            let gap = (f64::from(*found) - expected).abs();
            assert!(gap <= 2e-6 * size.max(1.0), "{gap} of {size}, {width} wide");
        }
    }

    /// Widths and outputs with rests, more than a tile sums at once, and rows for some threads and groups; narrow tiles too.
    #[test]
    fn products_are_those_of_the_naive_twin() {
        for (width, outputs) in [(3, 2), (8, 5), (37, 50), (DEPTH + 21, 9), (768, 31)] {
            let matrix = TensorData::new((0..width * outputs).map(value).collect(), [outputs, width]);
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let matrix = matrix.clone().convert_dtype(dtype);
                let weights: Vec<f64> = matrix.iter::<f64>().collect();
                for rows in [1, 5, 17, 200, 391] {
                    let x: Vec<f32> = (0..rows * width).map(|i| value(i + 13)).collect();
                    if let Some(found) = multiply(&x, &matrix, width) {
                        check(&found, &x, &weights, width);
                    }
                }
            }
            let floats = matrix.as_slice::<f32>().unwrap();
            let weights: Vec<f64> = matrix.iter::<f64>().collect();
            for rows in [1, 7, 30] {
                let x: Vec<f32> = (0..rows * width).map(|i| value(i + 31)).collect();
                let mut out = vec![0.0; rows * outputs];
                let aligned = AlignedRows::of(&x, width, Vec::new());
                run(Share { x: &aligned, matrix: floats, width, out: &mut out });
                check(&out, &x, &weights, width);
            }
        }
    }

    #[test]
    fn other_types_are_left_to_others() {
        assert!(multiply(&[1.0; 8], &TensorData::new(vec![1.0_f64; 8], [2, 4]), 4).is_none());
    }
}
