//! The classes of what can be wrong with an audio file.

use std::fmt;

/// Class of an [`AudioError`](super::AudioError), as in the `kind` of JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `io`: the system could not open or read it.
    Io,
    /// `not_audio`: the content is something else.
    NotAudio,
    /// `unsupported_codec`: audio, but of a kind that is not read.
    UnsupportedCodec,
    /// `corrupt`: the structure is broken.
    Corrupt,
    /// `truncated`: it ends before the samples begin.
    Truncated,
    /// `limit`: beyond one of [`limits`](super::limits).
    Limit,
    /// `nonfinite`: NaN or infinite samples.
    NonFinite,
    /// `decoder_bug`: a fault of ours or of a dependency.
    DecoderBug,
}

impl ErrorKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::NotAudio => "not_audio",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::Limit => "limit",
            Self::NonFinite => "nonfinite",
            Self::DecoderBug => "decoder_bug",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
