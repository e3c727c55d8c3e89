//! The values of a block.
//!
//! Source: ggml, `ggml-common.h` for the layouts, and the Python package gguf 0.19.0, `quants.py`, for the order of the
//! operations. Each is rounded to f32, none is fused: the values are bit for bit those of the reference.

use half::{bf16, f16};

use super::BlockType;

/// Writes the values of `block`, which has the bytes of one block of `kind`, to `values`, which has room for as many.
pub(super) fn dequantize_block(kind: BlockType, block: &[u8], values: &mut [f32]) {
    match kind {
        BlockType::F32 => values[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]),
        BlockType::F16 => values[0] = half_at(block, 0),
        BlockType::Bf16 => values[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32(),
        BlockType::Q4_0 => {
            let d = half_at(block, 0);
            nibbles(&block[2..], values, |_, four| d * (four - 8.0));
        }
        BlockType::Q4_1 => {
            let (d, least) = (half_at(block, 0), half_at(block, 2));
            nibbles(&block[4..], values, |_, four| d * four + least);
        }
        BlockType::Q5_0 => {
            let (d, high) = (half_at(block, 0), bits_at(block, 2));
            nibbles(&block[6..], values, |i, four| d * (four + fifth(high, i) - 16.0));
        }
        BlockType::Q5_1 => {
            let (d, least, high) = (half_at(block, 0), half_at(block, 2), bits_at(block, 4));
            nibbles(&block[8..], values, |i, four| d * (four + fifth(high, i)) + least);
        }
        BlockType::Q8_0 => {
            let d = half_at(block, 0);
            for (place, &byte) in values.iter_mut().zip(&block[2..]) {
                *place = d * f32::from(byte as i8);
            }
        }
        BlockType::Q4K => scaled(&block[..16], values, |part, i| low_bits(&block[16..], part, i)),
        BlockType::Q5K => scaled(&block[..16], values, |part, i| {
            low_bits(&block[48..], part, i) + f32::from((block[16 + i] >> part & 1) << 4)
        }),
        BlockType::Q6K => six_bits(block, values),
    }
}

/// The 16-bit float at `place`.
fn half_at(block: &[u8], place: usize) -> f32 {
    f16::from_le_bytes([block[place], block[place + 1]]).to_f32()
}

/// The 32 bits at `place`.
fn bits_at(block: &[u8], place: usize) -> u32 {
    u32::from_le_bytes([block[place], block[place + 1], block[place + 2], block[place + 3]])
}

/// 32 values of four bits: the first 16 have the low halves of the bytes, the others the high ones.
fn nibbles(bytes: &[u8], values: &mut [f32], value: impl Fn(usize, f32) -> f32) {
    let (first, second) = values.split_at_mut(16);
    for (i, ((first, second), &byte)) in first.iter_mut().zip(second).zip(bytes).enumerate() {
        *first = value(i, f32::from(byte & 15));
        *second = value(i + 16, f32::from(byte >> 4));
    }
}

/// The fifth bit of value `i` of 32, at its place.
fn fifth(bits: u32, i: usize) -> f32 {
    f32::from(((bits >> i & 1) << 4) as u8)
}

/// Four bits of value `i` of the 32 of `part`; two parts share 32 bytes.
fn low_bits(bytes: &[u8], part: usize, i: usize) -> f32 {
    f32::from(bytes[32 * (part / 2) + i] >> (4 * (part % 2)) & 15)
}

/// Eight parts of 32 values, each with a scale and a minimum of 6 bits in `head`, as `value(part, index)` gives them.
fn scaled(head: &[u8], values: &mut [f32], value: impl Fn(usize, usize) -> f32) {
    let (d, least) = (half_at(head, 0), half_at(head, 2));
    let packed = &head[4..];
    for (part, values) in values.chunks_exact_mut(32).enumerate() {
        let (scale, minimum) = if part < 4 {
            (packed[part] & 63, packed[part + 4] & 63)
        } else {
            let (low, of_scale, of_minimum) = (packed[part + 4], packed[part - 4] >> 6, packed[part] >> 6);
            (low & 15 | of_scale << 4, low >> 4 | of_minimum << 4)
        };
        let (scale, minimum) = (d * f32::from(scale), least * f32::from(minimum));
        for (i, place) in values.iter_mut().enumerate() {
            *place = scale * value(part, i) - minimum;
        }
    }
}

/// `Q6_K`: two halves of 128 values, whose four quarters share the bytes of low and of high bits; a scale for each 16.
fn six_bits(block: &[u8], values: &mut [f32]) {
    let (low, high, scales, d) = (&block[..128], &block[128..192], &block[192..208], half_at(block, 208));
    for (i, place) in values.iter_mut().enumerate() {
        let (half, quarter, lane) = (i / 128, i % 128 / 32, i % 32);
        let four = low[64 * half + 32 * (quarter % 2) + lane] >> (4 * (quarter / 2)) & 15;
        let two = high[32 * half + lane] >> (2 * quarter) & 3;
        let scale = d * f32::from(scales[i / 16] as i8);
        *place = scale * (f32::from(four | two << 4) - 32.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a block whose first bytes are a scale of 2 and a minimum of -0.5.
    fn block(kind: BlockType, change: impl Fn(&mut [u8])) -> Vec<f32> {
        let mut bytes = vec![0; kind.bytes()];
        bytes[..2].copy_from_slice(&f16::from_f32(2.0).to_le_bytes());
        change(&mut bytes);
        let mut values = vec![0.0; kind.values()];
        dequantize_block(kind, &bytes, &mut values);
        values
    }

    fn with_minimum(bytes: &mut [u8]) {
        bytes[2..4].copy_from_slice(&f16::from_f32(-0.5).to_le_bytes());
    }

    #[test]
    fn blocks_of_thirty_two() {
        let values = block(BlockType::Q4_0, |bytes| bytes[2] = 0x9f);
        assert_eq!((values[0], values[16], values[1]), (14.0, 2.0, -16.0));
        let values = block(BlockType::Q4_1, |bytes| {
            with_minimum(bytes);
            bytes[4] = 0x9f;
        });
        assert_eq!((values[0], values[16], values[1]), (29.5, 17.5, -0.5));
        let values = block(BlockType::Q5_0, |bytes| (bytes[2], bytes[4], bytes[6]) = (1, 1, 0x9f));
        assert_eq!((values[0], values[16], values[1]), (30.0, 18.0, -32.0));
        let values = block(BlockType::Q5_1, |bytes| {
            with_minimum(bytes);
            (bytes[4], bytes[8]) = (1, 0x9f);
        });
        assert_eq!((values[0], values[16], values[1]), (61.5, 17.5, -0.5));
        let values = block(BlockType::Q8_0, |bytes| bytes[2] = 0x80);
        assert_eq!((values[0], values[31]), (-256.0, 0.0));
    }

    #[test]
    fn blocks_of_two_hundred_and_fifty_six() {
        // Scale 63 and minimum 1 in the first part, 63 and 32 in the last.
        let head = |bytes: &mut [u8]| {
            with_minimum(bytes);
            (bytes[4], bytes[8]) = (63, 1);
            (bytes[7], bytes[11], bytes[15]) = (0xc0, 0x80, 0x0f);
        };
        let values = block(BlockType::Q4K, |bytes| {
            head(bytes);
            (bytes[16], bytes[143]) = (0xf1, 0x2f);
        });
        assert_eq!((values[0], values[255], values[1]), (126.5, 268.0, 0.5));
        let values = block(BlockType::Q5K, |bytes| {
            head(bytes);
            (bytes[16], bytes[47], bytes[48], bytes[175]) = (1, 0x80, 0xf1, 0x2f);
        });
        assert_eq!((values[0], values[255]), (126.0 * 17.0 + 0.5, 126.0 * 18.0 + 16.0));
        let values = block(BlockType::Q6K, |bytes| {
            bytes.fill(0);
            bytes[208..].copy_from_slice(&f16::from_f32(2.0).to_le_bytes());
            (bytes[192], bytes[207]) = (1, 0xff);
            (bytes[0], bytes[127], bytes[128], bytes[191]) = (0x05, 0xa0, 0x02, 0xc0);
        });
        assert_eq!((values[0], values[255], values[16]), (2.0 * 5.0, -2.0 * 26.0, 0.0));
    }
}
