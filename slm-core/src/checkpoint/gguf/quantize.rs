//! Floats as blocks of few bits.
//!
//! Source for `Q8_0` and `Q4_0`: ggml, `ggml-quants.c`, and the Python package gguf 0.19.0, `quants.py`, whose bytes these
//! are. `Q4_K` leaves the choice of scales and minima open; here both are fitted to the values that the whole numbers
//! stand for.

use half::f16;
use rayon::prelude::*;

use super::{BlockType, Quantized};
use crate::checkpoint::large_pages::room;

/// Values of a part of `Q4_K`, which has a scale and a minimum of its own.
const PART: usize = 32;

/// The matrix `shape`, rows first, with these values in blocks of `kind`; `None` where there is no way to that type, rows
/// are no whole blocks, or a value is too large for its scale.
pub fn quantize(kind: BlockType, shape: [usize; 2], values: &[f32]) -> Option<Quantized> {
    let block: fn(&[f32], &mut [u8]) = match kind {
        BlockType::Q8_0 => eight_bits,
        BlockType::Q4_0 => four_bits,
        BlockType::Q4K => four_bits_in_parts,
        _ => return None,
    };
    let (size, stored) = (kind.values(), kind.bytes());
    if !shape[1].is_multiple_of(size) || shape[0].checked_mul(shape[1])? != values.len() {
        return None;
    }
    let length = values.len() / size * stored;
    let mut bytes = room(length);
    bytes.resize(length, 0);
    bytes
        .par_chunks_mut(stored)
        .zip(values.par_chunks(size))
        .for_each(|(bytes, values)| block(values, bytes));
    let whole = Quantized::new(kind, shape.to_vec(), bytes)?;
    whole.first_without_scale().is_none().then_some(whole)
}

fn write_half(bytes: &mut [u8], value: f32) {
    bytes[..2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
}

/// One over `scale`; 0 for a block of zeros.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// `Q8_0`: the largest value is 127.
fn eight_bits(values: &[f32], bytes: &mut [u8]) {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = inverse(scale);
    write_half(bytes, scale);
    for (byte, value) in bytes[2..].iter_mut().zip(values) {
        *byte = (value * inverse).round() as i8 as u8;
    }
}

/// `Q4_0`: the value that is largest without its sign is -8.
fn four_bits(values: &[f32], bytes: &mut [u8]) {
    let mut largest = 0.0_f32;
    for &value in values {
        if value.abs() > largest.abs() {
            largest = value;
        }
    }
    let scale = largest / -8.0;
    let inverse = inverse(scale);
    write_half(bytes, scale);
    let code = |value: f32| (value * inverse + 8.5).clamp(0.0, 15.0) as u8;
    for (i, byte) in bytes[2..].iter_mut().enumerate() {
        *byte = code(values[i]) | code(values[i + 16]) << 4;
    }
}

/// A scale and what is taken away, so that `scale * code - minimum` is near to a value.
#[derive(Clone, Copy)]
struct Fit {
    scale: f32,
    minimum: f32,
}

/// `Q4_K`: eight parts, whose scales and minima have 6 bits.
fn four_bits_in_parts(values: &[f32], bytes: &mut [u8]) {
    let fits: Vec<Fit> = values.chunks_exact(PART).map(fitted).collect();
    let largest = |of: fn(&Fit) -> f32| fits.iter().map(of).fold(0.0, f32::max) / 63.0;
    let (scale, minimum) = (largest(|fit| fit.scale), largest(|fit| fit.minimum));
    write_half(&mut bytes[0..], scale);
    write_half(&mut bytes[2..], minimum);
    // What is read again is what counts.
    let read = |bytes: &[u8]| f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
    let (scale, minimum) = (read(&bytes[0..]), read(&bytes[2..]));
    let six = |value: f32, unit: f32| (value * inverse(unit)).round().clamp(0.0, 63.0) as u8;
    for (part, (fit, values)) in fits.iter().zip(values.chunks_exact(PART)).enumerate() {
        let (of_scale, of_minimum) = (six(fit.scale, scale), six(fit.minimum, minimum));
        if part < 4 {
            bytes[4 + part] |= of_scale;
            bytes[8 + part] |= of_minimum;
        } else {
            bytes[8 + part] = of_scale & 15 | of_minimum << 4;
            bytes[part] |= of_scale >> 4 << 6;
            bytes[4 + part] |= of_minimum >> 4 << 6;
        }
        let fit = Fit { scale: scale * f32::from(of_scale), minimum: minimum * f32::from(of_minimum) };
        let place = 16 + PART * (part / 2);
        for (byte, &value) in bytes[place..place + PART].iter_mut().zip(values) {
            *byte |= fit.code(value) << (4 * (part % 2));
        }
    }
}

impl Fit {
    /// The whole number nearest to `value`.
    fn code(self, value: f32) -> u8 {
        ((value + self.minimum) * inverse(self.scale)).round().clamp(0.0, 15.0) as u8
    }

    /// The sum of the squared errors.
    fn error(self, values: &[f32]) -> f32 {
        let error = |&value: &f32| self.scale * f32::from(self.code(value)) - self.minimum - value;
        values.iter().map(|value| error(value).powi(2)).sum()
    }
}

/// Scale and minimum of a part: from its least and largest value on, whole numbers and the least squares that fit them take
/// turns.
fn fitted(values: &[f32]) -> Fit {
    /// Turns of the two; few parts change after them.
    const TURNS: usize = 6;
    let least = values.iter().fold(0.0_f32, |least, &value| least.min(value));
    let largest = values.iter().fold(0.0_f32, |largest, &value| largest.max(value));
    let mut fit = Fit { scale: (largest - least) / 15.0, minimum: -least };
    let mut best = (fit.error(values), fit);
    for _ in 0..TURNS {
        let Some(next) = least_squares(values, fit) else { break };
        fit = next;
        let error = fit.error(values);
        if error < best.0 {
            best = (error, fit);
        }
    }
    best.1
}

/// The scale and the minimum that fit the whole numbers of `fit` best; a minimum is not below 0, as it has no sign.
fn least_squares(values: &[f32], fit: Fit) -> Option<Fit> {
    let (mut codes, mut squares, mut sum, mut products) = (0.0, 0.0, 0.0, 0.0);
    for &value in values {
        let code = f32::from(fit.code(value));
        codes += code;
        squares += code * code;
        sum += value;
        products += code * value;
    }
    let count = values.len() as f32;
    let spread = count * squares - codes * codes;
    let scale = (count * products - codes * sum) / spread;
    let minimum = (scale * codes - sum) / count;
    let free = Fit { scale, minimum };
    let through_zero = Fit { scale: products / squares, minimum: 0.0 };
    let found = if minimum < 0.0 { through_zero } else { free };
    (found.scale.is_finite() && found.scale > 0.0).then_some(found)
}
