//! Values of a matrix of floats, of 32 bits or 16.

use burn::tensor::Element;
use half::{bf16, f16};

use super::lanes::{Kernel, LANES, Lanes};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::lanes::run;

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
}
