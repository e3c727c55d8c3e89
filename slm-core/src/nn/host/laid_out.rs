//! Products of many rows with a matrix whose outputs are laid out side by side first.
//!
//! A register of AVX2 then has the sums of eight outputs, and one value of a row is multiplied with eight of them at once; tiles along
//! what is summed, as [`many_rows`](super::many_rows) has for wider registers, end in eight parts of each sum that have to be added.
//! A thread lays out a block of outputs, which stays in the second level of its cache while rows go by.
//! Paper: *Anatomy of High-Performance Matrix Multiplication* (Goto and van de Geijn, ACM TOMS 34, 2008).
//! Shapes: `R` rows of width `I`, of which a group has `r`, `O` outputs, of which a block has `o`.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::aligned_rows::AlignedRows;
use super::lanes::{Kernel, LANES, Lanes, run};
use super::weight::{Floats, Weight};

/// The most values along which a tile is summed before its sums go to memory, and what all parts but the last are multiples of: the values of the largest
/// blocks of few bits.
const DEPTH: usize = 768;
/// See [`DEPTH`].
const STEP: usize = 256;
/// Registers of outputs of a tile.
const REGISTERS: usize = 2;
/// Outputs of a tile.
const PANEL: usize = REGISTERS * LANES;
/// Rows of a tile: its sums, the outputs and a value of a row fill 15 of the 16 registers.
const ROWS: usize = 6;
/// Outputs of a block: what it lays out takes 147 KB.
const BLOCK: usize = 3 * PANEL;
/// The most rows of a group, which go by each block.
const GROUP: usize = 384;

/// The outputs of a panel at one place of what is summed.
type Side = [[f32; LANES]; REGISTERS];

thread_local! {
    /// Room for a block that is laid out, and for its floats where it has other values.
    static ROOM: RefCell<(Vec<Side>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A matrix `[O, I]` whose values can be had as floats.
pub(in crate::nn) trait Source: Sync {
    /// The values of an output at `depth`, which begins and ends at a multiple of 256, or at the end of the output. Fills `room`,
    /// which is as long, unless they are floats already.
    fn floats<'a>(&'a self, output: usize, depth: Range<usize>, room: &'a mut [f32]) -> &'a [f32];
}

/// Values in their order, `I` of each output.
pub(super) struct Plain<'a, W> {
    pub(super) values: &'a [W],
    pub(super) width: usize,
}

impl<W: Weight> Source for Plain<'_, W> {
    fn floats<'a>(&'a self, output: usize, depth: Range<usize>, room: &'a mut [f32]) -> &'a [f32] {
        let values = &self.values[output * self.width..][depth];
        if let Some(floats) = W::as_floats(values) {
            return floats;
        }
        run(Floats { values, floats: room });
        room
    }
}

/// `x` `[R, I]` times the transposed matrix `[O, I]`, `[R, O]`; `I` is not zero.
pub(in crate::nn) fn multiply(x: &[f32], source: &impl Source, width: usize, outputs: usize) -> Vec<f32> {
    let rows = x.len() / width;
    let mut out = vec![0.0; rows * outputs];
    if out.is_empty() {
        return out;
    }
    let group = rows.div_ceil(rows.div_ceil(GROUP)).next_multiple_of(ROWS);
    let groups: Vec<AlignedRows> =
        x.par_chunks(group * width).map(|x| AlignedRows::of(x, width, Vec::new())).collect();
    let mut blocks = Vec::with_capacity(groups.len() * outputs.div_ceil(BLOCK));
    for (x, out) in groups.iter().zip(out.chunks_mut(group * outputs)) {
        let first = blocks.len();
        blocks.extend((0..outputs).step_by(BLOCK).map(|start| {
            let outputs = start..(start + BLOCK).min(outputs);
            Block { x, source, outputs, width, out: Vec::with_capacity(x.count()) }
        }));
        for row in out.chunks_mut(outputs) {
            for (block, out) in blocks[first..].iter_mut().zip(row.chunks_mut(BLOCK)) {
                block.out.push(out);
            }
        }
    }
    blocks.into_par_iter().with_max_len(1).for_each(run);
    out
}

/// Some outputs of a group of rows.
struct Block<'a, S> {
    x: &'a AlignedRows,
    source: &'a S,
    outputs: Range<usize>,
    width: usize,
    /// `[r, o]`, zeros.
    out: Vec<&'a mut [f32]>,
}

impl<S: Source> Kernel for Block<'_, S> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (mut sides, mut floats) = ROOM.take();
        let most = self.width.div_ceil(self.width.div_ceil(DEPTH)).next_multiple_of(STEP);
        for from in (0..self.width).step_by(most) {
            let depth = from..(from + most).min(self.width);
            sides.resize(self.outputs.len().div_ceil(PANEL) * depth.len(), [[0.0; LANES]; REGISTERS]);
            floats.resize(LANES * depth.len(), 0.0);
            self.lay_out::<L>(&depth, &mut sides, &mut floats);
            for row in (0..self.x.count()).step_by(ROWS) {
                self.rows::<L>(row, &depth, &sides);
            }
        }
        ROOM.set((sides, floats));
    }
}

impl<S: Source> Block<'_, S> {
    /// The values of its outputs at `depth`, panel by panel. Where outputs end within a panel, the last stands in their place.
    #[inline(always)]
    fn lay_out<L: Lanes>(&self, depth: &Range<usize>, sides: &mut [Side], floats: &mut [f32]) {
        let panels = self.outputs.clone().step_by(PANEL);
        for (first, sides) in panels.zip(sides.chunks_exact_mut(depth.len())) {
            for register in 0..REGISTERS {
                let mut values = [&[][..]; LANES];
                let outputs = first + register * LANES..;
                for ((values, room), output) in
                    values.iter_mut().zip(floats.chunks_exact_mut(depth.len())).zip(outputs)
                {
                    *values = self.source.floats(output.min(self.outputs.end - 1), depth.clone(), room);
                }
                turn::<L>(values, sides, register);
            }
        }
    }

    /// A tile of rows from `row` on for each panel. At the end the last row stands in the place of those that are not there.
    #[inline(always)]
    fn rows<L: Lanes>(&mut self, row: usize, depth: &Range<usize>, sides: &[Side]) {
        let last = self.x.count() - 1;
        let mut x = [&[][..]; ROWS];
        for (at, x) in x.iter_mut().enumerate() {
            *x = &self.x.row((row + at).min(last))[depth.clone()];
        }
        for (panel, sides) in sides.chunks_exact(depth.len()).enumerate() {
            let sums = tile::<L>(x, sides);
            for (out, sums) in self.out[row..].iter_mut().zip(sums) {
                let out = &mut out[panel * PANEL..];
                for (out, sums) in out.chunks_mut(LANES).zip(sums) {
                    add::<L>(out, sums);
                }
            }
        }
    }
}

/// Puts eight outputs side by side, to register `register` of each of `sides`.
#[inline(always)]
fn turn<L: Lanes>(values: [&[f32]; LANES], sides: &mut [Side], register: usize) {
    let (whole, rest) = sides.as_chunks_mut::<LANES>();
    for (at, sides) in whole.iter_mut().enumerate() {
        let mut eight = [[0.0; LANES]; LANES];
        for (eight, values) in eight.iter_mut().zip(values) {
            *eight = values.as_chunks().0[at];
        }
        for (side, values) in sides.iter_mut().zip(L::turned(eight)) {
            side[register] = values;
        }
    }
    let start = whole.len() * LANES;
    for (at, side) in rest.iter_mut().enumerate() {
        for (to, values) in side[register].iter_mut().zip(values) {
            *to = values[start + at];
        }
    }
}

/// The products of rows with the outputs of a panel.
#[inline(always)]
fn tile<L: Lanes>(x: [&[f32]; ROWS], sides: &[Side]) -> [[L::Sums; REGISTERS]; ROWS] {
    let mut sums = [[L::none(); REGISTERS]; ROWS];
    let mut rows = x;
    for row in &mut rows {
        *row = &row[..sides.len()];
    }
    for (at, side) in sides.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = [row[at]; LANES];
            for (sum, values) in sums.iter_mut().zip(side) {
                *sum = L::add(*sum, &x, values);
            }
        }
    }
    sums
}

/// Adds as many sums as `out` has places. Eight, whose number is known, are one addition.
#[inline(always)]
fn add<L: Lanes>(out: &mut [f32], sums: L::Sums) {
    let sums = L::values(sums);
    match <&mut [f32; LANES]>::try_from(&mut *out) {
        Ok(out) => {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out += sum;
            }
        }
        Err(_) => {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out += sum;
            }
        }
    }
}
