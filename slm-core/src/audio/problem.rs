//! What can be wrong with an audio file, with the text and the class of each case.

use std::io;

use super::content::Content;
use super::kind::ErrorKind;
use super::limits::{MAX_HOURS, SAMPLE_RATES};

/// What is wrong with an audio file; prints without its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioProblem {
    /// The system refused to open or read it.
    #[error("{}", io_summary(.0))]
    Io(#[from] io::Error),
    /// A folder was given.
    #[error("is a directory")]
    IsDirectory,
    /// It has no bytes.
    #[error("file is empty (0 bytes)")]
    Empty,
    /// It is shorter than any header.
    #[error("file is too short to be audio ({bytes} bytes)")]
    TooShort {
        /// Its length.
        bytes: u64,
    },
    /// It is something else.
    #[error("not an audio file: {found}")]
    NotAudio {
        /// What it looks like.
        found: Content,
    },
    /// It is audio in a format that is not read.
    #[error("content looks like {found}, which is not supported")]
    OtherFormat {
        /// Name of the format.
        found: &'static str,
    },
    /// It is RIFF, but not WAV.
    #[error("RIFF file of type `{}`, expected `WAVE`", .found.escape_ascii())]
    RiffForm {
        /// The type in the header.
        found: [u8; 4],
    },
    /// It is a big-endian WAV.
    #[error("big-endian WAV (RIFX) is not supported")]
    BigEndian,
    /// The file ends between two chunks.
    #[error("WAV header is cut off in a chunk header at byte {at}")]
    HeaderCutOff {
        /// Length of the file.
        at: u64,
    },
    /// The file ends inside a chunk of the header.
    #[error("WAV header is cut off in the `{}` chunk at byte {at}", .chunk.escape_ascii())]
    ChunkCutOff {
        /// Name of the chunk.
        chunk: [u8; 4],
        /// Length of the file.
        at: u64,
    },
    /// There are no samples to be found.
    #[error("WAV file has no data chunk")]
    NoDataChunk,
    /// The format is given twice.
    #[error("two `fmt ` chunks")]
    TwoFmtChunks,
    /// The format is not known when the samples begin.
    #[error("no `fmt ` chunk before `data`")]
    NoFmtChunk,
    /// A chunk is longer than the file.
    #[error("chunk `{}` claims {claims} bytes, file has {left} left", .chunk.escape_ascii())]
    ChunkPastEnd {
        /// Name of the chunk.
        chunk: [u8; 4],
        /// Its length in the header.
        claims: u64,
        /// Bytes after its header.
        left: u64,
    },
    /// The header goes on for too long.
    #[error("more than {limit} chunks before the data")]
    TooManyChunks {
        /// Chunks allowed.
        limit: u32,
    },
    /// The format chunk is unreasonably long.
    #[error("`fmt ` chunk claims {claims} bytes, limit is {limit}")]
    FmtTooLarge {
        /// Its length in the header.
        claims: u64,
        /// Bytes allowed.
        limit: u32,
    },
    /// The format chunk is too short for its kind.
    #[error("`fmt ` chunk has {bytes} bytes, expected at least {expected}")]
    FmtTooSmall {
        /// Its length.
        bytes: u32,
        /// Bytes needed.
        expected: u32,
    },
    /// The samples are coded in a way that is not read.
    #[error("WAV codec {} is not supported", codec_name(*.tag))]
    Codec {
        /// Format tag of the header.
        tag: u16,
    },
    /// Integer samples of a width that is not read.
    #[error("{bits}-bit PCM is not supported")]
    PcmBits {
        /// Bits of a sample in the header; 8, 16, 24 and 32 are read.
        bits: u16,
    },
    /// Float samples of a width that is not read.
    #[error("{bits}-bit float WAV is not supported")]
    FloatBits {
        /// Bits of a sample in the header; 32 and 64 are read.
        bits: u16,
    },
    /// 24-bit samples with a fourth byte of unknown place.
    #[error("24-bit samples in 4-byte containers need WAVE_FORMAT_EXTENSIBLE")]
    AmbiguousContainer,
    /// The same, in an extensible header that does not give the container.
    #[error("24-bit samples in 4-byte containers need 32 container bits in the header")]
    AmbiguousExtensible,
    /// The header has no channels.
    #[error("header says 0 channels")]
    NoChannels,
    /// More channels than allowed.
    #[error("{channels} channels, limit is {limit}")]
    TooManyChannels {
        /// Channels in the header.
        channels: u16,
        /// Channels allowed.
        limit: u16,
    },
    /// A sample rate outside [`SAMPLE_RATES`].
    #[error(
        "sample rate is {rate} Hz, allowed are {} to {} Hz",
        SAMPLE_RATES.start(),
        SAMPLE_RATES.end()
    )]
    SampleRate {
        /// Hz in the header.
        rate: u32,
    },
    /// NaN or infinity among the samples.
    #[error("{count} non-finite sample{}, first at {seconds:.3} s", plural(*.count))]
    NonFinite {
        /// How many, over all channels.
        count: u64,
        /// Time of the first, in seconds.
        seconds: f64,
    },
    /// A sample beyond any real signal.
    #[error("sample value {value:e} at {seconds:.3} s, limit is {limit:e}")]
    TooLoud {
        /// The first such value.
        value: f32,
        /// Its time in seconds.
        seconds: f64,
        /// Magnitude allowed.
        limit: f32,
    },
    /// It lasts longer than allowed, however small the file is.
    #[error("{:.2} hours of audio, limit is {MAX_HOURS}", .seconds / 3600.0)]
    TooLong {
        /// Duration.
        seconds: f64,
    },
    /// Decoded, it would not fit in memory.
    #[error("{seconds:.2} s of audio do not fit in memory")]
    OutOfMemory {
        /// Duration.
        seconds: f64,
    },
    /// A pipe that does not end within reason.
    #[error("stream is longer than {limit} bytes")]
    StreamTooLong {
        /// Bytes allowed.
        limit: u64,
    },
    /// A decoder panicked.
    #[error("the decoder failed on this file (please report), it is {format}")]
    Decoder {
        /// Name of the format.
        format: &'static str,
    },
    /// Blocks of ADPCM that do not go with the channels.
    #[error("ADPCM with blocks of {bytes} bytes for {channels} channels is not supported")]
    AdpcmBlocks {
        /// Bytes of a block in the header.
        bytes: u16,
        /// Channels in the header; 1 and 2 are read.
        channels: u16,
    },
    /// A codec without a decoder.
    #[error("codec {name} is not supported")]
    UnknownCodec {
        /// Its name, or its number where it has none.
        name: String,
    },
    /// Only video, subtitles and the like.
    #[error("no audio track among {tracks} track{}", plural(*.tracks as u64))]
    NoAudioTrack {
        /// Tracks of all kinds.
        tracks: usize,
    },
    /// An MP4 file without its index, which is often at the end.
    #[error("file is incomplete: index (moov) is missing")]
    IndexMissing,
    /// The samples are encrypted.
    #[error("audio is encrypted")]
    Encrypted,
    /// The format is known, but nothing can be decoded.
    #[error("no audio can be decoded, the {format} data is damaged or cut off")]
    Undecodable {
        /// Name of the format.
        format: &'static str,
        /// What the demuxer or decoder says.
        #[source]
        source: Option<symphonia::core::errors::Error>,
    },
    /// Packet after packet without audio.
    #[error("{packets} damaged packets in a row, giving up")]
    BadPackets {
        /// Packets.
        packets: u32,
    },
    /// The channel asked for is not there.
    #[error("there is no channel {asked}, the file has {channels}")]
    NoSuchChannel {
        /// Its number, from 1.
        asked: u16,
        /// Channels of the file.
        channels: u16,
    },
    /// A start or a duration that is no time.
    #[error("the {name} is {seconds} s, it must be 0 or more")]
    NoTime {
        /// Which of the two.
        name: &'static str,
        /// Its value.
        seconds: f64,
    },
    /// The resampler failed.
    #[error("the resampler failed on this file (please report), its rate is {rate} Hz")]
    Resampler {
        /// Sample rate of the file in Hz.
        rate: u32,
    },
}

impl AudioProblem {
    /// The class of the problem.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(_) | Self::IsDirectory => ErrorKind::Io,
            Self::Empty
            | Self::TooShort { .. }
            | Self::NotAudio { .. }
            | Self::RiffForm { .. }
            | Self::NoAudioTrack { .. } => ErrorKind::NotAudio,
            Self::OtherFormat { .. }
            | Self::UnknownCodec { .. }
            | Self::AdpcmBlocks { .. }
            | Self::Encrypted
            | Self::BigEndian
            | Self::Codec { .. }
            | Self::PcmBits { .. }
            | Self::FloatBits { .. }
            | Self::AmbiguousContainer
            | Self::AmbiguousExtensible => ErrorKind::UnsupportedCodec,
            Self::HeaderCutOff { .. } | Self::ChunkCutOff { .. } | Self::IndexMissing => ErrorKind::Truncated,
            Self::NoDataChunk
            | Self::TwoFmtChunks
            | Self::NoFmtChunk
            | Self::ChunkPastEnd { .. }
            | Self::FmtTooSmall { .. }
            | Self::NoChannels
            | Self::Undecodable { .. }
            | Self::BadPackets { .. } => ErrorKind::Corrupt,
            Self::TooManyChunks { .. }
            | Self::FmtTooLarge { .. }
            | Self::TooManyChannels { .. }
            | Self::SampleRate { .. }
            | Self::TooLoud { .. }
            | Self::NoSuchChannel { .. }
            | Self::NoTime { .. }
            | Self::TooLong { .. }
            | Self::OutOfMemory { .. }
            | Self::StreamTooLong { .. } => ErrorKind::Limit,
            Self::NonFinite { .. } => ErrorKind::NonFinite,
            Self::Decoder { .. } | Self::Resampler { .. } => ErrorKind::DecoderBug,
        }
    }

    /// One next step.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLong { .. } => Some("split the recording into shorter files"),
            Self::NotAudio { .. } | Self::RiffForm { .. } => {
                Some("supported: WAV, AIFF, CAF, MP3, FLAC, Ogg, MP4 and M4A, Matroska and WebM, AAC")
            }
            Self::IndexMissing => Some("copy or download the file again"),
            _ if self.kind() == ErrorKind::UnsupportedCodec => {
                Some("convert with: ffmpeg -i IN -c:a pcm_s16le OUT.wav")
            }
            _ => None,
        }
    }
}

/// The common causes in plain words; the error of the system follows as the source.
fn io_summary(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::UnexpectedEof => "file ended while it was read",
        _ => "reading failed",
    }
}

/// Format tag and name, as far as it has one.
fn codec_name(tag: u16) -> String {
    let name = match tag {
        0x0006 => return format!("A-law (tag 0x{tag:04x})"),
        0x0007 => return format!("mu-law (tag 0x{tag:04x})"),
        0x0002 => "ADPCM",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 6.10",
        0x0050 => "MPEG",
        0x0055 => "MP3",
        0x00ff => "AAC",
        0x0161 => "WMA",
        0x704f => "Opus",
        0xf1ac => "FLAC",
        _ => return format!("0x{tag:04x}"),
    };
    format!("0x{tag:04x} ({name})")
}

/// Plural ending.
pub(super) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
