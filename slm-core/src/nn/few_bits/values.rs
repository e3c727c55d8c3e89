//! Blocks as floats.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::format::{Format, PART};
use crate::checkpoint::gguf::Quantized;
use crate::nn::host::laid_out::{self, Source};
use crate::nn::host::lanes::{Kernel, Lanes, are_wide, run};

/// Blocks that a thread takes at a time, in values.
const SHARE: usize = 1 << 14;

/// The values of whole blocks.
pub(super) fn values<F: Format>(bytes: &[u8]) -> Vec<f32> {
    let blocks = SHARE / F::VALUES;
    let mut values = vec![0.0; bytes.len() / F::BYTES * F::VALUES];
    let shares = values.par_chunks_mut(blocks * F::VALUES).zip(bytes.par_chunks(blocks * F::BYTES));
    shares.for_each(|(values, bytes)| run(Share::<F> { bytes, values, format: PhantomData }));
    values
}

/// `x` `[R, I]` times the transposed `matrix` `[O, I]`, `[R, O]`, whose values become floats a block of outputs at a time; `None` where the
/// processor has no wide registers.
pub(super) fn product<F: Format>(x: &[f32], matrix: &Quantized) -> Option<Vec<f32>> {
    let source = Blocks::<F> { matrix, format: PhantomData };
    are_wide().then(|| laid_out::multiply(x, &source, matrix.row_values(), matrix.rows()))
}

/// The blocks of a matrix.
struct Blocks<'a, F> {
    matrix: &'a Quantized,
    format: PhantomData<fn() -> F>,
}

impl<F: Format> Source for Blocks<'_, F> {
    fn floats<'a>(&'a self, output: usize, depth: Range<usize>, room: &'a mut [f32]) -> &'a [f32] {
        let start = output * self.matrix.row_bytes();
        let bytes = start + depth.start / F::VALUES * F::BYTES..start + depth.end / F::VALUES * F::BYTES;
        run(Share::<F> { bytes: &self.matrix.bytes()[bytes], values: room, format: PhantomData });
        room
    }
}

struct Share<'a, F> {
    bytes: &'a [u8],
    values: &'a mut [f32],
    format: PhantomData<F>,
}

impl<F: Format> Kernel for Share<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let blocks = self.bytes.chunks_exact(F::BYTES);
        for (block, values) in blocks.zip(self.values.chunks_exact_mut(F::VALUES)) {
            for (part, values) in values.chunks_exact_mut(PART).enumerate() {
                let (scales, codes) = (F::scales::<L>(block, part), L::whole(F::codes::<L>(block, part)));
                let (first, second) = values.split_at_mut(PART / 2);
                for (scale, values, codes) in
                    [(scales.first, first, &codes[..16]), (scales.second, second, &codes[16..])]
                {
                    for (value, &code) in values.iter_mut().zip(codes) {
                        *value = match F::CENTRE {
                            // So that nothing times a negative scale keeps the sign.
                            Some(centre) => scale * (f32::from(code) + centre),
                            None if F::HAS_OFFSET => scale * f32::from(code) + scales.offset,
                            None => scale * f32::from(code),
                        };
                    }
                }
            }
        }
    }
}
