//! Blocks of a matrix as whole numbers of eight bits and their scales, 32 values at a time.
//!
//! Source: ggml, `ggml-common.h`. The values that follow from them are bit for bit those of
//! [`dequantize`](crate::checkpoint::gguf::Quantized::dequantize).

/// Values that are unpacked at once.
pub(super) const PART: usize = 32;
/// Parts that are multiplied one after the other: those of the largest blocks.
pub(super) const GROUP: usize = 8;

/// What makes values of the whole numbers of a part: `scale * code + offset`.
pub(super) struct Scales {
    /// Of the first 16.
    pub(super) first: f32,
    /// Of the others.
    pub(super) second: f32,
    /// What is added to each.
    pub(super) offset: f32,
}

impl Scales {
    #[inline(always)]
    fn new(scale: f32, offset: f32) -> Self {
        Self { first: scale, second: scale, offset }
    }
}

/// A type of blocks.
pub(super) trait Format {
    /// Values of a block, a multiple of [`PART`].
    const VALUES: usize;
    /// Bytes of a block.
    const BYTES: usize;
    /// Whether there is an offset. Where there is one, no whole number is negative.
    const HAS_OFFSET: bool;
    /// Whether the halves of a part have scales of their own.
    const HAS_TWO_SCALES: bool = false;

    /// The whole numbers of part `part` of `block`.
    fn unpack(block: &[u8], part: usize, codes: &mut [i8; PART]) -> Scales;
}

pub(super) struct Q8Zero;
pub(super) struct Q4Zero;
pub(super) struct Q4One;
pub(super) struct Q5Zero;
pub(super) struct Q5One;
pub(super) struct Q4K;
pub(super) struct Q5K;
pub(super) struct Q6K;

impl Format for Q8Zero {
    const VALUES: usize = 32;
    const BYTES: usize = 34;
    const HAS_OFFSET: bool = false;

    #[inline(always)]
    fn unpack(block: &[u8], _: usize, codes: &mut [i8; PART]) -> Scales {
        for (code, &byte) in codes.iter_mut().zip(&block[2..34]) {
            *code = byte as i8;
        }
        Scales::new(half_at(block, 0), 0.0)
    }
}

impl Format for Q4Zero {
    const VALUES: usize = 32;
    const BYTES: usize = 18;
    const HAS_OFFSET: bool = false;

    #[inline(always)]
    fn unpack(block: &[u8], _: usize, codes: &mut [i8; PART]) -> Scales {
        halves(&block[2..18], codes, -8);
        Scales::new(half_at(block, 0), 0.0)
    }
}

impl Format for Q4One {
    const VALUES: usize = 32;
    const BYTES: usize = 20;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn unpack(block: &[u8], _: usize, codes: &mut [i8; PART]) -> Scales {
        halves(&block[4..20], codes, 0);
        Scales::new(half_at(block, 0), half_at(block, 2))
    }
}

impl Format for Q5Zero {
    const VALUES: usize = 32;
    const BYTES: usize = 22;
    const HAS_OFFSET: bool = false;

    #[inline(always)]
    fn unpack(block: &[u8], _: usize, codes: &mut [i8; PART]) -> Scales {
        halves(&block[6..22], codes, -16);
        fifths(&block[2..6], codes);
        Scales::new(half_at(block, 0), 0.0)
    }
}

impl Format for Q5One {
    const VALUES: usize = 32;
    const BYTES: usize = 24;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn unpack(block: &[u8], _: usize, codes: &mut [i8; PART]) -> Scales {
        halves(&block[8..24], codes, 0);
        fifths(&block[4..8], codes);
        Scales::new(half_at(block, 0), half_at(block, 2))
    }
}

impl Format for Q4K {
    const VALUES: usize = 256;
    const BYTES: usize = 144;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn unpack(block: &[u8], part: usize, codes: &mut [i8; PART]) -> Scales {
        quarter_bytes(&block[16..144], part, codes);
        six_bit_scales(block, part)
    }
}

impl Format for Q5K {
    const VALUES: usize = 256;
    const BYTES: usize = 176;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn unpack(block: &[u8], part: usize, codes: &mut [i8; PART]) -> Scales {
        quarter_bytes(&block[48..176], part, codes);
        for (code, &byte) in codes.iter_mut().zip(&block[16..48]) {
            *code |= ((byte >> part & 1) << 4) as i8;
        }
        six_bit_scales(block, part)
    }
}

impl Format for Q6K {
    const VALUES: usize = 256;
    const BYTES: usize = 210;
    const HAS_OFFSET: bool = false;
    const HAS_TWO_SCALES: bool = true;

    #[inline(always)]
    fn unpack(block: &[u8], part: usize, codes: &mut [i8; PART]) -> Scales {
        let (half, quarter) = (part / 4, part % 4);
        let low = &block[64 * half + 32 * (quarter % 2)..][..32];
        let high = &block[128 + 32 * half..][..32];
        let (low_shift, high_shift) = (4 * (quarter / 2), 2 * quarter);
        for ((code, &low), &high) in codes.iter_mut().zip(low).zip(high) {
            *code = (low >> low_shift & 15 | (high >> high_shift & 3) << 4) as i8 - 32;
        }
        let (scale, of) = (half_at(block, 208), &block[192 + 2 * part..][..2]);
        Scales { first: scale * f32::from(of[0] as i8), second: scale * f32::from(of[1] as i8), offset: 0.0 }
    }
}

/// The 16-bit float at `place`, which is finite.
#[inline(always)]
pub(super) fn half_at(block: &[u8], place: usize) -> f32 {
    /// The difference of the exponents' zeros, in the place of the exponent.
    const REBASE: u32 = 112 << 23;
    /// The smallest number whose exponent is not zero.
    const LEAST: u32 = 113 << 23;
    let bits = u32::from(u16::from_le_bytes([block[place], block[place + 1]]));
    let size = (bits & 0x7fff) << 13;
    // Processors take a hundred times as long for a float of 32 bits whose exponent is zero, so that none comes up.
    let size = if bits & 0x7c00 == 0 {
        f32::from_bits(size + LEAST) - f32::from_bits(LEAST)
    } else {
        f32::from_bits(size + REBASE)
    };
    f32::from_bits(size.to_bits() | (bits & 0x8000) << 16)
}

/// 32 values of four bits, the first 16 in the low halves of the bytes, and `less` added to each.
#[inline(always)]
fn halves(bytes: &[u8], codes: &mut [i8; PART], less: i8) {
    let (first, second) = codes.split_at_mut(16);
    for (code, &byte) in first.iter_mut().zip(&bytes[..16]) {
        *code = (byte & 15) as i8 + less;
    }
    for (code, &byte) in second.iter_mut().zip(&bytes[..16]) {
        *code = (byte >> 4) as i8 + less;
    }
}

/// The fifth bits of 32 values.
#[inline(always)]
fn fifths(bytes: &[u8], codes: &mut [i8; PART]) {
    let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    for (i, code) in codes.iter_mut().enumerate() {
        *code += ((bits >> i & 1) << 4) as i8;
    }
}

/// Four bits of each of the 32 values of `part`; two parts share 32 bytes.
#[inline(always)]
fn quarter_bytes(bytes: &[u8], part: usize, codes: &mut [i8; PART]) {
    let shift = 4 * (part % 2);
    for (code, &byte) in codes.iter_mut().zip(&bytes[32 * (part / 2)..][..32]) {
        *code = (byte >> shift & 15) as i8;
    }
}

/// Scale and minimum of 6 bits of `part`, in the head of a block.
#[inline(always)]
fn six_bit_scales(block: &[u8], part: usize) -> Scales {
    let packed = &block[4..16];
    let (scale, minimum) = if part < 4 {
        (packed[part] & 63, packed[part + 4] & 63)
    } else {
        let low = packed[part + 4];
        (low & 15 | packed[part - 4] >> 6 << 4, low >> 4 | packed[part] >> 6 << 4)
    };
    Scales::new(half_at(block, 0) * f32::from(scale), -(half_at(block, 2) * f32::from(minimum)))
}
