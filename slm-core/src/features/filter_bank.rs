//! Filter-bank frames in the manner of Kaldi, two by two, as `SeamlessM4TFeatureExtractor` of transformers 5.23.0
//! computes them for w2v-BERT 2.0.
//!
//! Frames that lie within the samples, each without its mean, pre-emphasised, under a Povey window; power, mel with
//! triangles on the mel scale, logarithm; mean and deviation of each bin over the utterance; neighbouring frames
//! side by side. All arithmetic is f64. Shapes: `N` samples, `T` frames, `M` mel bins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::{MAX_BINS, SAMPLING_RATE};
use super::mel_filters::MelFilters;
use super::normalise::{self, Deviation};
use super::settings_file::SettingsFile;
use super::spectrum::{MelSpectrum, hann};
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "SeamlessM4TFeatureExtractor";
/// Samples of a frame, 25 ms.
const WINDOW: usize = 400;
/// Samples from one frame to the next, 10 ms.
pub(super) const HOP: usize = 160;
/// Length of the Fourier transform.
const N_FFT: usize = 512;
/// Coefficient of the pre-emphasis filter.
const PREEMPHASIS: f64 = 0.97;
/// Samples are 16-bit integers to Kaldi.
const SAMPLE_SCALE: f64 = 32_768.0;
/// Lowest frequency of a filter, in Hz.
const LOWEST_HZ: f64 = 20.0;
/// Least energy of a filter, the rounding unit of f32.
const ENERGY_FLOOR: f64 = 1.192_092_955_078_125e-7;
/// Most frames side by side.
const MAX_STRIDE: usize = 16;

/// Settings of [`FilterBank`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FilterBankConfig {
    /// Mel bins `M` of a frame. Default: 80.
    pub num_mel_bins: usize,
    /// Neighbouring frames that stand side by side. Default: 2.
    pub stride: usize,
}

impl Default for FilterBankConfig {
    fn default() -> Self {
        Self { num_mel_bins: 80, stride: 2 }
    }
}

/// What is read of the file. Its `padding_value` is not: padding never reaches an encoder here.
#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    num_mel_bins: usize,
    stride: usize,
    sampling_rate: u32,
}

impl Default for ConfigFile {
    fn default() -> Self {
        let FilterBankConfig { num_mel_bins, stride } = FilterBankConfig::default();
        Self { num_mel_bins, stride, sampling_rate: SAMPLING_RATE }
    }
}

impl FilterBankConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let ConfigFile { num_mel_bins, stride, sampling_rate } = file.parse()?;
        let mut problems = Vec::new();
        for (field, value, most) in [("num_mel_bins", num_mel_bins, MAX_BINS), ("stride", stride, MAX_STRIDE)]
        {
            if !(1..=most).contains(&value) {
                let expected = format!("1 to {most}");
                problems.push(ConfigProblem { field, found: value.to_string(), expected });
            }
        }
        if sampling_rate != SAMPLING_RATE {
            problems.push(ConfigProblem::sampling_rate(sampling_rate));
        }
        if problems.is_empty() { Ok(Self { num_mel_bins, stride }) } else { Err(file.invalid(problems)) }
    }
}

/// Computes [`Features`] from samples. Cheap to clone and shared between threads.
#[derive(Clone)]
pub struct FilterBank {
    config: FilterBankConfig,
    /// A symmetric Hann window to the power of 0.85.
    window: Vec<f64>,
    spectrum: MelSpectrum,
}

impl fmt::Debug for FilterBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterBank").field("config", &self.config).finish_non_exhaustive()
    }
}

impl FilterBank {
    /// Prepares window, filters and transform.
    pub fn new(config: FilterBankConfig) -> Self {
        let top = f64::from(SAMPLING_RATE) / 2.0;
        Self {
            config,
            window: hann(WINDOW).into_iter().map(|value| value.powf(0.85)).collect(),
            spectrum: MelSpectrum::new(
                N_FFT,
                MelFilters::kaldi(config.num_mel_bins, N_FFT, SAMPLING_RATE, LOWEST_HZ..top),
            ),
        }
    }

    /// The settings.
    pub fn config(&self) -> FilterBankConfig {
        self.config
    }

    /// The frames of one utterance, normalised over it; what is left of the last group of frames is dropped.
    ///
    /// Samples are mono, at 16 kHz, and finite. Too few of them for one group are filled up with zeros.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T / stride, stride * M]`, `T = 1 + (N - 400) / 160`
    pub fn extract(&self, samples: &[f32]) -> Features {
        let FilterBankConfig { num_mel_bins: bins, stride } = self.config;
        // A deviation needs two frames.
        let least = WINDOW + (stride.max(2) - 1) * HOP;
        let mut padded = Vec::new();
        let samples = if samples.len() < least {
            padded.extend_from_slice(samples);
            padded.resize(least, 0.0);
            padded.as_slice()
        } else {
            samples
        };
        let frames = 1 + (samples.len() - WINDOW) / HOP;
        let load = |t: usize, frame: &mut [f64]| self.load_frame(&samples[t * HOP..t * HOP + WINDOW], frame);
        let log_mels = self.spectrum.log_mels(frames, load, |energy| energy.max(ENERGY_FLOOR).ln());
        let mut values = normalise::over_utterance(&log_mels, frames, bins, Deviation::GuardedVariance);
        let groups = frames / stride;
        values.truncate(groups * stride * bins);
        Features { values, frames: groups, bins: stride * bins }
    }

    fn load_frame(&self, samples: &[f32], frame: &mut [f64]) {
        let mean = samples.iter().map(|&s| f64::from(s)).sum::<f64>() / WINDOW as f64;
        let centred = |i: usize| (f64::from(samples[i]) - mean) * SAMPLE_SCALE;
        for (i, (slot, weight)) in frame.iter_mut().zip(&self.window).enumerate() {
            let before = centred(i.saturating_sub(1));
            *slot = weight * (centred(i) - PREEMPHASIS * before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn transformers_computes_the_same() {
        let tensor = |name| fixture("io", name).1;
        let (waveform, expected) = (tensor("waveform"), tensor("w2vbert.input_features"));
        let bank = FilterBank::new(FilterBankConfig::default());
        for (row, (samples, frames)) in [(16_000, 49), (9000, 27)].into_iter().enumerate() {
            let features = bank.extract(&waveform[..samples]);
            assert_eq!(features.frames, frames);
            let expected = &expected[row * 49 * 160..];
            let gaps = features.values.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let worst = gaps.fold(0.0, f32::max);
            assert!(worst < 3e-4, "row {row}: {worst}");
        }
    }

    #[test]
    fn frames_stand_two_by_two() {
        let bank = FilterBank::new(FilterBankConfig::default());
        for (samples, groups) in [(16_000, 49), (160_000, 499), (480_000, 1499), (0, 1), (400, 1), (560, 1)] {
            let audio: Vec<f32> = (0..samples).map(|i| (i as f32 * 0.05).sin()).collect();
            let features = bank.extract(&audio);
            assert_eq!((features.frames, features.bins), (groups, 160), "{samples} samples");
            assert_eq!(features.values.len(), groups * 160);
            assert!(features.values.iter().all(|v| v.is_finite()), "{samples} samples");
        }
    }
}
