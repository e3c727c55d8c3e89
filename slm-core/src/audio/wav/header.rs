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
use super::data;
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
                return data::range(source, layout, format, long.unwrap_or(chunk.size));
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
