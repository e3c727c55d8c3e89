//! Files in which a jump would lead to a wrong place, or for ever on: found before symphonia is asked for one.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Bytes of the header of a page of Ogg, without the lengths of its parts.
const PAGE_HEADER: usize = 27;
/// Most parts of a page.
const MAX_PARTS: usize = 255;
/// The flag of a page that begins a stream.
const BEGINS: u8 = 2;
/// The block of FLAC that holds a seek table, the bytes of one of its points, and the mark of the last block.
const SEEK_TABLE: u8 = 3;
const POINT_BYTES: usize = 18;
const LAST_BLOCK: u8 = 0x80;

/// Whether a stream begins in the middle of an Ogg file, where its times begin anew; goes back to its start.
pub(super) fn ogg_is_joined(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let (mut place, mut has_data, mut is_joined) = (0_u64, false, false);
    loop {
        source.go_to(place)?;
        let mut head = [0; PAGE_HEADER + MAX_PARTS];
        let count = source.fill(&mut head)?;
        if count < PAGE_HEADER {
            break;
        }
        let parts = usize::from(head[PAGE_HEADER - 1]);
        let begins = head[5] & BEGINS != 0;
        // Where no page follows, nothing can be told of the rest.
        is_joined = !head.starts_with(b"OggS\0") || (begins && has_data);
        if is_joined || count < PAGE_HEADER + parts {
            break;
        }
        has_data |= !begins;
        let body: u64 = head[PAGE_HEADER..PAGE_HEADER + parts].iter().map(|&bytes| u64::from(bytes)).sum();
        place += (PAGE_HEADER + parts) as u64 + body;
    }
    source.go_to(0)?;
    Ok(is_joined)
}

/// Whether the points of a FLAC file's seek table do not ascend or lie behind its end, so that a search by them does not
/// end; goes back to the start.
pub(super) fn flac_table_is_wrong(source: &mut Source<'_>) -> Result<bool, AudioProblem> {
    let len = source.len().unwrap_or(0);
    let mut name = [0; 4];
    let is_flac = source.fill(&mut name)? == name.len() && name == *b"fLaC";
    // What stands before the name of another file is not looked through.
    let (mut place, mut is_wrong) = (4_u64, !is_flac);
    while !is_wrong {
        source.go_to(place)?;
        let mut head = [0; 4];
        if source.fill(&mut head)? < head.len() {
            break;
        }
        let [flags, a, b, c] = head;
        let bytes = u32::from_be_bytes([0, a, b, c]);
        if flags & !LAST_BLOCK == SEEK_TABLE {
            is_wrong = !ascends(source, bytes as usize / POINT_BYTES, len)?;
        }
        if flags & LAST_BLOCK != 0 {
            break;
        }
        place += 4 + u64::from(bytes);
    }
    source.go_to(0)?;
    Ok(is_wrong)
}

/// Whether so many points of a seek table ascend in both sample and byte, within `len` bytes.
fn ascends(source: &mut Source<'_>, points: usize, len: u64) -> Result<bool, AudioProblem> {
    let mut last = (0, 0);
    for _ in 0..points {
        let mut point = [0; POINT_BYTES];
        if source.fill(&mut point)? < POINT_BYTES {
            return Ok(false);
        }
        let number = |at: usize| {
            point.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_be_bytes(*bytes))
        };
        let now = (number(0), number(8));
        // A point that is kept free.
        if now.0 == u64::MAX {
            continue;
        }
        if now.0 < last.0 || now.1 < last.1 || now.1 >= len {
            return Ok(false);
        }
        last = now;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn page(flags: u8, body: usize) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend([0; 20]);
        page.extend([1, body as u8]);
        page.extend(vec![7; body]);
        page
    }

    fn source(bytes: &[u8]) -> Source<'_> {
        Source::file(Cursor::new(bytes.to_vec())).unwrap()
    }

    #[test]
    fn a_stream_in_the_middle_is_found() {
        let one = [page(BEGINS, 19), page(0, 60), page(4, 200)].concat();
        let joined = |bytes: &[u8]| ogg_is_joined(&mut source(bytes)).unwrap();
        assert!(!joined(&one) && !joined(&one[..one.len() - 9]) && !joined(b""));
        // Two streams side by side begin together.
        assert!(!joined(&[page(BEGINS, 19), page(BEGINS, 19), page(0, 60)].concat()));
        assert!(joined(&[one.as_slice(), &one].concat()));
        assert!(joined(&[one.as_slice(), &[0; 40]].concat()));
    }

    #[test]
    fn a_table_that_does_not_ascend_is_found() {
        let flac = |points: &[(u64, u64)]| {
            let mut file = b"fLaC".to_vec();
            file.extend([LAST_BLOCK | SEEK_TABLE, 0, 0, (points.len() * POINT_BYTES) as u8]);
            for (sample, byte) in points {
                file.extend(sample.to_be_bytes());
                file.extend(byte.to_be_bytes());
                file.extend([0; 2]);
            }
            file.extend([0; 1000]);
            flac_table_is_wrong(&mut source(&file)).unwrap()
        };
        assert!(!flac(&[]) && !flac(&[(0, 0), (100, 500), (u64::MAX, 0), (200, 900)]));
        assert!(flac(&[(100, 500), (50, 900)]) && flac(&[(50, 900), (100, 500)]) && flac(&[(100, 5000)]));
        assert!(flac_table_is_wrong(&mut source(b"ID3\x04 and a FLAC")).unwrap());
    }
}
