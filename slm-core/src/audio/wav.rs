//! Decodes the samples of a WAV file with hound, behind a header of our own.
//!
//! hound refuses many usable files and misreads some, so it never sees the header of the file: it is given a fresh
//! canonical one and exactly the bytes that [`wav_header`](super::wav_header) found.

use std::io::{Read, Seek, SeekFrom};

use super::limits::MAX_SAMPLE;
use super::problem::AudioProblem;
use super::resample::ModelRate;
use super::wav_header::{Encoding, WavFormat, WavHeader};

/// Bytes of the canonical header.
const HEADER_BYTES: u32 = 44;

/// Decodes all frames, averages the channels and resamples to 16 kHz.
pub(super) fn decode<R: Read + Seek>(reader: &mut R, header: &WavHeader) -> Result<Vec<f32>, AudioProblem> {
    let format = header.format;
    let frame_bytes = u32::from(format.frame_bytes());
    // A header holds sizes below 4 GiB; longer data is read in several parts.
    let part_frames = u64::from((u32::MAX - HEADER_BYTES) / frame_bytes);
    let mut mixer = Mixer::new(format, header.frames)?;
    let mut left = header.frames;
    reader.seek(SeekFrom::Start(header.data_start))?;
    while left > 0 {
        let frames = left.min(part_frames);
        let bytes = frames as u32 * frame_bytes;
        let head = canonical_header(format, bytes);
        let data = Read::by_ref(reader).take(u64::from(bytes));
        let wav = hound::WavReader::new(head.as_slice().chain(data))?;
        match format.encoding {
            Encoding::Pcm(_) => {
                for sample in wav.into_samples::<i32>() {
                    mixer.push(f64::from(sample?));
                }
            }
            Encoding::Float32 => {
                for sample in wav.into_samples::<f32>() {
                    mixer.push(f64::from(sample?));
                }
            }
        }
        left -= frames;
    }
    mixer.finish()
}

/// A header of 44 bytes before `bytes` of data.
fn canonical_header(format: WavFormat, bytes: u32) -> Vec<u8> {
    let tag: u16 = match format.encoding {
        Encoding::Pcm(_) => 1,
        Encoding::Float32 => 3,
    };
    let align = format.frame_bytes();
    let byte_rate = format.sample_rate * u32::from(align);
    let mut head = Vec::with_capacity(HEADER_BYTES as usize);
    head.extend(b"RIFF");
    head.extend((bytes + HEADER_BYTES - 8).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    head.extend(tag.to_le_bytes());
    head.extend(format.channels.to_le_bytes());
    head.extend(format.sample_rate.to_le_bytes());
    head.extend(byte_rate.to_le_bytes());
    head.extend(align.to_le_bytes());
    head.extend(format.bits().to_le_bytes());
    head.extend(b"data");
    head.extend(bytes.to_le_bytes());
    head
}

/// Averages the channels of each frame, watches for values no audio has, and hands the rest on to the resampler.
struct Mixer {
    channels: u16,
    rate: f64,
    /// Value of the smallest step, 1 for floats.
    scale: f64,
    /// Channels of the present frame so far, and their sum.
    filled: u16,
    sum: f64,
    /// Whole frames so far.
    frame: u64,
    output: ModelRate,
    /// Count of non-finite values, and frame of the first.
    non_finite: u64,
    first_non_finite: Option<u64>,
    /// First value beyond the limit, and its frame.
    too_loud: Option<(f64, u64)>,
}

/// Start of a sum: unlike 0.0 it keeps the sign of a lone -0.0, so that mono samples pass bit by bit.
const EMPTY_SUM: f64 = -0.0;

impl Mixer {
    /// Makes room for `frames`, which the file must really have.
    fn new(format: WavFormat, frames: u64) -> Result<Self, AudioProblem> {
        Ok(Self {
            channels: format.channels,
            rate: f64::from(format.sample_rate),
            scale: match format.encoding {
                Encoding::Pcm(bits) => 0.5_f64.powi(i32::from(bits) - 1),
                Encoding::Float32 => 1.0,
            },
            filled: 0,
            sum: EMPTY_SUM,
            frame: 0,
            output: ModelRate::new(frames, format.sample_rate)?,
            non_finite: 0,
            first_non_finite: None,
            too_loud: None,
        })
    }

    /// Takes the next stored value.
    fn push(&mut self, stored: f64) {
        let value = stored * self.scale;
        let frame = self.frame;
        if !value.is_finite() {
            self.non_finite += 1;
            self.first_non_finite.get_or_insert(frame);
        } else if value.abs() > f64::from(MAX_SAMPLE) {
            self.too_loud.get_or_insert((value, frame));
        }
        self.sum += value;
        self.filled += 1;
        if self.filled == self.channels {
            let mean = self.sum / f64::from(self.channels);
            // The resampler must not see what the file is refused for.
            if self.first_non_finite.is_none() && self.too_loud.is_none() {
                self.output.push(mean as f32);
            }
            self.frame += 1;
            self.filled = 0;
            self.sum = EMPTY_SUM;
        }
    }

    /// The mono samples at 16 kHz, if all were sound.
    fn finish(self) -> Result<Vec<f32>, AudioProblem> {
        if let Some(frame) = self.first_non_finite {
            return Err(AudioProblem::NonFinite {
                count: self.non_finite,
                seconds: frame as f64 / self.rate,
            });
        }
        if let Some((value, frame)) = self.too_loud {
            return Err(AudioProblem::TooLoud {
                value: value as f32,
                seconds: frame as f64 / self.rate,
                limit: MAX_SAMPLE,
            });
        }
        self.output.finish()
    }
}
