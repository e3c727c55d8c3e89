//! Blocks as floats.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::format::{Format, PART};
use crate::nn::host::lanes::{Kernel, Lanes, run};

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
