//! The loops with registers of AVX2, whose instructions for products are named here, and the same with the product of four whole
//! numbers in one instruction (VNNI), where a processor has that.
//!
//! Each function has its naive twin in [`Common`](super::Common), and the tests compare both with whole numbers. Left to the
//! compiler, four rows at once were multiplied one value at a time: 6 GFLOP/s a core.

#![allow(unsafe_code, reason = "instructions of AVX2, within what is compiled for it")]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _MM_HINT_T0, _MM_HINT_T1, _mm_cvtph_ps, _mm_cvtsi32_si128, _mm_cvtss_f32,
    _mm_prefetch, _mm_set1_ps, _mm_srli_epi16, _mm256_abs_epi8, _mm256_add_ps, _mm256_and_si256,
    _mm256_cmpeq_epi8, _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_dpbusd_epi32, _mm256_fmadd_ps,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set_m128,
    _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sign_epi8, _mm256_sll_epi16,
    _mm256_srl_epi16, _mm256_sub_epi8, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};
use std::mem::transmute;

use half::f16;

use super::{Kernel, LANES, Lanes};

/// Named by nothing but a kernel that runs within [`with_avx2`].
struct Avx2;

/// Named by nothing but a kernel that runs within [`with_vnni`].
struct Vnni;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

#[target_feature(enable = "avx2,fma,f16c,avx512vnni,avx512vl")]
pub(super) fn with_vnni<K: Kernel>(kernel: K) {
    kernel.run::<Vnni>();
}

#[inline(always)]
pub(super) fn fetch<T>(from: &[T]) {
    // SAFETY: every processor of this kind has the instruction, and nothing is read.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(from.as_ptr().cast()) };
}

/// Sums of four products in a row, of natural numbers `a` and whole numbers `b`.
#[inline(always)]
unsafe fn fours(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: AVX2 is there. Twice 128 * 127 fits.
    unsafe { _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)) }
}

/// A scale for each half of eight sums.
#[inline(always)]
unsafe fn halved(scales: [f32; 2]) -> __m256 {
    // SAFETY: AVX2 is there.
    unsafe { _mm256_set_m128(_mm_set1_ps(scales[1]), _mm_set1_ps(scales[0])) }
}

/// Each of the sums and sums of four products, times their scales.
#[inline(always)]
unsafe fn scaled(sums: __m256, products: __m256i, scales: __m256) -> __m256 {
    // SAFETY: AVX2 and FMA are there.
    unsafe { _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scales, sums) }
}

/// Of each register the first 32 bits, then of each the second, and so on.
#[inline(always)]
unsafe fn turned([a, b, c, d, e, f, g, h]: [__m256i; LANES]) -> [__m256i; LANES] {
    // SAFETY: AVX2 is there.
    unsafe {
        let (first, second) = (fours_of([a, b, c, d]), fours_of([e, f, g, h]));
        let mut all = [a; LANES];
        for (place, (&first, &second)) in first.iter().zip(&second).enumerate() {
            all[place] = _mm256_permute2x128_si256::<0x20>(first, second);
            all[place + LANES / 2] = _mm256_permute2x128_si256::<0x31>(first, second);
        }
        all
    }
}

/// Of four registers the same place of each half, four times: pairs of registers, then fours of them.
#[inline(always)]
unsafe fn fours_of([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: AVX2 is there.
    unsafe {
        let (low, high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (next_low, next_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        [
            _mm256_unpacklo_epi64(low, next_low),
            _mm256_unpackhi_epi64(low, next_low),
            _mm256_unpacklo_epi64(high, next_high),
            _mm256_unpackhi_epi64(high, next_high),
        ]
    }
}

// SAFETY, of all functions: the types are private and named in the two functions above alone, whose callers know that what they
// are compiled for is there. Arrays and registers of the same size hold any bits.
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
    fn add_whole(sums: __m256, a: __m256i, b: &[i8; 32], scales: [f32; 2]) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let b = transmute::<[i8; 32], __m256i>(*b);
            // The instruction wants one side without signs, so that they go to the other.
            scaled(sums, fours(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a)), halved(scales))
        }
    }

    #[inline(always)]
    fn add_natural(sums: __m256, a: __m256i, b: &[i8; 32], scale: f32) -> __m256 {
        // SAFETY: as above.
        unsafe { scaled(sums, fours(a, transmute::<[i8; 32], __m256i>(*b)), _mm256_set1_ps(scale)) }
    }

    #[inline(always)]
    fn halves(values: &[f16; LANES]) -> [f32; LANES] {
        // SAFETY: as above.
        unsafe {
            let values = transmute::<[f16; LANES], __m128i>(*values);
            transmute::<__m256, [f32; LANES]>(_mm256_cvtph_ps(values))
        }
    }

    #[inline(always)]
    fn half(bits: u16) -> f32 {
        // SAFETY: as above.
        unsafe { _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits)))) }
    }

    type Bytes = __m256i;

    #[inline(always)]
    fn bytes(from: &[u8; 32]) -> __m256i {
        // SAFETY: as above.
        unsafe { transmute::<[u8; 32], __m256i>(*from) }
    }

    #[inline(always)]
    fn both_halves(from: &[u8; 16]) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let low = transmute::<[u8; 16], __m128i>(*from);
            let both = _mm256_set_m128i(_mm_srli_epi16::<4>(low), low);
            _mm256_and_si256(both, _mm256_set1_epi8(15))
        }
    }

    #[inline(always)]
    fn bits(bits: u32) -> __m256i {
        // Of each byte of the bits eight, and of each of these another bit.
        // SAFETY: as above.
        unsafe {
            let places = transmute::<[u8; 32], __m256i>(std::array::from_fn(|i| i as u8 / 8));
            let masks = transmute::<[u8; 32], __m256i>(std::array::from_fn(|i| 1 << (i % 8)));
            let spread = _mm256_shuffle_epi8(_mm256_set1_epi32(bits as i32), places);
            let is_set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, masks), masks);
            _mm256_and_si256(is_set, _mm256_set1_epi8(1))
        }
    }

    #[inline(always)]
    fn field(bytes: __m256i, shift: u32, mask: u8) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let moved = _mm256_srl_epi16(bytes, _mm_cvtsi32_si128(shift as i32));
            _mm256_and_si256(moved, _mm256_set1_epi8(mask as i8))
        }
    }

    #[inline(always)]
    fn joined(low: __m256i, high: __m256i, shift: u32) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_or_si256(low, _mm256_sll_epi16(high, _mm_cvtsi32_si128(shift as i32))) }
    }

    #[inline(always)]
    fn less(bytes: __m256i, by: i8) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_sub_epi8(bytes, _mm256_set1_epi8(by)) }
    }

    #[inline(always)]
    fn whole(bytes: __m256i) -> [i8; 32] {
        // SAFETY: as above.
        unsafe { transmute::<__m256i, [i8; 32]>(bytes) }
    }

    #[inline(always)]
    fn fours(registers: [__m256i; LANES]) -> [[i32; LANES]; LANES] {
        // SAFETY: as above.
        unsafe { transmute::<[__m256i; LANES], [[i32; LANES]; LANES]>(turned(registers)) }
    }

    #[inline(always)]
    fn turned(rows: [[f32; LANES]; LANES]) -> [[f32; LANES]; LANES] {
        // SAFETY: as above.
        unsafe {
            let rows = transmute::<[[f32; LANES]; LANES], [__m256i; LANES]>(rows);
            transmute::<[__m256i; LANES], [[f32; LANES]; LANES]>(turned(rows))
        }
    }

    #[inline(always)]
    fn sum(sums: __m256, others: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_add_ps(sums, others) }
    }

    #[inline(always)]
    fn values(sums: __m256) -> [f32; LANES] {
        // SAFETY: as above.
        unsafe { transmute::<__m256, [f32; LANES]>(sums) }
    }
}

impl Lanes for Vnni {
    type Sums = __m256;

    #[inline(always)]
    fn none() -> __m256 {
        Avx2::none()
    }

    #[inline(always)]
    fn add(sums: __m256, a: &[f32; LANES], b: &[f32; LANES]) -> __m256 {
        Avx2::add(sums, a, b)
    }

    #[inline(always)]
    fn add_whole(sums: __m256, a: __m256i, b: &[i8; 32], scales: [f32; 2]) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let b = transmute::<[i8; 32], __m256i>(*b);
            let (sizes, signed) = (_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
            scaled(sums, _mm256_dpbusd_epi32(_mm256_setzero_si256(), sizes, signed), halved(scales))
        }
    }

    #[inline(always)]
    fn add_natural(sums: __m256, a: __m256i, b: &[i8; 32], scale: f32) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let b = transmute::<[i8; 32], __m256i>(*b);
            scaled(sums, _mm256_dpbusd_epi32(_mm256_setzero_si256(), a, b), _mm256_set1_ps(scale))
        }
    }

    #[inline(always)]
    fn halves(values: &[f16; LANES]) -> [f32; LANES] {
        Avx2::halves(values)
    }

    #[inline(always)]
    fn half(bits: u16) -> f32 {
        Avx2::half(bits)
    }

    type Bytes = __m256i;

    #[inline(always)]
    fn bytes(from: &[u8; 32]) -> __m256i {
        Avx2::bytes(from)
    }

    #[inline(always)]
    fn both_halves(from: &[u8; 16]) -> __m256i {
        Avx2::both_halves(from)
    }

    #[inline(always)]
    fn bits(bits: u32) -> __m256i {
        Avx2::bits(bits)
    }

    #[inline(always)]
    fn field(bytes: __m256i, shift: u32, mask: u8) -> __m256i {
        Avx2::field(bytes, shift, mask)
    }

    #[inline(always)]
    fn joined(low: __m256i, high: __m256i, shift: u32) -> __m256i {
        Avx2::joined(low, high, shift)
    }

    #[inline(always)]
    fn less(bytes: __m256i, by: i8) -> __m256i {
        Avx2::less(bytes, by)
    }

    #[inline(always)]
    fn whole(bytes: __m256i) -> [i8; 32] {
        Avx2::whole(bytes)
    }

    #[inline(always)]
    fn fours(registers: [__m256i; LANES]) -> [[i32; LANES]; LANES] {
        Avx2::fours(registers)
    }

    #[inline(always)]
    fn turned(rows: [[f32; LANES]; LANES]) -> [[f32; LANES]; LANES] {
        Avx2::turned(rows)
    }

    #[inline(always)]
    fn sum(sums: __m256, others: __m256) -> __m256 {
        Avx2::sum(sums, others)
    }

    #[inline(always)]
    fn values(sums: __m256) -> [f32; LANES] {
        Avx2::values(sums)
    }

    #[inline(always)]
    fn fetch<T>(from: &[T], ahead: usize) {
        // SAFETY: nothing is read, wherever that is.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().cast::<i8>().wrapping_add(ahead)) };
    }
}
