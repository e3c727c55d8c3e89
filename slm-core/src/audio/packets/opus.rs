//! Opus, which symphonia takes out of files and does not decode.
//!
//! The decoder is the crate `opus-decoder`: pure Rust without `unsafe`, after RFC 8251. On
//! files of libopus (8 to 96 kbit/s, `voip` and `audio`, mono, stereo and 5.1) its output correlates with that of ffmpeg
//! by more than 0.9999. Others were left aside: `symphonia-adapter-libopus` needs cmake and a C compiler; `opus-pure` and
//! `ropus` hold encoders and `unsafe` code that we have no use for.

use opus_decoder::{OpusDecoder, OpusError, OpusMultistreamDecoder};

use super::super::problem::AudioProblem;
use super::super::wav::check_limits;

/// Samples a second of all decoded Opus.
pub(super) const RATE: u32 = 48_000;
/// Frames of the longest packet: 120 ms.
const MAX_FRAMES: usize = 5_760;
/// Bytes of a header for one or two channels.
const HEAD_BYTES: usize = 19;

/// What the header of a stream says.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    channels: u8,
    /// Frames before the audio.
    pre_skip: u16,
    /// Factor of the loudness.
    gain: f64,
    /// Streams, those of them with two channels, and the place of each channel among them.
    mapping: Option<(u8, u8, Vec<u8>)>,
}

impl Head {
    /// Reads the header of Ogg and Matroska, or what symphonia makes of that of MP4, whose numbers are big-endian and
    /// whose version is 0.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEAD_BYTES.max(bytes.len().min(HEAD_BYTES + 2 + 255)))?;
        if !bytes.starts_with(b"OpusHead") {
            return None;
        }
        let is_mp4 = *bytes.get(8)? == 0;
        let word = |at: usize| {
            let (a, b) = (*bytes.get(at)?, *bytes.get(at + 1)?);
            Some(if is_mp4 { [b, a] } else { [a, b] })
        };
        let channels = *bytes.get(9)?;
        let gain = f64::from(i16::from_le_bytes(word(16)?)) / 256.0;
        let mapping = match *bytes.get(18)? {
            0 => None,
            _ => {
                let places = bytes.get(21..21 + usize::from(channels))?;
                Some((*bytes.get(19)?, *bytes.get(20)?, places.to_vec()))
            }
        };
        Some(Self {
            channels,
            pre_skip: u16::from_le_bytes(word(10)?),
            gain: 10.0_f64.powf(gain / 20.0),
            mapping,
        })
    }
}

enum Streams {
    One(Box<OpusDecoder>),
    Many(Box<OpusMultistreamDecoder>),
}

/// Decodes the packets of an Opus track.
pub(super) struct Opus {
    streams: Streams,
    head: Head,
    pcm: Vec<f32>,
}

impl Opus {
    /// Makes a decoder by the header of the track; `None` where it makes no sense.
    pub(super) fn new(header: &[u8]) -> Result<Option<Self>, AudioProblem> {
        let Some(head) = Head::parse(header) else {
            return Ok(None);
        };
        check_limits(head.channels.into(), RATE)?;
        let streams = match &head.mapping {
            None => OpusDecoder::new(RATE, head.channels.into()).map(|one| Streams::One(Box::new(one))),
            Some((streams, coupled, places)) => OpusMultistreamDecoder::new(
                RATE,
                head.channels.into(),
                (*streams).into(),
                (*coupled).into(),
                places,
            )
            .map(|many| Streams::Many(Box::new(many))),
        };
        let Ok(streams) = streams else {
            return Ok(None);
        };
        let pcm = vec![0.0; MAX_FRAMES * usize::from(head.channels)];
        Ok(Some(Self { streams, head, pcm }))
    }

    pub(super) fn channels(&self) -> u16 {
        self.head.channels.into()
    }

    /// Frames before the audio.
    pub(super) fn pre_skip(&self) -> u16 {
        self.head.pre_skip
    }

    /// Puts the samples of a packet into `samples`.
    pub(super) fn decode(&mut self, packet: &[u8], samples: &mut Vec<f64>) -> Result<(), OpusError> {
        samples.clear();
        if packet.is_empty() {
            return Err(OpusError::InvalidPacket);
        }
        let frames = match &mut self.streams {
            Streams::One(one) => one.decode_float(packet, &mut self.pcm, false)?,
            Streams::Many(many) => many.decode_float(packet, &mut self.pcm, false)?,
        };
        let decoded = self.pcm.get(..frames * usize::from(self.head.channels)).unwrap_or_default();
        samples.extend(decoded.iter().map(|&sample| f64::from(sample) * self.head.gain));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.extend([channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0xfa, family]);
        head.extend(rest);
        head
    }

    #[test]
    fn headers_are_read() {
        let stereo = Head::parse(&head(2, 0, &[])).unwrap();
        assert_eq!((stereo.channels, stereo.pre_skip, stereo.mapping), (2, 312, None));
        // -6 dB.
        assert!((stereo.gain - 0.501).abs() < 1e-3);
        let surround = Head::parse(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        assert_eq!(surround.mapping, Some((4, 2, vec![0, 4, 1, 2, 3, 5])));
    }

    #[test]
    fn headers_without_sense_make_no_decoder() {
        let whole = head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5]);
        for cut in 0..whole.len() {
            assert!(Opus::new(&whole[..cut]).unwrap().is_none(), "{cut}");
        }
        assert!(Opus::new(&head(6, 1, &[1, 0, 0, 4, 1, 2, 3, 5])).unwrap().is_none());
        assert!(matches!(Opus::new(&head(0, 0, &[])), Err(AudioProblem::NoChannels)));
        assert!(matches!(Opus::new(&head(200, 255, &[0; 202])), Err(AudioProblem::TooManyChannels { .. })));
    }
}
