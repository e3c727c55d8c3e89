//! Products of many rows with a matrix of floats, read where it lies.
//!
//! A matrix is kept as files have it, `[O, I]`, so that both sides of a product lie along what is summed: a tile of some rows and some
//! outputs needs no other order, which Burn's kernel makes of the whole matrix for every product. Threads take some rows each, or,
//! of rows that are not so many, all rows and some outputs ([`few_rows`](super::few_rows)).
//! Values of 16 bits become floats on the way, those of a block of outputs at a time.
//! Shapes: `R` rows of width `I`, of which a thread has `r`, `O` outputs.

use std::cell::RefCell;
use std::marker::PhantomData;

use burn::prelude::TensorData;
use burn::tensor::DType;
use half::{bf16, f16};
use rayon::prelude::*;

use super::aligned_rows::{AlignedRows, LINE};
use super::dots::dots;
use super::lanes::{Kernel, Lanes, fetch, run};
use super::share::Share;
use super::tile::Tile;
use super::weight::Weight;
#[cfg(target_arch = "x86_64")]
use super::wide_tile::WideTile;

/// The most rows of a thread at a time, about.
const ROWS: usize = 192;

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
    let tiles = Tiles::found()?;
    let matrix = matrix.as_slice::<W>().ok()?;
    let (rows, outputs) = (x.len() / width, matrix.len() / width);
    let mut out = vec![0.0; rows * outputs];
    if out.is_empty() {
        return Some(out);
    }
    // All threads have as much to do.
    let shares = rows.div_ceil(ROWS).next_multiple_of(rayon::current_num_threads());
    let share = rows.div_ceil(shares).next_multiple_of(tiles.rows());
    let shares = out.par_chunks_mut(share * outputs).zip(x.par_chunks(share * width));
    shares.for_each(|(out, x)| {
        let x = AlignedRows::of(x, width, ROOM.take());
        tiles.multiply(Share { x: &x, matrix, width, out });
        ROOM.set(x.into_room());
    });
    Some(out)
}

/// Whether this processor multiplies any number of rows faster than where the matrix is put into another order first.
pub(in crate::nn) fn are_fastest() -> bool {
    !matches!(Tiles::found(), None | Some(Tiles::Narrow))
}

/// What a processor makes products of.
#[derive(Debug, Clone, Copy)]
enum Tiles {
    /// Four rows and three outputs, with registers of AVX2.
    Narrow,
    /// Those of AVX-512.
    #[cfg(target_arch = "x86_64")]
    Wide(WideTile),
}

impl Tiles {
    /// The largest that this processor has.
    #[cfg(target_arch = "x86_64")]
    fn found() -> Option<Self> {
        if let Some(tile) = WideTile::found() {
            return Some(Self::Wide(tile));
        }
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self::Narrow)
    }

    /// Other processors have none yet.
    #[cfg(not(target_arch = "x86_64"))]
    fn found() -> Option<Self> {
        None
    }

    /// Rows of a tile.
    fn rows(self) -> usize {
        match self {
            Self::Narrow => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Wide(_) => WideTile::ROWS,
        }
    }

    fn multiply<W: Weight>(self, share: Share<'_, W>) {
        match self {
            Self::Narrow => run(share),
            #[cfg(target_arch = "x86_64")]
            Self::Wide(tile) => share.multiply(&tile),
        }
    }
}

/// Within what is compiled for these lanes.
struct Narrow<L>(PhantomData<L>);

impl<L: Lanes> Tile<4, 3> for Narrow<L> {
    #[inline(always)]
    fn products<W>(&self, x: [&[f32]; 4], weights: [&[f32]; 3], next: [&[W]; 3]) -> [[f32; 3]; 4] {
        for next in next {
            for line in (0..next.len()).step_by(LINE) {
                fetch(&next[line..]);
            }
        }
        dots::<L, f32, 4, 3, 1>(x, weights)
    }
}

impl<W: Weight> Kernel for Share<'_, W> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.multiply(&Narrow::<L>(PhantomData));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::share::DEPTH;

    fn value(i: usize) -> f32 {
        ((i * 7919 % 1009) as f32 - 504.0) / 504.0
    }

    /// The naive twin, in 64 bits.
    fn check(found: &[f32], x: &[f32], weights: &[f64], width: usize) {
        let outputs = weights.len() / width;
        assert_eq!(found.len(), x.len() / width * outputs);
        for (i, found) in found.iter().enumerate() {
            let (x, weights) = (&x[i / outputs * width..][..width], &weights[i % outputs * width..][..width]);
            let expected: f64 = x.iter().zip(weights).map(|(&a, &b)| f64::from(a) * b).sum();
            assert!((f64::from(*found) - expected).abs() < 2e-6 * (width as f64).sqrt().max(4.0));
        }
    }

    /// Widths and outputs with rests, more than a tile sums at once, and rows for some threads; each tile that the processor has.
    #[test]
    fn products_are_those_of_the_naive_twin() {
        for (width, outputs) in [(3, 2), (8, 5), (37, 50), (DEPTH + 21, 9), (768, 31)] {
            let matrix = TensorData::new((0..width * outputs).map(value).collect(), [outputs, width]);
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let matrix = matrix.clone().convert_dtype(dtype);
                let weights: Vec<f64> = matrix.iter::<f64>().collect();
                for rows in [1, 5, 17, 200] {
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
                Tiles::Narrow.multiply(Share { x: &aligned, matrix: floats, width, out: &mut out });
                check(&out, &x, &weights, width);
            }
        }
    }

    #[test]
    fn other_types_are_left_to_others() {
        assert!(multiply(&[1.0; 8], &TensorData::new(vec![1.0_f64; 8], [2, 4]), 4).is_none());
    }
}
