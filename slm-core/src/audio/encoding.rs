//! Samples as they are stored: integers, floats and the two laws of telephony.

/// How one sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawEncoding {
    /// Unsigned integers of 8 bits.
    U8,
    /// Signed integers of 8 bits.
    S8,
    /// Signed integers of 16 bits, little-endian.
    S16Le,
    /// Signed integers of 16 bits, big-endian.
    S16Be,
    /// Signed integers of 24 bits in 3 bytes, little-endian.
    S24Le,
    /// Signed integers of 24 bits in 3 bytes, big-endian.
    S24Be,
    /// Signed integers of 32 bits, little-endian.
    S32Le,
    /// Signed integers of 32 bits, big-endian.
    S32Be,
    /// Floats of 32 bits, little-endian.
    F32Le,
    /// Floats of 32 bits, big-endian.
    F32Be,
    /// Floats of 64 bits, little-endian.
    F64Le,
    /// Floats of 64 bits, big-endian.
    F64Be,
    /// A-law of ITU-T G.711.
    ALaw,
    /// Mu-law of ITU-T G.711.
    MuLaw,
}

/// Names of the encodings, as users write them.
pub(super) const NAMES: [(&str, RawEncoding); 14] = [
    ("u8", RawEncoding::U8),
    ("s8", RawEncoding::S8),
    ("s16le", RawEncoding::S16Le),
    ("s16be", RawEncoding::S16Be),
    ("s24le", RawEncoding::S24Le),
    ("s24be", RawEncoding::S24Be),
    ("s32le", RawEncoding::S32Le),
    ("s32be", RawEncoding::S32Be),
    ("f32le", RawEncoding::F32Le),
    ("f32be", RawEncoding::F32Be),
    ("f64le", RawEncoding::F64Le),
    ("f64be", RawEncoding::F64Be),
    ("alaw", RawEncoding::ALaw),
    ("mulaw", RawEncoding::MuLaw),
];

impl RawEncoding {
    /// Bytes of a sample.
    pub(super) fn bytes(self) -> u16 {
        match self {
            Self::U8 | Self::S8 | Self::ALaw | Self::MuLaw => 1,
            Self::S16Le | Self::S16Be => 2,
            Self::S24Le | Self::S24Be => 3,
            Self::S32Le | Self::S32Be | Self::F32Le | Self::F32Be => 4,
            Self::F64Le | Self::F64Be => 8,
        }
    }

    /// Adds the samples in `bytes` to `samples`, full scale 1. Bytes after the last whole sample are left out.
    pub(super) fn decode(self, bytes: &[u8], samples: &mut Vec<f64>) {
        match self {
            Self::U8 => each(bytes, samples, |[byte]: [u8; 1]| (f64::from(byte) - 128.0) / 128.0),
            Self::S8 => each(bytes, samples, |byte| f64::from(i8::from_le_bytes(byte)) / 128.0),
            Self::S16Le => each(bytes, samples, |word| f64::from(i16::from_le_bytes(word)) / 32_768.0),
            Self::S16Be => each(bytes, samples, |word| f64::from(i16::from_be_bytes(word)) / 32_768.0),
            Self::S24Le => each(bytes, samples, |[a, b, c]: [u8; 3]| of_i32([0, a, b, c])),
            Self::S24Be => each(bytes, samples, |[c, b, a]: [u8; 3]| of_i32([0, a, b, c])),
            Self::S32Le => each(bytes, samples, of_i32),
            Self::S32Be => each(bytes, samples, |[d, c, b, a]: [u8; 4]| of_i32([a, b, c, d])),
            Self::F32Le => each(bytes, samples, |word| f64::from(f32::from_le_bytes(word))),
            Self::F32Be => each(bytes, samples, |word| f64::from(f32::from_be_bytes(word))),
            Self::F64Le => each(bytes, samples, f64::from_le_bytes),
            Self::F64Be => each(bytes, samples, f64::from_be_bytes),
            Self::ALaw => each(bytes, samples, |[byte]: [u8; 1]| f64::from(a_law(byte)) / 32_768.0),
            Self::MuLaw => each(bytes, samples, |[byte]: [u8; 1]| f64::from(mu_law(byte)) / 32_768.0),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], samples: &mut Vec<f64>, value: impl Fn([u8; N]) -> f64) {
    samples.extend(bytes.as_chunks::<N>().0.iter().map(|&sample| value(sample)));
}

/// A little-endian integer of 32 bits; one of 24 bits stands in its upper three bytes.
fn of_i32(word: [u8; 4]) -> f64 {
    f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0
}

/// A-law: sign, three bits of exponent, four of mantissa, every second bit turned over.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let mantissa = i16::from(byte & 0x0f) * 16 + 8;
    let value = match (byte >> 4) & 7 {
        0 => mantissa,
        exponent => (mantissa + 256) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -value } else { value }
}

/// Mu-law: as A-law, with all bits turned over and an offset of 132.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let mantissa = i16::from(byte & 0x0f) * 8 + 132;
    let value = (mantissa << ((byte >> 4) & 7)) - 132;
    if byte & 0x80 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: RawEncoding, bytes: &[u8]) -> Vec<f64> {
        let mut samples = Vec::new();
        encoding.decode(bytes, &mut samples);
        samples
    }

    #[test]
    fn integers_have_their_full_scale() {
        assert_eq!(decoded(RawEncoding::U8, &[0, 128, 192]), [-1.0, 0.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S8, &[0x80, 0, 64]), [-1.0, 0.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S16Le, &[0, 0x80, 0, 0x40, 9]), [-1.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S16Be, &[0x80, 0, 0x40, 0]), [-1.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S24Le, &[0, 0, 0x80, 0, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S24Be, &[0x80, 0, 0, 0x40, 0, 0]), [-1.0, 0.5]);
        assert_eq!(decoded(RawEncoding::S32Le, &[0, 0, 0, 0x80]), [-1.0]);
        assert_eq!(decoded(RawEncoding::S32Be, &[0x40, 0, 0, 0]), [0.5]);
        let step = decoded(RawEncoding::S24Le, &[1, 0, 0, 0xff, 0xff, 0xff]);
        assert_eq!(step, [1.0 / 8_388_608.0, -1.0 / 8_388_608.0]);
    }

    #[test]
    fn floats_pass_as_they_are() {
        for value in [0.1_f32, -0.0, 1e6] {
            assert_eq!(decoded(RawEncoding::F32Le, &value.to_le_bytes()), [f64::from(value)]);
            assert_eq!(decoded(RawEncoding::F32Be, &value.to_be_bytes()), [f64::from(value)]);
        }
        assert_eq!(decoded(RawEncoding::F64Le, &0.1_f64.to_le_bytes()), [0.1]);
        assert_eq!(decoded(RawEncoding::F64Be, &(-2.5_f64).to_be_bytes()), [-2.5]);
    }

    /// Values of the tables of ITU-T G.711 at 16 bits.
    #[test]
    fn the_laws_of_telephony() {
        let a_law_values: Vec<i16> = [0xd5, 0x55, 0xd4, 0xaa, 0x2a, 0x80].map(a_law).to_vec();
        assert_eq!(a_law_values, [8, -8, 24, 32_256, -32_256, 5_504]);
        let mu_law_values: Vec<i16> = [0xff, 0x7f, 0xfe, 0x80, 0x00, 0x8f].map(mu_law).to_vec();
        assert_eq!(mu_law_values, [0, 0, 8, 32_124, -32_124, 16_764]);
    }
}
