//! Converts mono samples to 16 kHz with rubato's Fourier resampler, which is aligned to the sample.

use std::panic::{AssertUnwindSafe, catch_unwind};

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::SAMPLE_RATE;
use super::problem::AudioProblem;

/// Input frames a transform takes in, rounded up to a multiple that suits the two rates. Long blocks bring the edge
/// of the filter close to half the sample rate.
const BLOCK: usize = 4096;

/// Resamples `samples` from `rate` Hz; equal rates return them untouched.
///
/// The samples must be finite and within [`MAX_SAMPLE`](super::limits::MAX_SAMPLE), and the rate within
/// [`SAMPLE_RATES`](super::limits::SAMPLE_RATES): outside of them rubato panics or asks for gigabytes. The output has
/// the duration of the input, rounded up to a sample.
pub(super) fn to_model_rate(samples: Vec<f32>, rate: u32) -> Result<Vec<f32>, AudioProblem> {
    if rate == SAMPLE_RATE || samples.is_empty() {
        return Ok(samples);
    }
    // The checks above leave no known way to a panic; this is the last line.
    let resampled = catch_unwind(AssertUnwindSafe(|| convert(&samples, rate)));
    let Ok(Some(mut resampled)) = resampled else {
        return Err(AudioProblem::Resampler { rate });
    };
    // rubato computes the length in floating point.
    resampled.resize(output_len(samples.len(), rate), 0.0);
    Ok(resampled)
}

fn convert(samples: &[f32], rate: u32) -> Option<Vec<f32>> {
    let (from, to) = (rate as usize, SAMPLE_RATE as usize);
    let mut resampler = Fft::<f32>::new(from, to, BLOCK, 1, FixedSync::Both).ok()?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).ok()?;
    let output = resampler.process_all(&input, samples.len(), None).ok()?;
    Some(output.take_data())
}

/// Samples at 16 kHz that last as long as `len` samples at `rate` Hz, rounded up.
fn output_len(len: usize, rate: u32) -> usize {
    (len as u128 * u128::from(SAMPLE_RATE)).div_ceil(u128::from(rate.max(1))) as usize
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn tone(len: usize, rate: u32, hz: f64) -> Vec<f32> {
        (0..len).map(|n| (0.5 * (2.0 * PI * hz * n as f64 / f64::from(rate)).sin()) as f32).collect()
    }

    #[test]
    fn equal_rates_are_bit_exact() {
        let samples = vec![0.1, -0.0, f32::MIN_POSITIVE / 4.0, -1.5];
        let same = to_model_rate(samples.clone(), SAMPLE_RATE).unwrap();
        let bits = |samples: &[f32]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&same), bits(&samples));
    }

    #[test]
    fn duration_and_alignment_are_kept() {
        for rate in [8_000, 22_050, 44_100, 48_000, 192_000] {
            let len = rate as usize;
            let resampled = to_model_rate(tone(len, rate, 440.0), rate).unwrap();
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
                let resampled = to_model_rate(vec![0.25; len], rate).unwrap();
                assert_eq!(resampled.len(), output_len(len, rate));
                assert!(resampled.iter().all(|x| x.is_finite()));
            }
        }
    }

    #[test]
    fn the_largest_samples_stay_finite() {
        let resampled = to_model_rate(vec![1e6; 5000], 48_000).unwrap();
        assert!(resampled.iter().all(|x| x.is_finite()));
    }
}
