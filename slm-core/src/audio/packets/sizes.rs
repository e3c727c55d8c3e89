//! A look at the sizes in the header of files that were cut, before symphonia sees them: it would refuse them as a whole.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Most chunks looked at.
const MAX_CHUNKS: u32 = 1_000;

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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

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
