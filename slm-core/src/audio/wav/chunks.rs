//! The chunks that WAV and its relatives consist of.

use super::super::problem::AudioProblem;
use super::super::source::Source;

/// Most bytes of a chunk's header: those of W64.
const MAX_HEADER: usize = 24;

/// How the chunks of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Layout {
    /// Plain WAV: names of 4 bytes, lengths of 32 bits.
    Riff,
    /// RF64 of the EBU: as WAV, with the length of the samples in a chunk of its own.
    Rf64,
    /// BW64 of the ITU: the same under another name.
    Bw64,
    /// W64 of Sony: names of 16 bytes, lengths of 64 bits that count the header in, all at multiples of 8 bytes.
    W64,
}

impl Layout {
    /// The usual name of such a file.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Riff => "WAV",
            Self::Rf64 => "RF64",
            Self::Bw64 => "BW64",
            Self::W64 => "W64",
        }
    }

    /// Bytes before the first chunk.
    pub(super) fn head_bytes(self) -> u64 {
        if self == Self::W64 { 40 } else { 12 }
    }

    /// Bytes of a chunk's name and length.
    pub(super) fn header_bytes(self) -> usize {
        if self == Self::W64 { MAX_HEADER } else { 8 }
    }

    /// The header at the start of `bytes`, which are as many as [`header_bytes`](Self::header_bytes).
    fn parse(self, bytes: &[u8]) -> Option<([u8; 4], u64)> {
        let id = *bytes.first_chunk::<4>()?;
        if self == Self::W64 {
            let size = u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
            return Some((id, size.saturating_sub(MAX_HEADER as u64)));
        }
        Some((id, u64::from(u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?))))
    }
}

/// Name and length of a chunk, whose payload begins at the place of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) id: [u8; 4],
    pub(super) size: u64,
}

/// Takes the header of the next chunk; `None` at the end of the file.
pub(super) fn next(source: &mut Source<'_>, layout: Layout) -> Result<Option<Chunk>, AudioProblem> {
    let mut header = [0; MAX_HEADER];
    let header = header.get_mut(..layout.header_bytes()).unwrap_or_default();
    match source.fill(header)? {
        0 => return Ok(None),
        count if count < header.len() => return Err(AudioProblem::HeaderCutOff { at: source.position() }),
        _ => {}
    }
    Ok(layout.parse(header).map(|(id, size)| Chunk { id, size }))
}

/// Goes over what is left of a chunk, `left` bytes, and over what fills it up to the next one.
pub(super) fn skip(
    source: &mut Source<'_>,
    layout: Layout,
    chunk: Chunk,
    left: u64,
) -> Result<(), AudioProblem> {
    let skipped = source.skip(left)?;
    if skipped < left {
        let left = chunk.size.saturating_sub(left).saturating_add(skipped);
        return Err(AudioProblem::ChunkPastEnd { chunk: chunk.id, claims: chunk.size, left });
    }
    skip_padding(source, layout, chunk.size)
}

/// Goes over what fills a payload of `size` bytes up to the next chunk.
pub(super) fn skip_padding(source: &mut Source<'_>, layout: Layout, size: u64) -> Result<(), AudioProblem> {
    let padding = match layout {
        Layout::W64 => size.wrapping_neg() % 8,
        // Some writers omit the pad byte.
        _ if size % 2 == 1 && has_pad_byte(source.peek(5)?) => 1,
        _ => 0,
    };
    source.skip(padding)?;
    Ok(())
}

/// Whether the bytes after an odd payload begin with a pad byte and not with the name of a chunk.
fn has_pad_byte(after: &[u8]) -> bool {
    match after {
        [] => false,
        [0, ..] => true,
        [_, rest @ ..] if rest.starts_with(b"data") || rest.starts_with(b"fmt ") => true,
        _ => !after.get(..4).is_some_and(is_name),
    }
}

/// Whether these bytes are printable, as names of chunks are.
pub(super) fn is_name(id: &[u8]) -> bool {
    id.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pad_bytes_are_told_from_names() {
        assert!(!has_pad_byte(b""));
        assert!(has_pad_byte(b"\0data"));
        assert!(has_pad_byte(b" data"));
        assert!(has_pad_byte(b"Xfmt "));
        assert!(!has_pad_byte(b"data\x10"));
        assert!(!has_pad_byte(b"LIST\x10"));
        assert!(has_pad_byte(b"\x07LIST"));
        assert!(has_pad_byte(b"\0"));
    }

    #[test]
    fn chunks_follow_each_other() {
        let mut source = Source::pipe(b"junk\x03\0\0\0odd\0LIST\x04\0\0\0INFO".as_slice());
        let junk = next(&mut source, Layout::Riff).unwrap().unwrap();
        assert_eq!(junk, Chunk { id: *b"junk", size: 3 });
        skip(&mut source, Layout::Riff, junk, 3).unwrap();
        let list = next(&mut source, Layout::Riff).unwrap().unwrap();
        assert_eq!((list.id, source.position()), (*b"LIST", 20));
        skip(&mut source, Layout::Riff, list, 4).unwrap();
        assert_eq!(next(&mut source, Layout::Riff).unwrap(), None);
    }

    #[test]
    fn chunks_of_w64_are_at_multiples_of_8() {
        let mut file = b"fact".to_vec();
        file.extend([0; 12]);
        file.extend(29_u64.to_le_bytes());
        file.extend([0; 5 + 3]);
        file.extend(b"data");
        file.extend([0; 12]);
        file.extend(26_u64.to_le_bytes());
        let mut source = Source::pipe(file.as_slice());
        let fact = next(&mut source, Layout::W64).unwrap().unwrap();
        assert_eq!(fact, Chunk { id: *b"fact", size: 5 });
        skip(&mut source, Layout::W64, fact, 5).unwrap();
        assert_eq!(next(&mut source, Layout::W64).unwrap(), Some(Chunk { id: *b"data", size: 2 }));
    }
}
