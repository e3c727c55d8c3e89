//! Loops over values, compiled for the widest registers that are common.
//!
//! The program is built for any processor of its kind; on x86-64 that means registers of four values. What runs through
//! [`run`] is compiled a second time for AVX2 and chosen when the program runs.

use half::f16;

/// A loop. Its `run` must be inlined (`#[inline(always)]`), with all that it calls. What it does with [`Lanes`] stands in loops and in
/// functions that are inlined too, not in closures: a function of the library that calls a closure is not compiled for wide
/// registers, and each instruction may become a call there.
pub(in crate::nn) trait Kernel {
    /// Does the work.
    fn run<L: Lanes>(self);
}

/// Values of a register.
pub(in crate::nn) const LANES: usize = 8;

/// Sums of products, for which compilers do not find the processor's instructions by themselves.
pub(in crate::nn) trait Lanes {
    /// Eight sums.
    type Sums: Copy;

    /// Eight times nothing.
    fn none() -> Self::Sums;

    /// Each of the sums and a product.
    fn add(sums: Self::Sums, a: &[f32; LANES], b: &[f32; LANES]) -> Self::Sums;

    /// Each of the sums and the products of four pairs in a row, times `scales[0]` for the first half of the pairs and
    /// `scales[1]` for the second. What is second in a pair is not -128.
    fn add_whole(sums: Self::Sums, a: Self::Bytes, b: &[i8; 32], scales: [f32; 2]) -> Self::Sums;

    /// The same where none of `a` is negative, and any of `b` may be.
    fn add_natural(sums: Self::Sums, a: Self::Bytes, b: &[i8; 32], scale: f32) -> Self::Sums;

    /// Floats of 16 bits as such of 32.
    fn halves(values: &[f16; LANES]) -> [f32; LANES];

    /// The float of these 16 bits, which is finite.
    fn half(bits: u16) -> f32;

    /// Bytes of a register, whose bits are taken apart. Compilers take them one by one, or not, as other code changes.
    type Bytes: Copy;

    /// These bytes.
    fn bytes(from: &[u8; 32]) -> Self::Bytes;

    /// The low four bits of 16 bytes, then the high ones.
    fn both_halves(from: &[u8; 16]) -> Self::Bytes;

    /// 1 for each bit that is set, the lowest first.
    fn bits(bits: u32) -> Self::Bytes;

    /// The bits of each byte from `shift` on, as far as they are in `mask`, which has no more than the byte has left.
    fn field(bytes: Self::Bytes, shift: u32, mask: u8) -> Self::Bytes;

    /// The low bits, and the high ones `shift` places above them, where there is room.
    fn joined(low: Self::Bytes, high: Self::Bytes, shift: u32) -> Self::Bytes;

    /// Each byte less `by`.
    fn less(bytes: Self::Bytes, by: i8) -> Self::Bytes;

    /// Each byte as a whole number.
    fn whole(bytes: Self::Bytes) -> [i8; 32];

    /// Each four bytes as one number, the first the lowest: of each register the first, then of each the second, and so on.
    fn fours(registers: [Self::Bytes; LANES]) -> [[i32; LANES]; LANES];

    /// Columns of values as rows: of each row the first, then of each the second, and so on.
    fn turned(rows: [[f32; LANES]; LANES]) -> [[f32; LANES]; LANES];

    /// Each of the sums and one of the others.
    fn sum(sums: Self::Sums, others: Self::Sums) -> Self::Sums;

    /// Each of the sums.
    fn values(sums: Self::Sums) -> [f32; LANES];

    /// The sum of all.
    #[inline(always)]
    fn total(sums: Self::Sums) -> f32 {
        let [a, b, c, d, e, f, g, h] = Self::values(sums);
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    /// Tells that what lies `ahead` bytes behind the first of `from` will be read soon, where there is anything. Older processors, which have no
    /// VNNI, are not told: two Zen 3 cores read a matrix in order at 19 GB/s where they are left alone, and at 16.7 where they are told.
    fn fetch<T>(_from: &[T], _ahead: usize) {}
}

/// What every processor has.
struct Common;

impl Lanes for Common {
    type Sums = [f32; LANES];

    #[inline(always)]
    fn none() -> Self::Sums {
        [0.0; LANES]
    }

    #[inline(always)]
    fn add(sums: Self::Sums, a: &[f32; LANES], b: &[f32; LANES]) -> Self::Sums {
        std::array::from_fn(|lane| sums[lane] + a[lane] * b[lane])
    }

    #[inline(always)]
    fn add_whole(sums: Self::Sums, a: [u8; 32], b: &[i8; 32], scales: [f32; 2]) -> Self::Sums {
        std::array::from_fn(|lane| {
            let four = 4 * lane..4 * lane + 4;
            let product: i32 = four.map(|i| i32::from(a[i] as i8) * i32::from(b[i])).sum();
            sums[lane] + product as f32 * scales[lane / (LANES / 2)]
        })
    }

    #[inline(always)]
    fn add_natural(sums: Self::Sums, a: [u8; 32], b: &[i8; 32], scale: f32) -> Self::Sums {
        Self::add_whole(sums, a, b, [scale; 2])
    }

    #[inline(always)]
    fn halves(values: &[f16; LANES]) -> [f32; LANES] {
        values.map(f16::to_f32)
    }

    #[inline(always)]
    fn half(bits: u16) -> f32 {
        /// The difference of the exponents' zeros, in the place of the exponent.
        const REBASE: u32 = 112 << 23;
        /// The smallest number whose exponent is not zero.
        const LEAST: u32 = 113 << 23;
        let bits = u32::from(bits);
        let size = (bits & 0x7fff) << 13;
        // Processors take a hundred times as long for a float of 32 bits whose exponent is zero, so that none comes up.
        let size = if bits & 0x7c00 == 0 {
            f32::from_bits(size + LEAST) - f32::from_bits(LEAST)
        } else {
            f32::from_bits(size + REBASE)
        };
        f32::from_bits(size.to_bits() | (bits & 0x8000) << 16)
    }

    type Bytes = [u8; 32];

    #[inline(always)]
    fn bytes(from: &[u8; 32]) -> [u8; 32] {
        *from
    }

    #[inline(always)]
    fn both_halves(from: &[u8; 16]) -> [u8; 32] {
        std::array::from_fn(|i| if i < 16 { from[i] & 15 } else { from[i - 16] >> 4 })
    }

    #[inline(always)]
    fn bits(bits: u32) -> [u8; 32] {
        std::array::from_fn(|i| (bits >> i & 1) as u8)
    }

    #[inline(always)]
    fn field(bytes: [u8; 32], shift: u32, mask: u8) -> [u8; 32] {
        bytes.map(|byte| byte >> shift & mask)
    }

    #[inline(always)]
    fn joined(low: [u8; 32], high: [u8; 32], shift: u32) -> [u8; 32] {
        std::array::from_fn(|i| low[i] | high[i] << shift)
    }

    #[inline(always)]
    fn less(bytes: [u8; 32], by: i8) -> [u8; 32] {
        bytes.map(|byte| byte.wrapping_sub(by as u8))
    }

    #[inline(always)]
    fn whole(bytes: [u8; 32]) -> [i8; 32] {
        bytes.map(|byte| byte as i8)
    }

    #[inline(always)]
    fn fours(registers: [[u8; 32]; LANES]) -> [[i32; LANES]; LANES] {
        std::array::from_fn(|four| registers.map(|bytes| i32::from_le_bytes(bytes.as_chunks().0[four])))
    }

    #[inline(always)]
    fn turned(rows: [[f32; LANES]; LANES]) -> [[f32; LANES]; LANES] {
        std::array::from_fn(|column| rows.map(|row| row[column]))
    }

    #[inline(always)]
    fn sum(sums: Self::Sums, others: Self::Sums) -> Self::Sums {
        std::array::from_fn(|lane| sums[lane] + others[lane])
    }

    #[inline(always)]
    fn values(sums: Self::Sums) -> [f32; LANES] {
        sums
    }
}

/// Runs `kernel` with the widest registers that this processor has.
#[inline]
#[allow(unsafe_code, reason = "a function that needs AVX2 is called where the processor was asked for it")]
pub(in crate::nn) fn run<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if are_wide() {
        if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: this processor has all features that `with_vnni` is compiled for.
            return unsafe { avx2::with_vnni(kernel) };
        }
        // SAFETY: this processor has all features that `with_avx2` is compiled for.
        return unsafe { avx2::with_avx2(kernel) };
    }
    kernel.run::<Common>();
}

/// Whether this processor has registers of [`LANES`] values.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(in crate::nn) fn are_wide() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// Other processors are not asked yet.
#[cfg(not(target_arch = "x86_64"))]
pub(in crate::nn) fn are_wide() -> bool {
    false
}

/// Tells that the first of `from` will be read, though not at once.
#[inline(always)]
pub(in crate::nn) fn fetch<T>(from: &[T]) {
    #[cfg(target_arch = "x86_64")]
    avx2::fetch(from);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
mod tests {
    use super::*;

    struct Check;

    impl Kernel for Check {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            for start in 0..256_usize {
                let a: [i8; 32] = std::array::from_fn(|i| (start + i * 77) as u8 as i8);
                let b: [i8; 32] = std::array::from_fn(|i| ((start * 31 + i * 101) as u8 as i8).max(-127));
                check::<L>(&a, &b);
            }
            // The largest sums.
            for (a, b) in [(-128, -127), (-128, 127), (127, 127), (127, -127)] {
                check::<L>(&[a; 32], &[b; 32]);
            }
            let a: [f32; LANES] = std::array::from_fn(|i| i as f32 - 3.0);
            let sums = L::add(L::add(L::none(), &a, &a), &[0.5; LANES], &a);
            assert!((L::total(sums) - 46.0).abs() < f32::EPSILON);
            for bits in (0..=u16::MAX).filter(|bits| f16::from_bits(*bits).is_finite()) {
                assert_eq!(L::half(bits).to_bits(), f16::from_bits(bits).to_f32().to_bits(), "{bits:#06x}");
            }
            take_apart::<L>();
        }
    }

    #[inline(always)]
    fn check<L: Lanes>(a: &[i8; 32], b: &[i8; 32]) {
        let sum = |range: std::ops::Range<usize>| {
            range.map(|i| i32::from(a[i]) * i32::from(b[i])).sum::<i32>() as f32
        };
        let bytes = |of: &[i8; 32]| L::bytes(&of.map(|byte| byte as u8));
        let found = |scales| L::total(L::add_whole(L::none(), bytes(a), b, scales));
        assert!((found([1.0, 0.0]) - sum(0..16)).abs() < 0.5);
        assert!((found([0.0, 2.0]) - 2.0 * sum(16..32)).abs() < 0.5);
        // Those that are natural numbers: up to 31, which is what five bits hold.
        let natural = a.map(|a| a & 31);
        let sum: i32 = natural.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        let found = L::total(L::add_natural(L::none(), bytes(&natural), b, 1.0));
        assert!((found - sum as f32).abs() < 0.5);
        assert!(
            (L::total(L::add_whole(L::add(L::none(), &[1.0; 8], &[1.0; 8]), bytes(a), b, [0.0; 2])) - 8.0)
                .abs()
                < 1e-6
        );
    }

    #[inline(always)]
    fn take_apart<L: Lanes>() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 89 + 37) as u8);
        let plain = |bytes| L::whole(bytes).map(|byte| byte as u8);
        for (shift, mask) in [(0, 15), (4, 15), (3, 1), (7, 1), (6, 3), (0, 255)] {
            let found = plain(L::field(L::bytes(&bytes), shift, mask));
            assert_eq!(found, bytes.map(|byte| byte >> shift & mask), "{shift} {mask}");
        }
        let halves = plain(L::both_halves(bytes.first_chunk().unwrap()));
        for (i, byte) in bytes[..16].iter().enumerate() {
            assert_eq!((halves[i], halves[i + 16]), (byte & 15, byte >> 4));
        }
        for bits in [0x8765_4321, 1, 1 << 31, u32::MAX] {
            let ones = L::bits(bits);
            assert_eq!(plain(ones), std::array::from_fn(|i| (bits >> i & 1) as u8));
            let joined = L::whole(L::less(L::joined(L::field(L::bytes(&bytes), 0, 15), ones, 4), 16));
            let expected: [i8; 32] =
                std::array::from_fn(|i| (bytes[i] & 15) as i8 + ((bits >> i & 1) << 4) as i8 - 16);
            assert_eq!(joined, expected);
        }
        let registers: [[u8; 32]; LANES] =
            std::array::from_fn(|row| std::array::from_fn(|i| (row * 57 + i * 89) as u8));
        let floats: [[f32; LANES]; LANES] =
            std::array::from_fn(|row| std::array::from_fn(|column| (row * LANES + column) as f32));
        assert_eq!(L::turned(floats), std::array::from_fn(|column| floats.map(|row| row[column])));
        let fours = L::fours(registers.map(|bytes| L::bytes(&bytes)));
        for (row, bytes) in registers.iter().enumerate() {
            for (four, bytes) in bytes.as_chunks().0.iter().enumerate() {
                assert_eq!(fours[four][row], i32::from_le_bytes(*bytes), "{row} {four}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_whole_numbers() {
        run(Check);
        Check.run::<Common>();
    }
}
