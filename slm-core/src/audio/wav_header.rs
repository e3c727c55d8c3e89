//! The walk over the chunks of a WAV file that finds format and samples without trusting the header.
//!
//! Chunk lengths are compared with the length of the file, everything but `fmt ` and `data` is skipped unread, and
//! the RIFF size, block align, byte rate, channel mask and valid bits are ignored: they are wrong too often. Nothing
//! is allocated by a length from the file.

use std::io::{Read, Seek, SeekFrom};

use super::error::AudioWarning;
use super::limits::{MAX_CHANNELS, MAX_CHUNKS, MAX_FMT_BYTES, SAMPLE_RATES};
use super::problem::AudioProblem;

/// Bytes of `RIFF`, size, `WAVE`.
const RIFF_HEADER_BYTES: u64 = 12;
/// Bytes of a chunk's name and length.
const CHUNK_HEADER_BYTES: u64 = 8;
/// Bytes of the shortest `fmt ` chunk.
const FMT_BYTES: u32 = 16;
/// Bytes of the `fmt ` chunk of `WAVE_FORMAT_EXTENSIBLE`.
const EXTENSIBLE_BYTES: usize = 40;
const TAG_PCM: u16 = 0x0001;
const TAG_FLOAT: u16 = 0x0003;
const TAG_EXTENSIBLE: u16 = 0xfffe;

/// How a sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Integers of this many bits, 8 of them unsigned.
    Pcm(u16),
    /// Floats of 32 bits.
    Float32,
}

/// What the `fmt ` chunk says, checked against the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WavFormat {
    pub(super) encoding: Encoding,
    pub(super) channels: u16,
    pub(super) sample_rate: u32,
}

impl WavFormat {
    /// Bits of a stored sample.
    pub(super) fn bits(self) -> u16 {
        match self.encoding {
            Encoding::Pcm(bits) => bits,
            Encoding::Float32 => 32,
        }
    }

    /// Bytes of one sample of each channel; 1 to 256.
    pub(super) fn frame_bytes(self) -> u16 {
        self.channels * (self.bits() / 8)
    }

    /// Duration of `bytes` of data.
    fn seconds(self, bytes: u64) -> f64 {
        (bytes / u64::from(self.frame_bytes())) as f64 / f64::from(self.sample_rate)
    }
}

/// Format and place of the samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WavHeader {
    pub(super) format: WavFormat,
    /// Position of the first sample in the file.
    pub(super) data_start: u64,
    /// Whole frames that are in the file.
    pub(super) frames: u64,
    pub(super) warnings: Vec<AudioWarning>,
}

/// Name, length and place of a chunk.
#[derive(Clone, Copy)]
struct Chunk {
    id: [u8; 4],
    size: u32,
    /// Position of the first byte after the chunk's header.
    start: u64,
}

/// Walks over a file of `len` bytes that begins with `RIFF`, a size and `WAVE`.
pub(super) fn walk<R: Read + Seek>(reader: &mut R, len: u64) -> Result<WavHeader, AudioProblem> {
    let mut position = RIFF_HEADER_BYTES;
    let mut format = None;
    for _ in 0..=MAX_CHUNKS {
        let chunk = next_chunk(reader, position, len)?.ok_or(AudioProblem::NoDataChunk)?;
        match &chunk.id {
            b"fmt " if format.is_some() => return Err(AudioProblem::TwoFmtChunks),
            b"fmt " => format = Some(read_format(reader, chunk, len)?),
            b"data" => {
                let format = format.ok_or(AudioProblem::NoFmtChunk)?;
                return data_range(reader, format, chunk, len);
            }
            _ => {}
        }
        let left = len.saturating_sub(chunk.start);
        if u64::from(chunk.size) > left {
            return Err(AudioProblem::ChunkPastEnd { chunk: chunk.id, claims: chunk.size, left });
        }
        position = chunk_end(reader, chunk)?;
    }
    Err(AudioProblem::TooManyChunks { limit: MAX_CHUNKS })
}

/// The chunk at `position`, or `None` at the end of the file.
fn next_chunk<R: Read + Seek>(
    reader: &mut R,
    position: u64,
    len: u64,
) -> Result<Option<Chunk>, AudioProblem> {
    match len.saturating_sub(position) {
        0 => return Ok(None),
        left if left < CHUNK_HEADER_BYTES => return Err(AudioProblem::HeaderCutOff { at: len }),
        _ => {}
    }
    let mut id = [0; 4];
    let mut size = [0; 4];
    reader.seek(SeekFrom::Start(position))?;
    reader.read_exact(&mut id)?;
    reader.read_exact(&mut size)?;
    Ok(Some(Chunk { id, size: u32::from_le_bytes(size), start: position.saturating_add(CHUNK_HEADER_BYTES) }))
}

/// Where the next chunk begins: after the payload, and after the pad byte of an odd one, which some writers omit.
fn chunk_end<R: Read + Seek>(reader: &mut R, chunk: Chunk) -> Result<u64, AudioProblem> {
    let end = chunk.start.saturating_add(u64::from(chunk.size));
    if chunk.size.is_multiple_of(2) {
        return Ok(end);
    }
    let mut after = Vec::new();
    reader.seek(SeekFrom::Start(end))?;
    Read::by_ref(reader).take(5).read_to_end(&mut after)?;
    Ok(end.saturating_add(u64::from(has_pad_byte(&after))))
}

/// Whether the bytes after an odd payload begin with a pad byte and not with the name of a chunk.
fn has_pad_byte(after: &[u8]) -> bool {
    match after {
        [] => false,
        [0, ..] => true,
        [_, rest @ ..] if rest.starts_with(b"data") || rest.starts_with(b"fmt ") => true,
        _ => !after.get(..4).is_some_and(is_chunk_name),
    }
}

/// Whether these bytes are printable, as names of chunks are.
fn is_chunk_name(id: &[u8]) -> bool {
    id.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Reads the `fmt ` chunk.
fn read_format<R: Read + Seek>(reader: &mut R, chunk: Chunk, len: u64) -> Result<WavFormat, AudioProblem> {
    if chunk.size > MAX_FMT_BYTES {
        return Err(AudioProblem::FmtTooLarge { claims: chunk.size, limit: MAX_FMT_BYTES });
    }
    if u64::from(chunk.size) > len.saturating_sub(chunk.start) {
        return Err(AudioProblem::ChunkCutOff { chunk: chunk.id, at: len });
    }
    let mut fmt = [0; EXTENSIBLE_BYTES];
    let taken = EXTENSIBLE_BYTES.min(chunk.size as usize);
    reader.read_exact(&mut fmt[..taken])?;
    parse_format(&fmt, chunk.size)
}

/// Checks the first 40 bytes of a `fmt ` chunk of `size` bytes; bytes past its end are 0.
fn parse_format(fmt: &[u8; EXTENSIBLE_BYTES], size: u32) -> Result<WavFormat, AudioProblem> {
    let word = |at: usize| u16::from_le_bytes([fmt[at], fmt[at + 1]]);
    let need = |expected: u32| {
        if size < expected { Err(AudioProblem::FmtTooSmall { bytes: size, expected }) } else { Ok(()) }
    };
    need(FMT_BYTES)?;
    let extensible = word(0) == TAG_EXTENSIBLE;
    let tag = if extensible {
        need(EXTENSIBLE_BYTES as u32)?;
        // The first two bytes of the sub-format are the tag it stands for.
        word(24)
    } else {
        word(0)
    };
    let (channels, block_align, bits) = (word(2), word(12), word(14));
    let sample_rate = u32::from_le_bytes([fmt[4], fmt[5], fmt[6], fmt[7]]);
    if tag != TAG_PCM && tag != TAG_FLOAT {
        return Err(AudioProblem::Codec { tag });
    }
    if channels == 0 {
        return Err(AudioProblem::NoChannels);
    }
    if channels > MAX_CHANNELS {
        return Err(AudioProblem::TooManyChannels { channels, limit: MAX_CHANNELS });
    }
    if !SAMPLE_RATES.contains(&sample_rate) {
        return Err(AudioProblem::SampleRate { rate: sample_rate });
    }
    let encoding = match (tag, bits) {
        (TAG_FLOAT, 32) => Encoding::Float32,
        (TAG_FLOAT, _) => return Err(AudioProblem::FloatBits { bits }),
        // Packed or not, left or right: the header does not tell.
        (_, 24) if block_align == channels * 4 && extensible => {
            return Err(AudioProblem::AmbiguousExtensible);
        }
        (_, 24) if block_align == channels * 4 => return Err(AudioProblem::AmbiguousContainer),
        (_, 8 | 16 | 24 | 32) => Encoding::Pcm(bits),
        _ => return Err(AudioProblem::PcmBits { bits }),
    };
    Ok(WavFormat { encoding, channels, sample_rate })
}

/// Settles how much of the `data` chunk can be used.
fn data_range<R: Read + Seek>(
    reader: &mut R,
    format: WavFormat,
    chunk: Chunk,
    len: u64,
) -> Result<WavHeader, AudioProblem> {
    let mut warnings = Vec::new();
    let frame = u64::from(format.frame_bytes());
    let left = len.saturating_sub(chunk.start);
    let declared = u64::from(chunk.size);
    let bytes = if declared == 0 && left > 0 && !is_chunk_chain(reader, chunk.start, len)? {
        warnings.push(AudioWarning::DataSizeZero { bytes: left });
        left
    } else if is_placeholder(chunk.size, left) {
        left
    } else if declared > left {
        warnings.push(AudioWarning::DataTruncated {
            found: format.seconds(left),
            declared: format.seconds(declared),
        });
        left
    } else {
        if declared % frame > 0 {
            let bytes = declared % frame;
            warnings.push(AudioWarning::TrailingBytes { bytes });
        }
        declared
    };
    let frames = bytes / frame;
    if frames == 0 {
        warnings.push(AudioWarning::NoSamples);
    }
    Ok(WavHeader { format, data_start: chunk.start, frames, warnings })
}

/// Whether a data size stands for "until the end", as writers to a pipe put it: near 2^32, or near 2^31 when the file
/// has less.
fn is_placeholder(size: u32, left: u64) -> bool {
    const NEAR: u32 = 0x1000;
    let near_u32 = size >= u32::MAX - NEAR;
    let near_i32 = (1_u32 << 31).abs_diff(size) <= NEAR && u64::from(size) > left;
    near_u32 || near_i32
}

/// Whether whole chunks with printable names lie from `position` to the end of the file. Then an empty `data` chunk
/// before them is really empty; otherwise the recorder never wrote its size.
fn is_chunk_chain<R: Read + Seek>(reader: &mut R, mut position: u64, len: u64) -> Result<bool, AudioProblem> {
    for _ in 0..MAX_CHUNKS {
        if position == len {
            return Ok(true);
        }
        if len.saturating_sub(position) < CHUNK_HEADER_BYTES {
            return Ok(false);
        }
        let Some(chunk) = next_chunk(reader, position, len)? else {
            return Ok(false);
        };
        let left = len.saturating_sub(chunk.start);
        if !is_chunk_name(&chunk.id) || u64::from(chunk.size) > left {
            return Ok(false);
        }
        position = chunk_end(reader, chunk)?;
    }
    Ok(false)
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
    fn placeholders_are_told_from_sizes() {
        for size in [u32::MAX, u32::MAX - 1, 0xffff_ffdb] {
            assert!(is_placeholder(size, 100));
            assert!(is_placeholder(size, 1 << 33));
        }
        for size in [0x7fff_f000, 0x7fff_ffff, 0x8000_0000] {
            assert!(is_placeholder(size, 100));
            assert!(!is_placeholder(size, 1 << 32));
        }
        assert!(!is_placeholder(320_000, 100));
        assert!(!is_placeholder(0, 100));
    }
}
