//! A tile of a product in f32 with the registers of AVX-512, whose naive twin is in the tests of [`many_rows`](super::many_rows).

#![allow(unsafe_code, reason = "instructions of AVX-512, where the processor was asked for them")]

use std::arch::x86_64::{
    __m256, __m512, _mm_add_ps, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_hadd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_extractf64x4_pd,
    _mm512_fmadd_ps, _mm512_setzero_ps,
};
use std::mem::transmute;

use super::dots::chunks;
use super::lanes::fetch;
use super::tile::Tile;

/// Values of a register.
const LANES: usize = 16;
/// Sums that are totalled at once.
const TOTALS: usize = 4;

/// Of each row those of each output.
type Sums = [[__m512; WideTile::OUTPUTS]; WideTile::ROWS];

/// That this processor has the instructions, which [`WideTile::found`] alone tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct WideTile(());

impl WideTile {
    /// Rows of a tile.
    pub(super) const ROWS: usize = 8;
    /// Its outputs.
    const OUTPUTS: usize = 3;
    /// All its sums.
    const SUMS: usize = Self::ROWS * Self::OUTPUTS;

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

impl Tile<{ Self::ROWS }, { Self::OUTPUTS }> for WideTile {
    fn products<W>(
        &self,
        x: [&[f32]; Self::ROWS],
        weights: [&[f32]; Self::OUTPUTS],
        next: [&[W]; Self::OUTPUTS],
    ) -> [[f32; Self::OUTPUTS]; Self::ROWS] {
        // SAFETY: a value of this type is made where the processor has these instructions.
        unsafe { products(x, weights, next) }
    }
}

/// With fewer of these features compilers leave half of the registers alone.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn products<W>(
    x: [&[f32]; WideTile::ROWS],
    weights: [&[f32]; WideTile::OUTPUTS],
    next: [&[W]; WideTile::OUTPUTS],
) -> [[f32; WideTile::OUTPUTS]; WideTile::ROWS] {
    let mut sums = [[_mm512_setzero_ps(); WideTile::OUTPUTS]; WideTile::ROWS];
    let (x, x_rest) = chunks(x);
    let (weights, weights_rest) = chunks(weights);
    for at in 0..weights[0].len() {
        for next in next {
            if let Some(next) = next.get(at * LANES..) {
                fetch(next);
            }
        }
        add(&mut sums, x.map(|row| &row[at]), weights.map(|row| &row[at]));
    }
    if !weights_rest[0].is_empty() {
        add(&mut sums, x_rest.map(filled).each_ref(), weights_rest.map(filled).each_ref());
    }
    // SAFETY: arrays of arrays lie in memory as the arrays of all their values do.
    unsafe {
        let sums = transmute::<Sums, [[__m512; TOTALS]; WideTile::SUMS / TOTALS]>(sums);
        let mut found = [[0.0; TOTALS]; WideTile::SUMS / TOTALS];
        for (found, sums) in found.iter_mut().zip(sums) {
            *found = totals(sums);
        }
        transmute::<[[f32; TOTALS]; WideTile::SUMS / TOTALS], _>(found)
    }
}

/// Adds the products of each row with each output.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn add(sums: &mut Sums, x: [&[f32; LANES]; WideTile::ROWS], weights: [&[f32; LANES]; WideTile::OUTPUTS]) {
    let weights = weights.map(register);
    for (sums, x) in sums.iter_mut().zip(x) {
        let x = register(x);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = _mm512_fmadd_ps(x, weights, *sum);
        }
    }
}

/// The sum of all values of each of four registers.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn totals([a, b, c, d]: [__m512; TOTALS]) -> [f32; TOTALS] {
    // In closures these would be calls, as functions of the library that call closures are not compiled for these registers.
    let both = _mm256_hadd_ps(
        _mm256_hadd_ps(half_as_many(a), half_as_many(b)),
        _mm256_hadd_ps(half_as_many(c), half_as_many(d)),
    );
    let four = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps::<1>(both));
    // SAFETY: arrays and registers of the same size hold any bits.
    unsafe { transmute(four) }
}

/// Each value and the one that lies half a register behind it.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
fn half_as_many(sum: __m512) -> __m256 {
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(sum)));
    _mm256_add_ps(_mm512_castps512_ps256(sum), high)
}

/// What does not fill a register, filled up with zeros.
#[inline(always)]
fn filled(rest: &[f32]) -> [f32; LANES] {
    let mut values = [0.0; LANES];
    values[..rest.len()].copy_from_slice(rest);
    values
}

#[inline(always)]
fn register(values: &[f32; LANES]) -> __m512 {
    // SAFETY: as above.
    unsafe { transmute(*values) }
}
