//! A look at the ends of files that were cut, before symphonia sees them: it refuses some of them as a whole, and takes
//! others for complete.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Most chunks looked at.
const MAX_CHUNKS: u32 = 1_000;
/// Bytes that hold several frames of MPEG audio.
const TAIL_BYTES: usize = 1 << 13;

/// Whether an AIFF file has fewer bytes than it announces; goes back to its start.
pub(super) fn aiff_is_cut(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let Some(size) = source.peek(8)?.last_chunk::<4>().map(|size| u32::from_be_bytes(*size)) else {
        return Ok(false);
    };
    Ok(source.len().is_some_and(|len| u64::from(size) + 8 > len))
}

/// The data of a CAF file whose size is not that of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrongSize {
    /// Where the size is in the file.
    pub(super) place: u64,
    /// What it should be.
    pub(super) size: u64,
    /// Whether there is less than announced, and not just an unknown length.
    pub(super) is_cut: bool,
}

/// Looks at the size of a CAF file's data, which may be too large or -1 for all that follows; goes back to its start.
pub(super) fn caf_wrong_size(source: &mut Source<'_>) -> Result<Option<WrongSize>, AudioProblem> {
    let len = source.len().unwrap_or(0);
    let mut start = 8_u64;
    let mut found = None;
    for _ in 0..MAX_CHUNKS {
        source.go_to(start)?;
        let mut header = [0; 12];
        if source.fill(&mut header)? < header.len() {
            break;
        }
        let announced = header.last_chunk().map_or(-1, |size| i64::from_be_bytes(*size));
        let content = start.saturating_add(12);
        let end = u64::try_from(announced).ok().map(|size| content.saturating_add(size));
        if header.starts_with(b"data") && end.is_none_or(|end| end > len) {
            let size = len.saturating_sub(content);
            found = Some(WrongSize { place: start + 4, size, is_cut: end.is_some() });
        }
        match end {
            Some(end) => start = end,
            None => break,
        }
    }
    source.go_to(0)?;
    Ok(found)
}

/// Whether an MP3 file ends inside a frame; goes back to its start.
pub(super) fn mpeg_is_cut(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let Some(len) = source.len() else {
        return Ok(false);
    };
    source.go_to(len.saturating_sub(TAIL_BYTES as u64))?;
    let mut tail = vec![0; TAIL_BYTES.min(usize::try_from(len).unwrap_or(TAIL_BYTES))];
    let count = source.fill(&mut tail)?;
    tail.truncate(count);
    source.go_to(0)?;
    Ok(ends_inside_a_frame(&tail))
}

/// Follows the frames from where three of them are seen in a row.
fn ends_inside_a_frame(tail: &[u8]) -> bool {
    let after = |place: usize| Some(place + frame_bytes(tail.get(place..)?)?);
    let first = (0..tail.len()).find(|&place| after(place).and_then(after).and_then(after).is_some());
    let Some(mut place) = first else {
        return false;
    };
    while let Some(next) = after(place) {
        place = next;
    }
    place > tail.len()
}

/// Bytes of the frame of MPEG audio that begins here.
fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    /// Kilobits a second of version 1 in layers 1 to 3, and of the later versions in layer 1, and in layers 2 and 3.
    const KBITS: [[usize; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    const RATES: [usize; 3] = [44_100, 48_000, 32_000];
    let &[0xff, second, third, _] = bytes.first_chunk()? else {
        return None;
    };
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
    if second >> 5 != 7 {
        return None;
    }
    let row = match (halved, layer) {
        (0, layer) => layer - 1,
        (_, 1) => 3,
        _ => 4,
    };
    let kbits = *KBITS.get(row)?.get(usize::from(third >> 4).checked_sub(1)?)?;
    let rate = RATES.get(usize::from(third >> 2 & 3))? >> halved;
    let padding = usize::from(third >> 1 & 1);
    Some(match layer {
        1 => (12_000 * kbits / rate + padding) * 4,
        3 if halved > 0 => 72_000 * kbits / rate + padding,
        _ => 144_000 * kbits / rate + padding,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn frames_of_mpeg_audio_have_their_size() {
        // 128 kbit/s at 44.1 kHz with padding, 32 kbit/s at 16 kHz, layer 2 with 96 kbit/s at 48 kHz.
        assert_eq!(frame_bytes(&[0xff, 0xfb, 0x92, 0]), Some(418));
        assert_eq!(frame_bytes(&[0xff, 0xf3, 0x48, 0]), Some(144));
        assert_eq!(frame_bytes(&[0xff, 0xfd, 0x64, 0]), Some(288));
        for no_frame in [[0xff, 0xfb, 0xf2, 0], [0xff, 0xf9, 0x92, 0], [0xff, 0xfb, 0x9e, 0], [0; 4]] {
            assert_eq!(frame_bytes(&no_frame), None);
        }
    }

    #[test]
    fn a_cut_in_a_frame_is_seen() {
        let mut frame = [0; 144];
        frame[..4].copy_from_slice(&[0xff, 0xf3, 0x48, 0]);
        let whole = [vec![5; 50], frame.repeat(6)].concat();
        assert!(!ends_inside_a_frame(&whole));
        assert!(!ends_inside_a_frame(&[whole.as_slice(), b"TAG", &[0; 125]].concat()));
        assert!(ends_inside_a_frame(&whole[..whole.len() - 1]));
        assert!(ends_inside_a_frame(&whole[..whole.len() - 140]));
        assert!(!ends_inside_a_frame(b""));
    }

    #[test]
    fn a_wrong_size_of_data_is_found() {
        let mut file = b"caff\0\x01\0\0desc".to_vec();
        file.extend(4_i64.to_be_bytes());
        file.extend(b"1234data");
        file.extend(20_i64.to_be_bytes());
        file.extend([0; 20]);
        let look =
            |file: &[u8]| caf_wrong_size(&mut Source::file(Cursor::new(file.to_vec())).unwrap()).unwrap();
        assert_eq!(look(&file), None);
        let cut = look(&file[..file.len() - 1]);
        assert_eq!(cut, Some(WrongSize { place: 28, size: 19, is_cut: true }));
        assert_eq!(look(&file[..file.len() - 21]), None);
        file[28..36].fill(0xff);
        assert_eq!(look(&file), Some(WrongSize { place: 28, size: 20, is_cut: false }));
    }
}
