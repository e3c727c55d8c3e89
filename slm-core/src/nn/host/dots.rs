//! Products of some rows with some outputs, along what is summed.

use std::marker::PhantomData;

use super::aligned_rows;
use super::lanes::{LANES, Lanes, fetch};
use super::tile::Tile;
use super::weight::Weight;

/// How far ahead memory is asked for, in bytes: a processor stops looking ahead at each page.
const AHEAD: usize = 4096;
/// Bytes that memory gives at once.
const LINE: usize = 64;
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
    totals::<L, W, R, O, A>(&sums, x_rest, weights_rest)
}

/// What the sums come to, with the products of what does not fill a register.
#[inline(always)]
fn totals<L: Lanes, W: Weight, const R: usize, const O: usize, const A: usize>(
    sums: &[[[L::Sums; A]; O]; R],
    x_rest: [&[f32]; R],
    weights_rest: [&[W]; O],
) -> [[f32; O]; R] {
    let mut products = [[0.0; O]; R];
    for ((products, sums), x) in products.iter_mut().zip(sums).zip(x_rest) {
        for ((product, sums), weights) in products.iter_mut().zip(sums).zip(weights_rest) {
            let mut sum = sums[0];
            for other in &sums[1..] {
                sum = L::sum(sum, *other);
            }
            let rest: f32 = x.iter().zip(weights).map(|(x, weight)| x * weight.elem::<f32>()).sum();
            *product = L::total(sum) + rest;
        }
    }
    products
}

/// A tile with a register for each sum, with those that [`Lanes`] has.
pub(super) struct NarrowTile<L>(PhantomData<L>);

impl<L> NarrowTile<L> {
    /// Within what is compiled for these lanes.
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<L: Lanes> Tile<4, 3> for NarrowTile<L> {
    #[inline(always)]
    fn products<W>(&self, x: [&[f32]; 4], weights: [&[f32]; 3], next: [&[W]; 3]) -> [[f32; 3]; 4] {
        let (x, x_rest) = chunks(x);
        let (weights, weights_rest) = chunks(weights);
        let mut sums = [[[L::none()]; 3]; 4];
        for at in 0..x[0].len() {
            if (at * LANES).is_multiple_of(aligned_rows::LINE) {
                for next in next {
                    if let Some(next) = next.get(at * LANES..) {
                        fetch(next);
                    }
                }
            }
            step::<L, f32, 4, 3, 1>(&mut sums, &x, &weights, [0, at]);
        }
        totals::<L, f32, 4, 3, 1>(&sums, x_rest, weights_rest)
    }
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

/// Rows of one width in whole registers of `C` values, and what is left of each.
#[inline(always)]
pub(super) fn chunks<W, const N: usize, const C: usize>(rows: [&[W]; N]) -> ([&[[W; C]]; N], [&[W]; N]) {
    let count = rows[0].len() / C;
    let whole = std::array::from_fn(|row| &rows[row].as_chunks().0[..count]);
    (whole, std::array::from_fn(|row| rows[row].as_chunks::<C>().1))
}
