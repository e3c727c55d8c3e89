//! Blocks of ADPCM in WAV files, decoded by symphonia behind our own walk over the header.

use symphonia::core::audio::layouts;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::error::AudioWarning;
use super::guard::guarded;
use super::problem::AudioProblem;
use super::wav::{Coding, WavFormat};

const NAME: &str = "WAV (ADPCM)";

pub(super) struct Adpcm {
    format: WavFormat,
    decoder: Box<dyn AudioDecoder>,
    decoded: Vec<f64>,
}

impl Adpcm {
    pub(super) fn new(format: WavFormat) -> Result<Self, AudioProblem> {
        let codec = match format.coding {
            Coding::MsAdpcm(_) => CODEC_ID_ADPCM_MS,
            Coding::ImaAdpcm(_) | Coding::Plain(_) => CODEC_ID_ADPCM_IMA_WAV,
        };
        let channels =
            if format.channels == 1 { layouts::CHANNEL_LAYOUT_MONO } else { layouts::CHANNEL_LAYOUT_STEREO };
        let frames = u64::from(format.unit_frames());
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(codec)
            .with_sample_rate(format.sample_rate)
            .with_bits_per_coded_sample(4)
            .with_channels(channels)
            .with_max_frames_per_packet(frames)
            .with_frames_per_block(frames);
        let make =
            || symphonia::default::get_codecs().make_audio_decoder(&params, &AudioDecoderOptions::default());
        let decoder = guarded(NAME, make)?
            .map_err(|error| AudioProblem::Undecodable { format: NAME, source: Some(error) })?;
        Ok(Self { format, decoder, decoded: Vec::new() })
    }

    /// Decodes whole blocks, the first of which is at `at` seconds. A damaged one becomes silence.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        at: f64,
        samples: &mut Vec<f64>,
        warnings: &mut Vec<AudioWarning>,
    ) -> Result<(), AudioProblem> {
        let frames = self.format.unit_frames();
        let seconds = f64::from(frames) / f64::from(self.format.sample_rate);
        for (index, block) in bytes.chunks_exact(self.format.unit_bytes().into()).enumerate() {
            let packet = PacketRef::new(0, Timestamp::ZERO, Duration::new(frames.into()), block);
            let (decoder, decoded) = (&mut self.decoder, &mut self.decoded);
            decoded.clear();
            let done = guarded(NAME, || {
                decoder.decode_ref(&packet).map(|buffer| buffer.copy_to_vec_interleaved(decoded))
            });
            if done.is_err() {
                // Some damaged blocks overflow. What the panic has crossed is thrown away, and blocks know nothing of
                // each other.
                self.decoder = Self::new(self.format)?.decoder;
            }
            let decoded = &mut self.decoded;
            if !matches!(done, Ok(Ok(()))) {
                decoded.clear();
                decoded.resize(frames as usize * usize::from(self.format.channels), 0.0);
                warnings.push(AudioWarning::AudioLost { at: at + index as f64 * seconds, seconds });
            }
            samples.extend_from_slice(decoded);
        }
        Ok(())
    }
}
