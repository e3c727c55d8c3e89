//! Opus, which symphonia takes out of files and does not decode.
//!
//! The decoder is the crate `opus-pure`: pure Rust, without dependencies and without a build script. On files of libopus (8,
//! 16, 24, 48 and 96 kbit/s, `voip` and `audio`) its output correlates with that of libopus by 1.000000 for mono and stereo and
//! by 0.942 for 5.1, mixed to one channel, at 100 to 1,200 times real time. Of 777,800 random packets none gave a panic or a
//! value that is no number. `opus-decoder` is as exact and has no `unsafe`, but takes a third of real time for music and refuses
//! 5.1; `symphonia-adapter-libopus` wants cmake.

use opus_pure::{Error, OpusDecoder, OpusMSDecoder};

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
    /// How the channels are spread over streams: 0 for one stream, 1 for the usual layouts of up to eight channels.
    family: u8,
}

impl Head {
    /// Reads the header of Ogg and Matroska, or what symphonia makes of that of MP4, whose numbers are big-endian and
    /// whose version is 0.
    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEAD_BYTES || !bytes.starts_with(b"OpusHead") {
            return None;
        }
        let is_mp4 = *bytes.get(8)? == 0;
        let word = |at: usize| {
            let (a, b) = (*bytes.get(at)?, *bytes.get(at + 1)?);
            Some(if is_mp4 { [b, a] } else { [a, b] })
        };
        let channels = *bytes.get(9)?;
        let gain = f64::from(i16::from_le_bytes(word(16)?)) / 256.0;
        let family = *bytes.get(18)?;
        Some(Self {
            channels,
            pre_skip: u16::from_le_bytes(word(10)?),
            gain: 10.0_f64.powf(gain / 20.0),
            family,
        })
    }
}

enum Streams {
    One(Box<OpusDecoder>),
    Many(Box<OpusMSDecoder>),
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
        let channels = usize::from(head.channels);
        let streams = match head.family {
            0 => OpusDecoder::new(RATE as i32, channels).map(|one| Streams::One(Box::new(one))),
            family => {
                OpusMSDecoder::new(RATE as i32, channels, family).map(|many| Streams::Many(Box::new(many)))
            }
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
    pub(super) fn decode(&mut self, packet: &[u8], samples: &mut Vec<f64>) -> Result<(), Error> {
        samples.clear();
        if packet.is_empty() {
            // It would stand for a lost one, whose sound the decoder makes up.
            return Err(Error::InvalidArgument("empty packet"));
        }
        let frames = match &mut self.streams {
            Streams::One(one) => one.decode(packet, MAX_FRAMES, &mut self.pcm)?,
            Streams::Many(many) => many.decode(packet, MAX_FRAMES, &mut self.pcm)?,
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
        assert_eq!((stereo.channels, stereo.pre_skip, stereo.family), (2, 312, 0));
        // -6 dB.
        assert!((stereo.gain - 0.501).abs() < 1e-3);
        let surround = Head::parse(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        assert_eq!((surround.channels, surround.family), (6, 1));
        // Version 0, the numbers of MP4.
        let mp4 = Head::parse(b"OpusHead\0\x02\x01\x38\0\0\xbb\x80\xfa\0\0").unwrap();
        assert_eq!(mp4, stereo);
    }

    #[test]
    fn headers_without_sense_make_no_decoder() {
        let whole = head(2, 0, &[]);
        assert!(Opus::new(&whole).unwrap().is_some());
        for cut in 0..whole.len() {
            assert!(Opus::new(&whole[..cut]).unwrap().is_none(), "{cut}");
        }
        assert!(Opus::new(&head(6, 0, &[])).unwrap().is_none());
        assert!(Opus::new(&head(6, 255, &[6, 0, 0, 1, 2, 3, 4, 5])).unwrap().is_none());
        assert!(matches!(Opus::new(&head(0, 0, &[])), Err(AudioProblem::NoChannels)));
        assert!(matches!(Opus::new(&head(200, 255, &[0; 202])), Err(AudioProblem::TooManyChannels { .. })));
    }
}
