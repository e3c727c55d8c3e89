//! The decoder of a track.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use super::super::decode::Block;
use super::super::guard::guarded;
use super::super::problem::AudioProblem;
use super::super::wav::check_limits;
use super::aac::Aac;
use super::names;
use super::opus::{self, Opus};

/// One of symphonia's decoders, or that of AAC or Opus.
pub(super) enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Aac(Box<Aac>),
    Opus(Box<Opus>),
}

/// How decoding a packet went.
#[derive(Debug)]
pub(super) enum Decoded {
    /// There is audio in the block; with some packets none.
    Audio,
    /// The packet is damaged.
    Damaged,
}

impl Codec {
    pub(super) fn new(format: &'static str, params: &AudioCodecParameters) -> Result<Self, AudioProblem> {
        let undecodable = |source| AudioProblem::Undecodable { format, source };
        if params.codec == CODEC_ID_OPUS {
            let header = params.extra_data.as_deref().unwrap_or_default();
            return Opus::new(header)?
                .map(|opus| Self::Opus(Box::new(opus)))
                .ok_or_else(|| undecodable(None));
        }
        // Before anything is made by them; some formats tell them only in their packets.
        check_limits(
            params.channels.as_ref().map_or(1, Channels::count),
            params.sample_rate.filter(|&rate| rate > 0).unwrap_or(opus::RATE),
        )?;
        if params.codec == CODEC_ID_AAC {
            return match guarded(format, || Aac::new(params))? {
                Ok(aac) => Ok(Self::Aac(Box::new(aac))),
                Err(rusty_aac::Error::Unsupported(_)) => {
                    Err(AudioProblem::UnknownCodec { name: names::codec(params.codec) })
                }
                Err(_) => Err(undecodable(None)),
            };
        }
        // What comes before and after the audio is cut off by its time.
        let options = AudioDecoderOptions::default().gapless(false);
        let made = guarded(format, || symphonia::default::get_codecs().make_audio_decoder(params, &options))?;
        match made {
            Ok(decoder) => Ok(Self::Symphonia(decoder)),
            Err(Error::Unsupported(_)) => {
                Err(AudioProblem::UnknownCodec { name: names::codec(params.codec) })
            }
            Err(error) => Err(undecodable(Some(error))),
        }
    }

    /// Decodes a packet into `block`.
    pub(super) fn decode(
        &mut self,
        format: &'static str,
        packet: &Packet,
        block: &mut Block,
    ) -> Result<Decoded, AudioProblem> {
        block.samples.clear();
        match self {
            Self::Opus(opus) => {
                (block.channels, block.rate) = (opus.channels(), opus::RATE);
                let done = guarded(format, || opus.decode(&packet.data, &mut block.samples))?;
                Ok(if done.is_ok() { Decoded::Audio } else { Decoded::Damaged })
            }
            Self::Aac(aac) => {
                if guarded(format, || aac.decode(&packet.data, block))?.is_err() {
                    block.samples.clear();
                    return Ok(Decoded::Damaged);
                }
                check_limits(block.channels.into(), block.rate)?;
                Ok(Decoded::Audio)
            }
            Self::Symphonia(decoder) => {
                let done = guarded(format, || {
                    decoder.decode(packet).map(|buffer| {
                        buffer.copy_to_vec_interleaved(&mut block.samples);
                        (buffer.spec().channels().count(), buffer.spec().rate())
                    })
                })?;
                let Ok((channels, rate)) = done else {
                    block.samples.clear();
                    return Ok(Decoded::Damaged);
                };
                if !block.samples.is_empty() {
                    check_limits(channels, rate)?;
                    (block.channels, block.rate) = (channels as u16, rate);
                }
                Ok(Decoded::Audio)
            }
        }
    }

    /// Frames that come before the audio, where only the codec knows.
    pub(super) fn pre_skip(&self) -> u16 {
        match self {
            Self::Opus(opus) => opus.pre_skip(),
            Self::Aac(_) | Self::Symphonia(_) => 0,
        }
    }
}
