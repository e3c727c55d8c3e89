//! Blocks of a matrix as whole numbers of eight bits and their scales, 32 values at a time.
//!
//! Source: ggml, `ggml-common.h`. The values that follow from them are bit for bit those of
//! [`dequantize`](crate::checkpoint::gguf::Quantized::dequantize).

use crate::nn::host::lanes::Lanes;

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

    /// Of a format whose offset follows from the scale.
    #[inline(always)]
    fn centred<F: Format>(scale: f32) -> Self {
        Self::new(scale, scale * F::CENTRE.unwrap_or_default())
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
    /// Where the offset is the scale times a number, that number.
    const CENTRE: Option<f32> = None;
    /// Whether the halves of a part have scales of their own.
    const HAS_TWO_SCALES: bool = false;

    /// What makes values of those of part `part` of `block`.
    fn scales<L: Lanes>(block: &[u8], part: usize) -> Scales;

    /// The whole numbers of part `part` of `block`.
    fn codes<L: Lanes>(block: &[u8], part: usize) -> L::Bytes;
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
    fn scales<L: Lanes>(block: &[u8], _: usize) -> Scales {
        Scales::new(half_at::<L>(block, 0), 0.0)
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], _: usize) -> L::Bytes {
        L::bytes(bytes(block, 2))
    }
}

impl Format for Q4Zero {
    const VALUES: usize = 32;
    const BYTES: usize = 18;
    const HAS_OFFSET: bool = true;
    const CENTRE: Option<f32> = Some(-8.0);

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], _: usize) -> Scales {
        Scales::centred::<Self>(half_at::<L>(block, 0))
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], _: usize) -> L::Bytes {
        L::both_halves(bytes(block, 2))
    }
}

impl Format for Q4One {
    const VALUES: usize = 32;
    const BYTES: usize = 20;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], _: usize) -> Scales {
        Scales::new(half_at::<L>(block, 0), half_at::<L>(block, 2))
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], _: usize) -> L::Bytes {
        L::both_halves(bytes(block, 4))
    }
}

impl Format for Q5Zero {
    const VALUES: usize = 32;
    const BYTES: usize = 22;
    const HAS_OFFSET: bool = true;
    const CENTRE: Option<f32> = Some(-16.0);

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], _: usize) -> Scales {
        Scales::centred::<Self>(half_at::<L>(block, 0))
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], _: usize) -> L::Bytes {
        let fifth = L::bits(u32::from_le_bytes(*bytes(block, 2)));
        L::joined(L::both_halves(bytes(block, 6)), fifth, 4)
    }
}

impl Format for Q5One {
    const VALUES: usize = 32;
    const BYTES: usize = 24;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], _: usize) -> Scales {
        Scales::new(half_at::<L>(block, 0), half_at::<L>(block, 2))
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], _: usize) -> L::Bytes {
        let fifth = L::bits(u32::from_le_bytes(*bytes(block, 4)));
        L::joined(L::both_halves(bytes(block, 8)), fifth, 4)
    }
}

impl Format for Q4K {
    const VALUES: usize = 256;
    const BYTES: usize = 144;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], part: usize) -> Scales {
        six_bit_scales::<L>(block, part)
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], part: usize) -> L::Bytes {
        quarter::<L>(block, 16, part)
    }
}

impl Format for Q5K {
    const VALUES: usize = 256;
    const BYTES: usize = 176;
    const HAS_OFFSET: bool = true;

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], part: usize) -> Scales {
        six_bit_scales::<L>(block, part)
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], part: usize) -> L::Bytes {
        let fifth = L::field(L::bytes(bytes(block, 16)), part as u32, 1);
        L::joined(quarter::<L>(block, 48, part), fifth, 4)
    }
}

impl Format for Q6K {
    const VALUES: usize = 256;
    const BYTES: usize = 210;
    const HAS_OFFSET: bool = false;
    const HAS_TWO_SCALES: bool = true;

    #[inline(always)]
    fn scales<L: Lanes>(block: &[u8], part: usize) -> Scales {
        let (scale, of) = (half_at::<L>(block, 208), &block[192 + 2 * part..][..2]);
        Scales { first: scale * f32::from(of[0] as i8), second: scale * f32::from(of[1] as i8), offset: 0.0 }
    }

    #[inline(always)]
    fn codes<L: Lanes>(block: &[u8], part: usize) -> L::Bytes {
        let (half, quarter) = (part / 4, part % 4);
        let low = L::bytes(bytes(block, 64 * half + 32 * (quarter % 2)));
        let high = L::bytes(bytes(block, 128 + 32 * half));
        let low = L::field(low, 4 * (quarter as u32 / 2), 15);
        L::less(L::joined(low, L::field(high, 2 * quarter as u32, 3), 4), 32)
    }
}

/// The 16-bit float at `place`, which is finite.
#[inline(always)]
fn half_at<L: Lanes>(block: &[u8], place: usize) -> f32 {
    L::half(u16::from_le_bytes(*bytes(block, place)))
}

/// The `N` bytes of `block` from `place` on; a block has as many as its type says.
#[inline(always)]
fn bytes<const N: usize>(block: &[u8], place: usize) -> &[u8; N] {
    match block.get(place..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => bytes,
        None => unreachable!("a block of {} bytes", block.len()),
    }
}

/// Four bits of each of the 32 values of `part`; two parts share 32 bytes, of which the first are at `place`.
#[inline(always)]
fn quarter<L: Lanes>(block: &[u8], place: usize, part: usize) -> L::Bytes {
    L::field(L::bytes(bytes(block, place + 32 * (part / 2))), 4 * (part as u32 % 2), 15)
}

/// Scale and minimum of 6 bits of `part`, in the head of a block.
#[inline(always)]
fn six_bit_scales<L: Lanes>(block: &[u8], part: usize) -> Scales {
    let packed = &block[4..16];
    let (scale, minimum) = if part < 4 {
        (packed[part] & 63, packed[part + 4] & 63)
    } else {
        let low = packed[part + 4];
        (low & 15 | packed[part - 4] >> 6 << 4, low >> 4 | packed[part] >> 6 << 4)
    };
    Scales::new(half_at::<L>(block, 0) * f32::from(scale), -(half_at::<L>(block, 2) * f32::from(minimum)))
}
