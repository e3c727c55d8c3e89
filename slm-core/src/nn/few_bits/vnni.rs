//! Tiles with the registers and instructions of AVX-512 VNNI, whose naive twin is `Naive` of [`tile`](super::tile).

#![allow(unsafe_code, reason = "instructions of AVX-512, where the processor was asked for them")]

use std::arch::x86_64::{
    __m512, __m512i, _mm512_add_ps, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_mul_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
};
use std::mem::transmute;

use super::activations::RowGroup;
use super::format::{Format, GROUP};
use super::tile::{COLUMNS, FOURS, Four, Group, ROWS, Rows, SIDE, Tiles, four_of, less_of};

/// Values of a register.
const LANES: usize = 16;
/// Registers of a row of a tile.
const PARTS: usize = COLUMNS / LANES;

/// That this processor has the instructions, which [`Vnni::found`] alone tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vnni(());

impl Vnni {
    /// Where this processor has them.
    pub(super) fn found() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")).then_some(Self(()))
    }
}

impl Tiles for Vnni {
    fn add_product<F: Format>(
        self,
        x: &[Rows],
        matrix: &[Group<COLUMNS>],
        out: &mut [f32],
        stride: usize,
        columns: usize,
    ) {
        // SAFETY: a value of this type is made where the processor has these instructions.
        unsafe { add_product::<F>(x, matrix, out, stride, columns) }
    }

    fn add_few<F: Format, const R: usize>(
        self,
        x: [&RowGroup; R],
        matrix: &Group<SIDE>,
        parts: usize,
        sums: &mut [[f32; SIDE]; R],
    ) {
        // SAFETY: as above.
        unsafe { add_few::<F, R>(x, matrix, parts, sums) }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn add_product<F: Format>(
    x: &[Rows],
    matrix: &[Group<COLUMNS>],
    out: &mut [f32],
    stride: usize,
    columns: usize,
) {
    let mut sums = [[_mm512_setzero_ps(); PARTS]; ROWS];
    for (x, group) in x.iter().zip(matrix) {
        for (at, part) in group.iter().enumerate().take(GROUP) {
            // Either all of them, or each half with a scale of its own.
            let halves = if F::HAS_TWO_SCALES { 2 } else { 1 };
            for half in 0..halves {
                let mut whole = [[_mm512_set1_epi32(0); PARTS]; ROWS];
                for (whole, less) in whole.iter_mut().zip(&x.less) {
                    *whole = [_mm512_set1_epi32(less[at][half]); PARTS];
                }
                let fours = half * (FOURS / halves)..(half + 1) * (FOURS / halves);
                for (four, codes) in fours.clone().zip(&part.fours[fours]) {
                    let codes = whole_numbers(codes);
                    for (whole, x) in whole.iter_mut().zip(&x.fours) {
                        let x = _mm512_set1_epi32(x[at][four]);
                        for (whole, codes) in whole.iter_mut().zip(codes) {
                            *whole = _mm512_dpbusd_epi32(*whole, codes, x);
                        }
                    }
                }
                let scales = floats(if half == 0 { &part.first } else { &part.second });
                for ((sums, whole), x) in sums.iter_mut().zip(whole).zip(&x.scales) {
                    let x = _mm512_set1_ps(x[at]);
                    for ((sum, whole), scale) in sums.iter_mut().zip(whole).zip(scales) {
                        *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_mul_ps(scale, x), *sum);
                    }
                }
            }
            if F::HAS_OFFSET {
                let offsets = floats(&part.offsets);
                for (sums, x) in sums.iter_mut().zip(&x.sums) {
                    let x = _mm512_set1_ps(x[at]);
                    for (sum, offset) in sums.iter_mut().zip(offsets) {
                        *sum = _mm512_fmadd_ps(offset, x, *sum);
                    }
                }
            }
        }
    }
    for (row, sums) in out.chunks_mut(stride).zip(sums) {
        if let Some(row) = row.first_chunk_mut::<COLUMNS>().filter(|_| columns == COLUMNS) {
            let mut added = floats(row);
            for (value, sum) in added.iter_mut().zip(sums) {
                *value = _mm512_add_ps(*value, sum);
            }
            *row = values(added);
        } else {
            for (to, sum) in row.iter_mut().zip(values(sums)).take(columns) {
                *to += sum;
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn add_few<F: Format, const R: usize>(
    x: [&RowGroup; R],
    group: &Group<SIDE>,
    parts: usize,
    sums: &mut [[f32; SIDE]; R],
) {
    let mut added = sums.map(|sums| float(&sums));
    for (at, part) in group.iter().enumerate().take(parts) {
        // Either all of them, or each half with a scale of its own.
        let halves = if F::HAS_TWO_SCALES { 2 } else { 1 };
        for half in 0..halves {
            let mut whole = [_mm512_set1_epi32(0); R];
            for (whole, x) in whole.iter_mut().zip(x) {
                *whole = _mm512_set1_epi32(less_of::<F>(x.less[at])[half]);
            }
            let fours = half * (FOURS / halves)..(half + 1) * (FOURS / halves);
            for (four, codes) in fours.clone().zip(&part.fours[fours]) {
                let codes = whole_number(codes);
                for (whole, x) in whole.iter_mut().zip(x) {
                    *whole =
                        _mm512_dpbusd_epi32(*whole, codes, _mm512_set1_epi32(four_of(&x.codes[at], four)));
                }
            }
            let scales = float(if half == 0 { &part.first } else { &part.second });
            for ((sum, whole), x) in added.iter_mut().zip(whole).zip(x) {
                let scales = _mm512_mul_ps(scales, _mm512_set1_ps(x.scales[at]));
                *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), scales, *sum);
            }
        }
        if F::HAS_OFFSET {
            let offsets = float(&part.offsets);
            for (sum, x) in added.iter_mut().zip(x) {
                *sum = _mm512_fmadd_ps(offsets, _mm512_set1_ps(x.sums[at]), *sum);
            }
        }
    }
    for (sums, added) in sums.iter_mut().zip(added) {
        *sums = value(added);
    }
}

#[inline(always)]
fn float(values: &[f32; LANES]) -> __m512 {
    // SAFETY: arrays and registers of the same size hold any bits.
    unsafe { transmute(*values) }
}

#[inline(always)]
fn value(register: __m512) -> [f32; LANES] {
    // SAFETY: as above.
    unsafe { transmute(register) }
}

#[inline(always)]
fn whole_number(fours: &[Four; LANES]) -> __m512i {
    // SAFETY: as above.
    unsafe { transmute(*fours) }
}

#[inline(always)]
fn floats(values: &[f32; COLUMNS]) -> [__m512; PARTS] {
    // SAFETY: arrays and registers of the same size hold any bits.
    unsafe { transmute(*values) }
}

#[inline(always)]
fn values(registers: [__m512; PARTS]) -> [f32; COLUMNS] {
    // SAFETY: as above.
    unsafe { transmute(registers) }
}

#[inline(always)]
fn whole_numbers(fours: &[Four; COLUMNS]) -> [__m512i; PARTS] {
    // SAFETY: as above.
    unsafe { transmute(*fours) }
}
