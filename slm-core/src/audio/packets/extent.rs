//! Where a file ends by its own structure: what follows may be another file, of which nobody would hear without a word.

use super::super::problem::AudioProblem;
use super::super::sniff::Container;
use super::super::source::Source;
use super::mp4;

/// Most chunks and elements looked at.
const MAX_PARTS: u32 = 10_000;
/// Fewer bytes than this behind the end are padding, and not worth a word.
const SMALLEST_REST: u64 = 8;
/// Names of Matroska's elements: the whole, and what may fill the place behind it.
const SEGMENT: u32 = 0x1853_8067;
const VOID: u32 = 0xec;

/// Where the file ends, where that is before the end of `source`, which is one that can seek; goes back to its start. FLAC has no
/// such place: its frames tell (`ends::flac`).
pub(super) fn early_end(source: &mut Source<'_>, container: Container) -> Result<Option<u64>, AudioProblem> {
    let Some(len) = source.len() else { return Ok(None) };
    let end = match container {
        Container::Aiff => aiff(source)?,
        Container::Caf => caf(source, len)?,
        Container::Mp4 => mp4::second_file(source)?,
        Container::Matroska => matroska(source, len)?,
        _ => None,
    };
    source.go_to(0)?;
    Ok(end.filter(|end| end.saturating_add(SMALLEST_REST) <= len))
}

/// The end of the one chunk that all others are in.
fn aiff(source: &mut Source<'_>) -> Result<Option<u64>, AudioProblem> {
    let mut head = [0; 8];
    if source.fill(&mut head)? < head.len() {
        return Ok(None);
    }
    let size = head.last_chunk().map_or(0, |size| u32::from_be_bytes(*size));
    // What writers to a pipe put, who do not know.
    let is_unknown = size == 0 || size == u32::MAX;
    Ok((!is_unknown).then(|| 8 + u64::from(size) + u64::from(size % 2)))
}

/// Where no chunk follows the last one.
fn caf(source: &mut Source<'_>, len: u64) -> Result<Option<u64>, AudioProblem> {
    let mut place = 8_u64;
    for _ in 0..MAX_PARTS {
        if place >= len {
            break;
        }
        source.go_to(place)?;
        let mut head = [0; 12];
        let count = source.fill(&mut head)?;
        let (name, size) = head.split_at(4);
        if count < head.len()
            || name == b"caff"
            || !name.iter().all(|c| c.is_ascii_alphanumeric() || *c == b' ')
        {
            return Ok(Some(place));
        }
        // The data of a recording that goes on has no size, and is the last chunk.
        let size = size.first_chunk().map_or(-1, |size| i64::from_be_bytes(*size));
        let Ok(size) = u64::try_from(size) else { break };
        place = place.saturating_add(12).saturating_add(size);
    }
    Ok(None)
}

/// The end of the segment, and of empty elements behind it.
fn matroska(source: &mut Source<'_>, len: u64) -> Result<Option<u64>, AudioProblem> {
    let (mut place, mut end) = (0_u64, None);
    for _ in 0..MAX_PARTS {
        if place >= len {
            break;
        }
        source.go_to(place)?;
        let mut head = [0; 12];
        let count = source.fill(&mut head)?;
        let Some((id, size)) = element(&head[..count], place) else { break };
        match (id, end) {
            (SEGMENT, None) => end = size,
            (VOID, Some(_)) | (_, None) => {}
            // Another file.
            (_, Some(_)) => break,
        }
        let Some(next) = size else { return Ok(None) };
        place = next;
        end = end.map(|_| place);
    }
    Ok(end)
}

/// The name of the element at `place`, of which these are the first bytes, and where it ends, unless that is not known.
fn element(head: &[u8], place: u64) -> Option<(u32, Option<u64>)> {
    let bytes = |first: u8| first.leading_zeros() as usize + 1;
    let id_bytes = bytes(*head.first()?);
    let id = head.get(..id_bytes.min(4))?;
    let size = head.get(id_bytes..)?;
    let size_bytes = bytes(*size.first()?);
    let whole = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let known = (1_u64 << (7 * size_bytes.min(8))) - 1;
    let size = whole(size.get(..size_bytes.min(8))?) & known;
    let content = place + (id_bytes + size_bytes) as u64;
    let is_element = id_bytes <= 4 && size_bytes <= 8;
    is_element.then(|| (whole(id) as u32, (size < known).then(|| content.saturating_add(size))))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Checks that a file alone has no early end, and one with other bytes behind it has it where they begin.
    fn check(container: Container, file: &[u8]) {
        let look =
            |bytes: Vec<u8>| early_end(&mut Source::file(Cursor::new(bytes)).unwrap(), container).unwrap();
        assert_eq!(look(file.to_vec()), None, "{container:?}");
        assert_eq!(look(file[..file.len() - 1].to_vec()), None, "{container:?}, cut");
        assert_eq!(look([file, &[1, 2, 3]].concat()), None, "{container:?}, padded");
        for behind in [file, &[7; 20]] {
            assert_eq!(look([file, behind].concat()), Some(file.len() as u64), "{container:?}");
        }
    }

    #[test]
    fn what_is_behind_a_file_is_found() {
        let mut aiff = b"FORM\0\0\0\x1dAIFFCOMM".to_vec();
        aiff.extend([3; 22]);
        check(Container::Aiff, &aiff);
        aiff[4..8].fill(0);
        let long = [aiff.as_slice(), &[0; 50]].concat();
        assert_eq!(early_end(&mut Source::file(Cursor::new(long)).unwrap(), Container::Aiff).unwrap(), None);

        let mut caf = b"caff\0\x01\0\0desc".to_vec();
        caf.extend(4_i64.to_be_bytes());
        caf.extend(b"1234data");
        caf.extend(20_i64.to_be_bytes());
        caf.extend([9; 20]);
        check(Container::Caf, &caf);

        let header = [0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4];
        let segment = [[0x18, 0x53, 0x80, 0x67, 0x40, 30].as_slice(), &[5; 30]].concat();
        let void = [0xec, 0x83, 0, 0, 0];
        check(Container::Matroska, &[header.as_slice(), &segment].concat());
        check(Container::Matroska, &[header.as_slice(), &segment, &void].concat());
        let live = [header.as_slice(), &[0x18, 0x53, 0x80, 0x67, 0xff], &[5; 30], &header].concat();
        let source = &mut Source::file(Cursor::new(live)).unwrap();
        assert_eq!(early_end(source, Container::Matroska).unwrap(), None);
    }
}
