//! Converts mono samples to 16 kHz with rubato's Fourier resampler, which is aligned to the sample.
//!
//! Samples are taken as they are decoded, a block at a time, and given on at once: memory does not grow with the
//! duration.

use std::panic::{AssertUnwindSafe, catch_unwind};

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::SAMPLE_RATE;
use super::problem::AudioProblem;

/// Input frames a transform takes in, rounded up to a multiple that suits the two rates. Long blocks bring the edge
/// of the filter close to half the sample rate.
const BLOCK: usize = 4096;

/// Takes mono samples in their order and gives them at 16 kHz; of equal rates they stay untouched.
///
/// The samples must be finite and within [`MAX_SAMPLE`](super::limits::MAX_SAMPLE), and the rate within
/// [`SAMPLE_RATES`](super::limits::SAMPLE_RATES): outside of them rubato panics or asks for gigabytes. The output has
/// the duration of the input, rounded up to a sample.
pub(super) struct ModelRate {
    rate: u32,
    /// Samples taken and given so far.
    taken: u64,
    given: u64,
    /// `None` until the first sample that needs it.
    blocks: Option<Blocks>,
}

impl ModelRate {
    /// For samples at `rate` Hz.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, taken: 0, given: 0, blocks: None }
    }

    /// Takes the next samples, and adds to `output` what is ready.
    pub(super) fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) -> Result<(), AudioProblem> {
        self.taken = self.taken.saturating_add(samples.len() as u64);
        if self.rate == SAMPLE_RATE {
            output.extend_from_slice(samples);
            return Ok(());
        }
        if self.blocks.is_none() && !samples.is_empty() {
            self.blocks = Some(Blocks::new(self.rate).ok_or(AudioProblem::Resampler { rate: self.rate })?);
        }
        let before = output.len();
        if let Some(blocks) = &mut self.blocks {
            for &sample in samples {
                blocks.push(sample, output);
            }
        }
        self.given += (output.len() - before) as u64;
        self.check()
    }

    /// Adds what is left to `output`.
    pub(super) fn finish(&mut self, output: &mut Vec<f32>) -> Result<(), AudioProblem> {
        let length = output_len(self.taken, self.rate);
        if let Some(blocks) = &mut self.blocks {
            // What is left, and silence until the filter has given everything.
            while !blocks.failed && self.given < length {
                let before = output.len();
                blocks.run(output);
                let more = length - self.given;
                output.truncate(before.saturating_add(usize::try_from(more).unwrap_or(usize::MAX)));
                self.given += (output.len() - before) as u64;
            }
        }
        self.check()
    }

    fn check(&self) -> Result<(), AudioProblem> {
        match &self.blocks {
            Some(blocks) if blocks.failed => Err(AudioProblem::Resampler { rate: self.rate }),
            _ => Ok(()),
        }
    }
}

/// The resampler and the block that is being filled.
struct Blocks {
    resampler: Fft<f32>,
    input: Vec<f32>,
    /// Samples of a full block.
    size: usize,
    /// Samples of the output still to drop: the delay of the filter.
    delay: usize,
    failed: bool,
}

impl Blocks {
    fn new(rate: u32) -> Option<Self> {
        let make =
            || Fft::<f32>::new(rate as usize, SAMPLE_RATE as usize, block_of(rate), 1, FixedSync::Both);
        let resampler = catch_unwind(make).ok()?.ok()?;
        let (size, delay) = (resampler.input_frames_next(), resampler.output_delay());
        Some(Self { resampler, input: Vec::with_capacity(size), size, delay, failed: false })
    }

    fn push(&mut self, sample: f32, output: &mut Vec<f32>) {
        self.input.push(sample);
        if self.input.len() == self.size {
            self.run(output);
        }
    }

    /// Resamples the block, filled up with silence, onto the end of `output`.
    fn run(&mut self, output: &mut Vec<f32>) {
        self.input.resize(self.size, 0.0);
        if !self.failed {
            // The checks before leave no known way to a panic; this is the last line.
            let block = catch_unwind(AssertUnwindSafe(|| self.convert()));
            match block {
                Ok(Some(block)) => {
                    let dropped = self.delay.min(block.len());
                    self.delay -= dropped;
                    output.extend_from_slice(block.get(dropped..).unwrap_or_default());
                }
                _ => self.failed = true,
            }
        }
        self.input.clear();
    }

    fn convert(&mut self) -> Option<Vec<f32>> {
        let input = InterleavedSlice::new(&self.input[..], 1, self.size).ok()?;
        Some(self.resampler.process(&input, None).ok()?.take_data())
    }
}

/// Input frames of a block at this rate.
///
/// The filter delays its output by half a block, so a block of an odd count would shift the audio by half a sample: at
/// 96 kHz one of 4,098 frames gives 683.
fn block_of(rate: u32) -> usize {
    let common = common_divisor(rate, SAMPLE_RATE);
    let (input, output) = ((rate / common) as usize, (SAMPLE_RATE / common) as usize);
    let units = BLOCK.div_ceil(input.max(1));
    let is_odd = units % 2 == 1 && output % 2 == 1;
    (units + usize::from(is_odd)) * input
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { common_divisor(b, a % b) }
}

/// Samples at 16 kHz that last as long as `frames` samples at `rate` Hz, rounded up.
fn output_len(frames: u64, rate: u32) -> u64 {
    let length = (u128::from(frames) * u128::from(SAMPLE_RATE)).div_ceil(u128::from(rate.max(1)));
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn to_model_rate(samples: &[f32], rate: u32) -> Result<Vec<f32>, AudioProblem> {
        let (mut resampler, mut output) = (ModelRate::new(rate), Vec::new());
        for piece in samples.chunks(1000) {
            resampler.push(piece, &mut output)?;
        }
        resampler.finish(&mut output)?;
        Ok(output)
    }

    /// What rubato makes of all samples at once.
    fn whole(samples: &[f32], rate: u32) -> Vec<f32> {
        let mut resampler =
            Fft::<f32>::new(rate as usize, SAMPLE_RATE as usize, block_of(rate), 1, FixedSync::Both).unwrap();
        let input = InterleavedSlice::new(samples, 1, samples.len()).unwrap();
        let mut output = resampler.process_all(&input, samples.len(), None).unwrap().take_data();
        output.resize(output_len(samples.len() as u64, rate) as usize, 0.0);
        output
    }

    fn tone(len: usize, rate: u32, hz: f64) -> Vec<f32> {
        (0..len).map(|n| (0.5 * (2.0 * PI * hz * n as f64 / f64::from(rate)).sin()) as f32).collect()
    }

    #[test]
    fn equal_rates_are_bit_exact() {
        let samples = vec![0.1, -0.0, f32::MIN_POSITIVE / 4.0, -1.5];
        let same = to_model_rate(&samples, SAMPLE_RATE).unwrap();
        let bits = |samples: &[f32]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&same), bits(&samples));
    }

    #[test]
    fn duration_and_alignment_are_kept() {
        for rate in [8_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let len = rate as usize;
            let resampled = to_model_rate(&tone(len, rate, 440.0), rate).unwrap();
            assert_eq!(resampled.len(), 16_000, "{rate} Hz");
            let expected = tone(16_000, SAMPLE_RATE, 440.0);
            let worst = resampled[1000..15_000]
                .iter()
                .zip(&expected[1000..15_000])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-2, "{rate} Hz: {worst}");
        }
    }

    #[test]
    fn every_length_keeps_its_duration() {
        for rate in [1_000, 11_025, 44_101, 48_000] {
            for len in [0, 1, 2, 3, 100, 4097] {
                let resampled = to_model_rate(&vec![0.25; len], rate).unwrap();
                assert_eq!(resampled.len() as u64, output_len(len as u64, rate));
                assert!(resampled.iter().all(|x| x.is_finite()));
            }
        }
    }

    #[test]
    fn the_largest_samples_stay_finite() {
        let resampled = to_model_rate(&vec![1e6; 5000], 48_000).unwrap();
        assert!(resampled.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn blocks_are_the_whole_bit_by_bit() {
        for (rate, len) in [
            (8_000, 30_000),
            (44_100, 50_001),
            (48_000, 3 * 4096),
            (1_000, 700),
            (96_000, 1),
            (96_000, 9_000),
        ] {
            let samples = tone(len, rate, 440.0);
            let bits = |samples: &[f32]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let found = to_model_rate(&samples, rate).unwrap();
            assert!(bits(&found) == bits(&whole(&samples, rate)), "{rate} Hz, {len} samples");
        }
    }
}
