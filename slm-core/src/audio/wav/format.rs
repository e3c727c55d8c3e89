//! The `fmt ` chunk: how the samples are stored.

use super::super::encoding::RawEncoding;
use super::super::limits::{MAX_CHANNELS, MAX_FMT_BYTES, SAMPLE_RATES};
use super::super::problem::AudioProblem;
use super::super::source::Source;
use super::chunks::Chunk;

/// Bytes of the shortest `fmt ` chunk.
const FMT_BYTES: u32 = 16;
/// Bytes of the `fmt ` chunk of `WAVE_FORMAT_EXTENSIBLE`.
const EXTENSIBLE_BYTES: usize = 40;
const TAG_PCM: u16 = 0x0001;
const TAG_MS_ADPCM: u16 = 0x0002;
const TAG_FLOAT: u16 = 0x0003;
const TAG_A_LAW: u16 = 0x0006;
const TAG_MU_LAW: u16 = 0x0007;
const TAG_IMA_ADPCM: u16 = 0x0011;
const TAG_EXTENSIBLE: u16 = 0xfffe;
/// The tags that are read.
const KNOWN: [u16; 6] = [TAG_PCM, TAG_MS_ADPCM, TAG_FLOAT, TAG_A_LAW, TAG_MU_LAW, TAG_IMA_ADPCM];

/// How the samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Coding {
    /// One by one.
    Plain(RawEncoding),
    /// In blocks, by Microsoft's adaptive differential coding.
    MsAdpcm(Blocks),
    /// In blocks, by that of the Interactive Multimedia Association.
    ImaAdpcm(Blocks),
}

/// Sizes of the blocks of a differential coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Blocks {
    /// Bytes of a block, of all channels together.
    pub(in super::super) bytes: u16,
    /// Frames in a block.
    pub(in super::super) frames: u32,
}

/// What the `fmt ` chunk says, checked against the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct WavFormat {
    pub(in super::super) coding: Coding,
    pub(in super::super) channels: u16,
    pub(in super::super) sample_rate: u32,
}

impl WavFormat {
    /// Bytes that belong together: those of a frame, or of a block. Not 0.
    pub(in super::super) fn unit_bytes(self) -> u16 {
        match self.coding {
            Coding::Plain(encoding) => self.channels * encoding.bytes(),
            Coding::MsAdpcm(blocks) | Coding::ImaAdpcm(blocks) => blocks.bytes,
        }
    }

    /// Frames in these bytes.
    pub(in super::super) fn unit_frames(self) -> u32 {
        match self.coding {
            Coding::Plain(_) => 1,
            Coding::MsAdpcm(blocks) | Coding::ImaAdpcm(blocks) => blocks.frames,
        }
    }

    /// Duration of `bytes` of data.
    pub(in super::super) fn seconds(self, bytes: u64) -> f64 {
        let frames = (bytes / u64::from(self.unit_bytes())).saturating_mul(self.unit_frames().into());
        frames as f64 / f64::from(self.sample_rate)
    }
}

/// Reads the `fmt ` chunk, and says how many of its bytes are left.
pub(super) fn read(source: &mut Source<'_>, chunk: Chunk) -> Result<(WavFormat, u64), AudioProblem> {
    if chunk.size > u64::from(MAX_FMT_BYTES) {
        return Err(AudioProblem::FmtTooLarge { claims: chunk.size, limit: MAX_FMT_BYTES });
    }
    let mut fmt = [0; EXTENSIBLE_BYTES];
    let wanted = EXTENSIBLE_BYTES.min(chunk.size as usize);
    let left = chunk.size - wanted as u64;
    if source.fill(fmt.get_mut(..wanted).unwrap_or_default())? < wanted
        || source.left().is_some_and(|there| there < left)
    {
        let at = source.len().unwrap_or(source.position());
        return Err(AudioProblem::ChunkCutOff { chunk: chunk.id, at });
    }
    Ok((parse(&fmt, chunk.size as u32)?, left))
}

/// Checks the first 40 bytes of a `fmt ` chunk of `size` bytes; bytes past its end are 0.
fn parse(fmt: &[u8; EXTENSIBLE_BYTES], size: u32) -> Result<WavFormat, AudioProblem> {
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
    if !KNOWN.contains(&tag) {
        return Err(AudioProblem::Codec { tag });
    }
    check_limits(channels.into(), sample_rate)?;
    let coding = match (tag, bits) {
        (TAG_MS_ADPCM, _) => Coding::MsAdpcm(blocks(tag, channels, block_align)?),
        (TAG_IMA_ADPCM, _) => Coding::ImaAdpcm(blocks(tag, channels, block_align)?),
        (TAG_A_LAW, _) => Coding::Plain(RawEncoding::ALaw),
        (TAG_MU_LAW, _) => Coding::Plain(RawEncoding::MuLaw),
        (TAG_FLOAT, 32) => Coding::Plain(RawEncoding::F32Le),
        (TAG_FLOAT, 64) => Coding::Plain(RawEncoding::F64Le),
        (TAG_FLOAT, _) => return Err(AudioProblem::FloatBits { bits }),
        // Packed or not, left or right: the header does not tell.
        (_, 24) if block_align == channels * 4 && extensible => {
            return Err(AudioProblem::AmbiguousExtensible);
        }
        (_, 24) if block_align == channels * 4 => return Err(AudioProblem::AmbiguousContainer),
        (_, 8) => Coding::Plain(RawEncoding::U8),
        (_, 16) => Coding::Plain(RawEncoding::S16Le),
        (_, 24) => Coding::Plain(RawEncoding::S24Le),
        (_, 32) => Coding::Plain(RawEncoding::S32Le),
        _ => return Err(AudioProblem::PcmBits { bits }),
    };
    Ok(WavFormat { coding, channels, sample_rate })
}

/// Checks a count of channels and a sample rate from a file, before anything is made by them.
pub(in super::super) fn check_limits(channels: usize, sample_rate: u32) -> Result<(), AudioProblem> {
    if channels == 0 {
        return Err(AudioProblem::NoChannels);
    }
    if channels > usize::from(MAX_CHANNELS) {
        let channels = u16::try_from(channels).unwrap_or(u16::MAX);
        return Err(AudioProblem::TooManyChannels { channels, limit: MAX_CHANNELS });
    }
    if !SAMPLE_RATES.contains(&sample_rate) {
        return Err(AudioProblem::SampleRate { rate: sample_rate });
    }
    Ok(())
}

/// The blocks of a differential coding: a header for each channel, then samples of 4 bits. The count of frames that
/// the header gives is not needed.
fn blocks(tag: u16, channels: u16, bytes: u16) -> Result<Blocks, AudioProblem> {
    let (header, first) = if tag == TAG_MS_ADPCM { (7, 2) } else { (4, 1) };
    let whole = (1..=2).contains(&channels) && bytes > header * channels;
    if !whole || (tag == TAG_IMA_ADPCM && !(bytes - header * channels).is_multiple_of(4 * channels)) {
        return Err(AudioProblem::AdpcmBlocks { bytes, channels });
    }
    let coded = u32::from(bytes - header * channels) * 2 / u32::from(channels);
    Ok(Blocks { bytes, frames: coded + first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_what_the_writers_say() {
        // From files of ffmpeg, whose headers also give the count of frames.
        assert_eq!(blocks(TAG_MS_ADPCM, 1, 1024).unwrap().frames, 2036);
        assert_eq!(blocks(TAG_MS_ADPCM, 2, 1024).unwrap().frames, 1012);
        assert_eq!(blocks(TAG_IMA_ADPCM, 1, 1024).unwrap().frames, 2041);
        assert_eq!(blocks(TAG_IMA_ADPCM, 2, 1024).unwrap().frames, 1017);
        for (channels, bytes) in [(1, 0), (1, 4), (2, 12), (3, 1024)] {
            assert!(blocks(TAG_IMA_ADPCM, channels, bytes).is_err());
        }
    }
}
