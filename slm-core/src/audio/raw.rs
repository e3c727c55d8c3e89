//! Samples without a header, whose format the user names.

use std::fmt;
use std::str::FromStr;

use super::encoding::{NAMES, RawEncoding};
use super::limits::{MAX_CHANNELS, SAMPLE_RATES};

/// The format of samples without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawFormat {
    /// How a sample is stored.
    pub encoding: RawEncoding,
    /// Samples a second of each channel.
    pub sample_rate: u32,
    /// Channels, whose samples alternate.
    pub channels: u16,
}

/// Why a text names no raw format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RawFormatError {
    /// It has not three parts.
    #[error("expected `ENCODING,RATE,CHANNELS`, such as `s16le,16000,1`, found `{found}`")]
    Parts {
        /// The text.
        found: String,
    },
    /// No encoding has this name.
    #[error("no encoding is called `{found}`, there are {}", Names)]
    Encoding {
        /// The name.
        found: String,
    },
    /// The rate is no number, or outside of [`SAMPLE_RATES`].
    #[error("sample rate is `{found}`, allowed are {} to {}", SAMPLE_RATES.start(), SAMPLE_RATES.end())]
    SampleRate {
        /// The text in its place.
        found: String,
    },
    /// The count of channels is no number, 0 or above [`MAX_CHANNELS`].
    #[error("channels are `{found}`, allowed are 1 to {MAX_CHANNELS}")]
    Channels {
        /// The text in its place.
        found: String,
    },
}

/// Prints the names of all encodings.
struct Names;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&NAMES.map(|(name, _)| name).join(", "))
    }
}

impl RawFormat {
    /// Samples of this encoding, so many a second of each channel.
    ///
    /// # Errors
    ///
    /// [`RawFormatError`] naming the number that is out of range.
    pub fn new(encoding: RawEncoding, sample_rate: u32, channels: u16) -> Result<Self, RawFormatError> {
        if !SAMPLE_RATES.contains(&sample_rate) {
            return Err(RawFormatError::SampleRate { found: sample_rate.to_string() });
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(RawFormatError::Channels { found: channels.to_string() });
        }
        Ok(Self { encoding, sample_rate, channels })
    }
}

impl FromStr for RawFormat {
    type Err = RawFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let &[encoding, rate, channels] = parts.as_slice() else {
            return Err(RawFormatError::Parts { found: text.into() });
        };
        let lower = encoding.to_ascii_lowercase();
        let (_, encoding) = NAMES
            .into_iter()
            .find(|(name, _)| *name == lower)
            .ok_or_else(|| RawFormatError::Encoding { found: encoding.into() })?;
        let sample_rate =
            rate.parse::<u32>().map_err(|_| RawFormatError::SampleRate { found: rate.into() })?;
        let channels =
            channels.parse::<u16>().map_err(|_| RawFormatError::Channels { found: channels.into() })?;
        Self::new(encoding, sample_rate, channels)
    }
}

impl fmt::Display for RawFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            NAMES.into_iter().find(|(_, encoding)| *encoding == self.encoding).map_or("", |(name, _)| name);
        write!(f, "{name},{},{}", self.sample_rate, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_formats() {
        let format: RawFormat = "s16le,16000,1".parse().unwrap();
        assert_eq!(format, RawFormat::new(RawEncoding::S16Le, 16_000, 1).unwrap());
        for (name, encoding) in NAMES {
            let text = format!("{name},8000,2");
            let format: RawFormat = text.parse().unwrap();
            assert_eq!((format.encoding, format.to_string()), (encoding, text));
        }
        assert!(" MuLaw, 8000 ,1".parse::<RawFormat>().is_ok());
    }

    #[test]
    fn wrong_texts_are_named() {
        let cases = [
            ("s16le", "expected `ENCODING,RATE,CHANNELS`, such as `s16le,16000,1`, found `s16le`"),
            ("s16le,16000,0", "channels are `0`, allowed are 1 to 64"),
            ("s16le,16000,65", "channels are `65`, allowed are 1 to 64"),
            ("s16le,1,1", "sample rate is `1`, allowed are 1000 to 768000"),
            ("s16le,fast,1", "sample rate is `fast`, allowed are 1000 to 768000"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<RawFormat>().unwrap_err().to_string(), expected);
        }
        let error = "s17,16000,1".parse::<RawFormat>().unwrap_err().to_string();
        assert!(error.starts_with("no encoding is called `s17`, there are u8, s8, s16le"), "{error}");
    }
}
