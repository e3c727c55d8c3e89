//! Frames of FLAC. They do not tell how long they are, but each ends with a checksum of itself.
//!
//! Where the header has the number of samples, that says more, and no frame is followed here. But the name of another file
//! behind the first one is looked for, with the head of its first block: eight bytes that no frame has by chance.

use super::Follow;

/// Bytes of the name and of the first block, which has the number of samples.
const INFO_BYTES: usize = 42;
/// How tags begin that other programs put behind the last frame.
const TAGS: [&[u8]; 3] = [b"TAG", b"APETAGEX", b"ID3"];
/// The mark of the last block.
const LAST_BLOCK: u8 = 0x80;

/// Where we are in a file.
#[derive(Default)]
enum Part {
    /// In the name and the first block.
    #[default]
    Info,
    /// In a block, so many bytes before its end; whether it is the last one.
    Block(usize, bool),
    /// In the header of a block.
    Header,
    /// Looks for a frame.
    Search,
    /// In a frame, whose checksum is 0 when it is whole.
    Frame(u16),
    /// There is nothing to tell.
    Over,
}

/// Goes from frame to frame.
#[derive(Default)]
pub(super) struct Frames {
    part: Part,
    /// What was read of a header, which may turn out to be none.
    head: Vec<u8>,
    /// The last eight bytes, and the place behind them.
    last: u64,
    place: u64,
    /// Where the file begins, and where another one does.
    first: Option<u64>,
    second: Option<u64>,
}

/// What a file begins with; the mark of the last block may be in the fifth byte.
const NAME: u64 = 0x664c_6143_0000_0022;
const LAST_IN_NAME: u64 = (LAST_BLOCK as u64) << 24;

impl Frames {
    fn read(&mut self, byte: u8) {
        match &mut self.part {
            Part::Info => {
                self.head.push(byte);
                if self.head.len() == INFO_BYTES {
                    self.part = behind_info(&self.head);
                    self.head.clear();
                }
            }
            Part::Header => {
                self.head.push(byte);
                if let Some(&[flags, a, b, c]) = self.head.first_chunk() {
                    let bytes = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                    self.part = block(bytes, flags & LAST_BLOCK != 0);
                    self.head.clear();
                }
            }
            Part::Block(left, is_last) => self.part = block(*left - 1, *is_last),
            Part::Search | Part::Frame(_) => self.read_frame(byte),
            Part::Over => {}
        }
    }

    fn look_for_name(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.last = self.last << 8 | u64::from(*byte);
            self.place += 1;
            if self.last & !LAST_IN_NAME == NAME {
                // Tags may stand before the first one.
                let found = self.place.saturating_sub(8);
                if found > *self.first.get_or_insert(found) {
                    self.second.get_or_insert(found);
                }
            }
        }
    }

    fn read_frame(&mut self, byte: u8) {
        let may_begin = matches!(self.part, Part::Search | Part::Frame(0));
        if let Part::Frame(sum) = &mut self.part {
            *sum = crc16(*sum, byte);
        }
        if may_begin || !self.head.is_empty() {
            self.head.push(byte);
            match frame_header(&self.head) {
                Some(bytes) if self.head.len() < bytes => return,
                Some(_) if self.head.iter().fold(0, |sum, byte| crc8(sum, *byte)) == 0 => {
                    self.part = Part::Frame(self.head.iter().fold(0, |sum, byte| crc16(sum, *byte)));
                }
                // A tag behind the last frame.
                _ if TAGS.contains(&self.head.as_slice()) => self.part = Part::Over,
                _ if TAGS.iter().any(|tag| tag.starts_with(&self.head)) => return,
                _ => {}
            }
        }
        self.head.clear();
    }
}

impl Follow for Frames {
    fn take(&mut self, bytes: &[u8]) {
        self.look_for_name(bytes);
        if !matches!(self.part, Part::Over) {
            for byte in bytes {
                self.read(*byte);
            }
        }
    }

    fn pass(&mut self, count: u64) -> bool {
        (self.last, self.place) = (0, self.place.saturating_add(count));
        matches!(self.part, Part::Over)
    }

    fn restart(&mut self, place: u64) {
        (self.last, self.place) = (0, place);
        if !matches!(self.part, Part::Over) {
            self.head.clear();
            self.part = if place == 0 { Part::Info } else { Part::Search };
        }
    }

    fn is_open(&self) -> bool {
        match self.part {
            Part::Info | Part::Header | Part::Block(..) => true,
            Part::Frame(sum) => sum != 0,
            Part::Search => !self.head.is_empty(),
            Part::Over => false,
        }
    }

    fn second(&self) -> Option<u64> {
        self.second
    }
}

/// What follows the first block, of which these are the bytes.
fn behind_info(info: &[u8]) -> Part {
    let (Some([b'f', b'L', b'a', b'C', flags, 0, 0, 34]), Some(&[a, rest @ ..])) =
        (info.first_chunk::<8>(), info.get(21..26).and_then(|samples| samples.first_chunk::<5>()))
    else {
        return Part::Over;
    };
    let has_samples = a & 15 != 0 || rest != [0; 4];
    if has_samples { Part::Over } else { block(0, flags & LAST_BLOCK != 0) }
}

/// So many bytes before the end of a block.
fn block(left: usize, is_last: bool) -> Part {
    match (left, is_last) {
        (0, true) => Part::Search,
        (0, false) => Part::Header,
        _ => Part::Block(left, is_last),
    }
}

/// The length of the header of a frame that begins so, as far as it can be told; `None` if none does.
fn frame_header(head: &[u8]) -> Option<usize> {
    let byte = |place: usize| head.get(place).copied();
    let (first, second) = (byte(0)?, byte(1).unwrap_or(0xf8));
    let (third, fourth) = (byte(2).unwrap_or(0x10), byte(3).unwrap_or(0));
    let is_right = first == 0xff
        && second & 0xfe == 0xf8
        && third >> 4 != 0
        && third & 15 != 15
        && fourth >> 4 < 11
        && fourth & 1 == 0
        && fourth >> 1 & 7 != 3;
    if !is_right {
        return None;
    }
    // The number of the frame is written as characters of UTF-8 are.
    let number = match byte(4).unwrap_or(0).leading_ones() as usize {
        0 => 1,
        bytes @ 2..=7 => bytes,
        _ => return None,
    };
    let samples = match third >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate = match third & 15 {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    Some(4 + number + samples + rate + 1)
}

fn crc8(sum: u8, byte: u8) -> u8 {
    (0..8).fold(sum ^ byte, |sum, _| sum << 1 ^ if sum & 0x80 != 0 { 0x07 } else { 0 })
}

fn crc16(sum: u16, byte: u8) -> u16 {
    /// The sum of each byte.
    const SUMS: [u16; 256] = {
        let mut sums = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = (byte as u16) << 8;
            let mut bit = 0;
            while bit < 8 {
                sum = sum << 1 ^ if sum & 0x8000 != 0 { 0x8005 } else { 0 };
                bit += 1;
            }
            sums[byte] = sum;
            byte += 1;
        }
        sums
    };
    sum << 8 ^ SUMS.get(usize::from((sum >> 8) as u8 ^ byte)).copied().unwrap_or_default()
}
