//! A tile of a product in f32 with the registers of AVX-512, whose naive twin is in the tests of [`many_rows`](super::many_rows).

#![allow(unsafe_code, reason = "instructions of AVX-512, where the processor was asked for them")]

use std::arch::x86_64::{
    __m256, __m512, _mm_add_ps, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_hadd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_extractf64x4_pd,
    _mm512_fmadd_ps, _mm512_setzero_ps,
};
use std::mem::transmute;

use super::few_rows::chunks;
use super::tile::Tile;

/// Values of a register.
const LANES: usize = 16;
/// Outputs of a tile.
const OUTPUTS: usize = 4;

/// That this processor has the instructions, which [`WideTile::found`] alone tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct WideTile(());

impl WideTile {
    /// Rows of a tile.
    pub(super) const ROWS: usize = 6;

    /// Where this processor has them.
    pub(super) fn found() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("fma");
        has_all.then_some(Self(()))
    }
}

impl Tile<{ Self::ROWS }, OUTPUTS> for WideTile {
    fn products(&self, x: [&[f32]; Self::ROWS], weights: [&[f32]; OUTPUTS]) -> [[f32; OUTPUTS]; Self::ROWS] {
        // SAFETY: a value of this type is made where the processor has these instructions.
        unsafe { products(x, weights) }
    }
}

/// With fewer of these features compilers leave half of the registers alone.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn products<const R: usize>(x: [&[f32]; R], weights: [&[f32]; OUTPUTS]) -> [[f32; OUTPUTS]; R] {
    let mut sums = [[_mm512_setzero_ps(); OUTPUTS]; R];
    let (x, x_rest) = chunks(x);
    let (weights, weights_rest) = chunks(weights);
    for at in 0..weights[0].len() {
        let weights = weights.map(|row| register(&row[at]));
        for (sums, x) in sums.iter_mut().zip(&x) {
            let x = register(&x[at]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_fmadd_ps(x, weights, *sum);
            }
        }
    }
    if !weights_rest[0].is_empty() {
        let weights = weights_rest.map(filled);
        for (sums, x) in sums.iter_mut().zip(x_rest) {
            let x = filled(x);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_fmadd_ps(x, weights, *sum);
            }
        }
    }
    sums.map(|sums| totals(sums))
}

/// The sum of all values of each of four registers.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn totals(sums: [__m512; OUTPUTS]) -> [f32; OUTPUTS] {
    let [a, b, c, d] = sums.map(|sum| -> __m256 {
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(sum)));
        _mm256_add_ps(_mm512_castps512_ps256(sum), high)
    });
    let both = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let four = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps::<1>(both));
    // SAFETY: arrays and registers of the same size hold any bits.
    unsafe { transmute(four) }
}

/// What does not fill a register, filled up with zeros.
#[inline(always)]
fn filled(rest: &[f32]) -> __m512 {
    let mut values = [0.0; LANES];
    values[..rest.len()].copy_from_slice(rest);
    register(&values)
}

#[inline(always)]
fn register(values: &[f32; LANES]) -> __m512 {
    // SAFETY: as above.
    unsafe { transmute(*values) }
}
