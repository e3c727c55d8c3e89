//! The whole numbers of a matrix, laid out with its outputs side by side.

use std::marker::PhantomData;
use std::ops::Range;

use super::format::{Format, GROUP, PART};
use super::tile::{Four, Group};
use crate::nn::host::lanes::{Kernel, LANES, Lanes};

/// Bytes that memory gives at once.
const LINE: usize = 64;

/// Reads a value of each line of `bytes`, in their order. A processor reads memory ahead where it is read in order, and not where
/// many rows are read side by side, as layouts do: those took 4 times as long.
#[inline]
pub(super) fn bring_near(bytes: &[u8]) {
    for byte in bytes.iter().step_by(LINE) {
        // One by one: compilers would read many of them in another order.
        std::hint::black_box(*byte);
    }
}

/// Fills groups of `N` outputs, or fewer, from the bytes of their rows.
pub(super) struct FillColumns<'a, F, const N: usize> {
    pub(super) groups: &'a mut [Group<N>],
    pub(super) bytes: &'a [u8],
    pub(super) row_bytes: usize,
    /// Those of each row that are laid out.
    pub(super) blocks: Range<usize>,
    pub(super) format: PhantomData<F>,
}

impl<F: Format, const N: usize> Kernel for FillColumns<'_, F, N> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let parts = F::VALUES / PART;
        let mut codes = [L::bytes(&[0; PART]); LANES];
        for (at, block) in self.blocks.enumerate() {
            for part in 0..parts {
                let place = at * parts + part;
                let to = &mut self.groups[place / GROUP][place % GROUP];
                for (eight, rows) in self.bytes.chunks(LANES * self.row_bytes).enumerate().take(N / LANES) {
                    for (lane, row) in rows.chunks_exact(self.row_bytes).enumerate() {
                        let (block, column) = (&row[block * F::BYTES..][..F::BYTES], eight * LANES + lane);
                        codes[lane] = F::codes::<L>(block, part);
                        let scales = F::scales::<L>(block, part);
                        to.first[column] = scales.first;
                        if F::HAS_TWO_SCALES {
                            to.second[column] = scales.second;
                        }
                        if F::HAS_OFFSET {
                            to.offsets[column] = scales.offset;
                        }
                    }
                    for (to, fours) in to.fours.iter_mut().zip(L::fours(codes)) {
                        to[eight * LANES..][..LANES].copy_from_slice(&fours.map(|four| four ^ signs::<F>()));
                    }
                }
            }
        }
    }
}

/// What adds 128 to each of four bytes that have signs.
const fn signs<F: Format>() -> Four {
    if F::HAS_OFFSET { 0 } else { Four::from_le_bytes([0x80; 4]) }
}
