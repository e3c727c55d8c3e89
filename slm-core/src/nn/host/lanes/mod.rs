//! Loops over values, compiled for the widest registers that are common.
//!
//! The program is built for any processor of its kind; on x86-64 that means registers of four values. What runs through
//! [`run`] is compiled a second time for AVX2 and chosen when the program runs.

use half::f16;

/// A loop. Its `run` must be inlined (`#[inline(always)]`), with all that it calls.
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
    fn add_whole(sums: Self::Sums, a: &[i8; 32], b: &[i8; 32], scales: [f32; 2]) -> Self::Sums;

    /// The same where none of `a` is negative, and any of `b` may be.
    fn add_natural(sums: Self::Sums, a: &[i8; 32], b: &[i8; 32], scales: [f32; 2]) -> Self::Sums;

    /// Floats of 16 bits as such of 32.
    fn halves(values: &[f16; LANES]) -> [f32; LANES];

    /// The sum of all.
    fn total(sums: Self::Sums) -> f32;

    /// Tells that what lies `ahead` bytes behind the first of `from` will be read soon, where there is anything.
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
    fn add_whole(sums: Self::Sums, a: &[i8; 32], b: &[i8; 32], scales: [f32; 2]) -> Self::Sums {
        std::array::from_fn(|lane| {
            let four = 4 * lane..4 * lane + 4;
            let product: i32 = four.map(|i| i32::from(a[i]) * i32::from(b[i])).sum();
            sums[lane] + product as f32 * scales[lane / (LANES / 2)]
        })
    }

    #[inline(always)]
    fn add_natural(sums: Self::Sums, a: &[i8; 32], b: &[i8; 32], scales: [f32; 2]) -> Self::Sums {
        Self::add_whole(sums, a, b, scales)
    }

    #[inline(always)]
    fn halves(values: &[f16; LANES]) -> [f32; LANES] {
        values.map(f16::to_f32)
    }

    #[inline(always)]
    fn total(sums: Self::Sums) -> f32 {
        sums.iter().sum()
    }
}

/// Runs `kernel` with the widest registers that this processor has.
#[inline]
#[allow(unsafe_code, reason = "a function that needs AVX2 is called where the processor was asked for it")]
pub(in crate::nn) fn run<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
    {
        if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: this processor has all features that `with_vnni` is compiled for.
            return unsafe { avx2::with_vnni(kernel) };
        }
        // SAFETY: this processor has all features that `with_avx2` is compiled for.
        return unsafe { avx2::with_avx2(kernel) };
    }
    kernel.run::<Common>();
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
        }
    }

    #[inline(always)]
    fn check<L: Lanes>(a: &[i8; 32], b: &[i8; 32]) {
        let sum = |range: std::ops::Range<usize>| {
            range.map(|i| i32::from(a[i]) * i32::from(b[i])).sum::<i32>() as f32
        };
        let found = |scales| L::total(L::add_whole(L::none(), a, b, scales));
        assert!((found([1.0, 0.0]) - sum(0..16)).abs() < 0.5);
        assert!((found([0.0, 2.0]) - 2.0 * sum(16..32)).abs() < 0.5);
        // Those that are natural numbers: up to 31, which is what five bits hold.
        let natural = a.map(|a| a & 31);
        let sum: i32 = natural.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        let found = L::total(L::add_natural(L::none(), &natural, b, [1.0; 2]));
        assert!((found - sum as f32).abs() < 0.5);
        assert!(
            (L::total(L::add_whole(L::add(L::none(), &[1.0; 8], &[1.0; 8]), a, b, [0.0; 2])) - 8.0).abs()
                < 1e-6
        );
    }

    #[test]
    fn sums_are_those_of_whole_numbers() {
        run(Check);
        Check.run::<Common>();
    }
}
