//! Frames of MPEG audio and of AAC without a container (ADTS). There is no mark of the last one, so a cut between two
//! frames is not seen; a header with their number may tell.

use super::units::{Head, Shape};

/// Frames, with a tag before them.
pub(super) struct Frames;

impl Shape for Frames {
    fn read(&mut self, head: &[u8], _: u64) -> Head {
        match *head {
            [b'I', b'D', b'3', ref rest @ ..] => tag(rest),
            [b'I' | 0xff] | [b'I', b'D'] => Head::More,
            [0xff, second, ..] if second & 0xf6 == 0xf0 => adts(head),
            [0xff, second, ..] if second >> 5 == 7 => match head.first_chunk() {
                Some(header) => mpeg(*header).map_or(Head::Other, Head::Unit),
                None => Head::More,
            },
            _ => Head::Other,
        }
    }
}

/// The length of an ID3 tag, by what is behind its name.
fn tag(rest: &[u8]) -> Head {
    let Some(&[_, _, flags, a, b, c, d]) = rest.first_chunk() else {
        return Head::More;
    };
    let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Head::Unit(10 + size + footer)
}

/// The length of a frame of AAC.
fn adts(head: &[u8]) -> Head {
    let Some(&[_, _, _, a, b, c, _]) = head.first_chunk() else {
        return Head::More;
    };
    let bytes = u64::from(a & 3) << 11 | u64::from(b) << 3 | u64::from(c >> 5);
    if bytes < 7 { Head::Other } else { Head::Unit(bytes) }
}

/// The length of a frame of MPEG audio.
fn mpeg([_, second, third, _]: [u8; 4]) -> Option<u64> {
    /// Kilobits a second of version 1 in layers 1 to 3, and of the later versions in layer 1, and in layers 2 and 3.
    const KBITS: [[u64; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    const RATES: [u64; 3] = [44_100, 48_000, 32_000];
    // Versions 2.5, 2 and 1 as how often the rate is halved.
    let halved = match second >> 3 & 3 {
        0 => 2,
        2 => 1,
        3 => 0,
        _ => return None,
    };
    let layer = match second >> 1 & 3 {
        0 => return None,
        bits => 4 - usize::from(bits),
    };
    let row = match (halved, layer) {
        (0, layer) => layer - 1,
        (_, 1) => 3,
        _ => 4,
    };
    let kbits = *KBITS.get(row)?.get(usize::from(third >> 4).checked_sub(1)?)?;
    let rate = RATES.get(usize::from(third >> 2 & 3))? >> halved;
    let padding = u64::from(third >> 1 & 1);
    Some(match layer {
        1 => (12_000 * kbits / rate + padding) * 4,
        3 if halved > 0 => 72_000 * kbits / rate + padding,
        _ => 144_000 * kbits / rate + padding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_length() {
        let cases: [(&[u8], Head); 10] = [
            // 128 kbit/s at 44.1 kHz with padding, 32 kbit/s at 16 kHz, layer 2 with 96 kbit/s at 48 kHz.
            (&[0xff, 0xfb, 0x92, 0], Head::Unit(418)),
            (&[0xff, 0xf3, 0x48, 0], Head::Unit(144)),
            (&[0xff, 0xfd, 0x64, 0], Head::Unit(288)),
            (&[0xff, 0xfb, 0xf2, 0], Head::Other),
            (&[0xff, 0xfb, 0x9e, 0], Head::Other),
            (&[0xff, 0xfb, 0x92], Head::More),
            (&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc], Head::Unit(371)),
            (&[0xff, 0xf9, 0x50, 0x80, 0, 0, 0], Head::Other),
            (b"ID3\x04\0\x10\0\0\x02\x01", Head::Unit(277)),
            (b"TAG", Head::Other),
        ];
        for (head, expected) in cases {
            assert_eq!(Frames.read(head, 0), expected, "{head:?}");
        }
    }
}
