//! The loops with registers of AVX2, whose instructions for products are named here.
//!
//! Each function has its naive twin in [`Common`](super::Common), and the tests compare both with whole numbers. Left to the
//! compiler, four rows at once were multiplied one value at a time: 6 GFLOP/s a core.

#![allow(unsafe_code, reason = "instructions of AVX2, within what is compiled for it")]

use std::arch::x86_64::{
    __m256, __m256i, _mm_set1_ps, _mm256_abs_epi8, _mm256_cvtepi32_ps, _mm256_fmadd_ps, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set_m128, _mm256_set1_epi16, _mm256_setzero_ps, _mm256_sign_epi8,
};
use std::mem::transmute;

use super::{Kernel, LANES, Lanes};

/// Named by nothing but a kernel that runs within [`with_avx2`].
struct Avx2;

#[target_feature(enable = "avx2,fma")]
pub(super) fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

// SAFETY, of all functions: the type is private and named in `with_avx2` alone, whose caller knows that AVX2 and FMA are
// there. Arrays and registers of the same size hold any bits.
impl Lanes for Avx2 {
    type Sums = __m256;

    #[inline(always)]
    fn none() -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    fn add(sums: __m256, a: &[f32; LANES], b: &[f32; LANES]) -> __m256 {
        // SAFETY: as above.
        unsafe {
            _mm256_fmadd_ps(
                transmute::<[f32; LANES], __m256>(*a),
                transmute::<[f32; LANES], __m256>(*b),
                sums,
            )
        }
    }

    #[inline(always)]
    fn add_whole(sums: __m256, a: &[i8; 32], b: &[i8; 32], scales: [f32; 2]) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let (a, b) = (transmute::<[i8; 32], __m256i>(*a), transmute::<[i8; 32], __m256i>(*b));
            // The instruction wants one side without signs, so that they go to the other: twice 128 * 127 fits.
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
            let products = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
            _mm256_fmadd_ps(products, _mm256_set_m128(_mm_set1_ps(scales[1]), _mm_set1_ps(scales[0])), sums)
        }
    }

    #[inline(always)]
    fn total(sums: __m256) -> f32 {
        // SAFETY: as above.
        let sums: [f32; LANES] = unsafe { transmute(sums) };
        sums.iter().sum()
    }
}
