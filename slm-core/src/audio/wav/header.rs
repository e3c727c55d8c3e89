//! The walk over the chunks of a WAV file that finds format and samples without trusting the header.
//!
//! Chunk lengths are compared with the length of the file, everything but `fmt `, `ds64` and `data` is skipped unread,
//! and the RIFF size, block align of plain samples, byte rate, channel mask and valid bits are ignored: they are wrong
//! too often. Nothing is allocated by a length from the file.

use super::super::error::AudioWarning;
use super::super::limits::MAX_CHUNKS;
use super::super::problem::AudioProblem;
use super::super::source::Source;
use super::chunks::{self, Layout};
use super::data::{self, DataRange};
use super::format::{self, WavFormat};

/// Format and place of the samples; the source is at the first of them.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct WavHeader {
    pub(in super::super) format: WavFormat,
    pub(in super::super) layout: Layout,
    /// Bytes of samples: those to use, `None` where they go on to the end of a pipe.
    pub(in super::super) bytes: Option<u64>,
    /// Bytes that the header announces, where it does.
    pub(in super::super) declared: Option<u64>,
    pub(in super::super) warnings: Vec<AudioWarning>,
}

/// Walks over a file whose first bytes are those of `layout`.
pub(in super::super) fn walk(source: &mut Source<'_>, layout: Layout) -> Result<WavHeader, AudioProblem> {
    source.skip(layout.head_bytes())?;
    let mut format = None;
    let mut long_size = None;
    for _ in 0..=MAX_CHUNKS {
        let chunk = chunks::next(source, layout)?.ok_or(AudioProblem::NoDataChunk)?;
        let mut left = chunk.size;
        match &chunk.id {
            b"fmt " if format.is_some() => return Err(AudioProblem::TwoFmtChunks),
            b"fmt " => {
                let (found, rest) = format::read(source, chunk)?;
                (format, left) = (Some(found), rest);
            }
            b"data" => {
                let format = format.ok_or(AudioProblem::NoFmtChunk)?;
                let is_long = matches!(layout, Layout::Rf64 | Layout::Bw64);
                let long = long_size.filter(|_| is_long && chunk.size == u64::from(u32::MAX));
                let DataRange { bytes, declared, warnings } =
                    data::range(source, layout, format, long.unwrap_or(chunk.size))?;
                return Ok(WavHeader { format, layout, bytes, declared, warnings });
            }
            b"ds64" if chunk.size >= 16 => {
                // Size of the file, then size of the data.
                let mut sizes = [0; 16];
                left -= source.fill(&mut sizes)? as u64;
                long_size = sizes.last_chunk().map(|size| u64::from_le_bytes(*size));
            }
            _ => {}
        }
        chunks::skip(source, layout, chunk, left)?;
    }
    Err(AudioProblem::TooManyChunks { limit: MAX_CHUNKS })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Seek, SeekFrom};

    use super::*;

    /// A header and any count of zeros, which are made when they are read.
    struct Long {
        head: Vec<u8>,
        len: u64,
        at: u64,
    }

    impl Read for Long {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.len.saturating_sub(self.at) as usize);
            for (place, byte) in (self.at as usize..).zip(&mut buffer[..count]) {
                *byte = self.head.get(place).copied().unwrap_or_default();
            }
            self.at += count as u64;
            Ok(count)
        }
    }

    impl Seek for Long {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.at = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(by) => self.len.saturating_add_signed(by),
                SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            };
            Ok(self.at)
        }
    }

    /// The header of mono samples of 8 bits whose size is declared like that, and `bytes` of them.
    fn header_of(declared: u32, bytes: u64) -> WavHeader {
        let mut head =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\x80\x3e\0\0\x01\0\x08\0data".to_vec();
        head.extend(declared.to_le_bytes());
        let file = Long { len: head.len() as u64 + bytes, head, at: 0 };
        walk(&mut Source::file(file).unwrap(), Layout::Riff).unwrap()
    }

    #[test]
    fn a_wrapped_size_is_read_to_the_end() {
        let bytes = 5 << 30;
        let header = header_of(1 << 30, bytes);
        assert_eq!(header.bytes, Some(bytes));
        assert_eq!(header.warnings, [AudioWarning::DataSizeWrapped { declared: 1 << 30, bytes }]);
        let stale = header_of(1000, bytes);
        assert_eq!(stale.bytes, Some(1000));
        assert_eq!(stale.warnings, [AudioWarning::DataBeyondEnd { bytes: bytes - 1000 }]);
    }
}
