//! Log-mel frames as `LasrFeatureExtractor` of transformers 5.23.0 computes them.
//!
//! Frames that lie within the samples, under a symmetric Hann window at the start of the transform; power, mel with
//! triangles on the mel scale, `ln` with a floor; not normalised. All arithmetic is f64. Shapes: `N` samples, `T`
//! frames, `M` mel bins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::{MAX_BINS, SAMPLING_RATE};
use super::mel_filters::MelFilters;
use super::settings_file::SettingsFile;
use super::spectrum::{MelSpectrum, hann};
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "LasrFeatureExtractor";
/// Samples of a frame, 25 ms.
const WINDOW: usize = 400;
/// Samples from one frame to the next, 10 ms.
pub(super) const HOP: usize = 160;
/// Length of the Fourier transform.
const N_FFT: usize = 512;
/// Ends of the filters, in Hz.
const RANGE_HZ: std::ops::Range<f64> = 125.0..7500.0;
/// Least energy of a filter.
const ENERGY_FLOOR: f64 = 1e-5;
/// Fewest frames: the encoder's two convolutions make one state of them.
const MIN_FRAMES: usize = 13;

/// Settings of [`LasrMel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LasrMelConfig {
    /// Mel bins `M` of a frame. Default: 128.
    pub feature_size: usize,
}

impl Default for LasrMelConfig {
    fn default() -> Self {
        Self { feature_size: 128 }
    }
}

/// What is read of the file; window, hop and transform have one value in every published one.
#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    feature_size: usize,
    sampling_rate: u32,
    hop_length: usize,
    n_fft: usize,
    win_length: usize,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            feature_size: LasrMelConfig::default().feature_size,
            sampling_rate: SAMPLING_RATE,
            hop_length: HOP,
            n_fft: N_FFT,
            win_length: WINDOW,
        }
    }
}

impl LasrMelConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let config: ConfigFile = file.parse()?;
        let mut problems = Vec::new();
        if !(1..=MAX_BINS).contains(&config.feature_size) {
            problems.push(ConfigProblem {
                field: "feature_size",
                found: config.feature_size.to_string(),
                expected: format!("1 to {MAX_BINS}"),
            });
        }
        for (field, value, only) in [
            ("hop_length", config.hop_length, HOP),
            ("n_fft", config.n_fft, N_FFT),
            ("win_length", config.win_length, WINDOW),
        ] {
            if value != only {
                let expected = only.to_string();
                problems.push(ConfigProblem { field, found: value.to_string(), expected });
            }
        }
        if config.sampling_rate != SAMPLING_RATE {
            problems.push(ConfigProblem::sampling_rate(config.sampling_rate));
        }
        let feature_size = config.feature_size;
        if problems.is_empty() { Ok(Self { feature_size }) } else { Err(file.invalid(problems)) }
    }
}

/// Computes [`Features`] from samples. Cheap to clone and shared between threads.
#[derive(Clone)]
pub struct LasrMel {
    config: LasrMelConfig,
    /// Symmetric Hann window.
    window: Vec<f64>,
    spectrum: MelSpectrum,
}

impl fmt::Debug for LasrMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LasrMel").field("config", &self.config).finish_non_exhaustive()
    }
}

impl LasrMel {
    /// Prepares window, filters and transform.
    pub fn new(config: LasrMelConfig) -> Self {
        let filters = MelFilters::kaldi(config.feature_size, N_FFT, SAMPLING_RATE, RANGE_HZ);
        Self { config, window: hann(WINDOW), spectrum: MelSpectrum::new(N_FFT, filters) }
    }

    /// The settings.
    pub fn config(&self) -> LasrMelConfig {
        self.config
    }

    /// The frames of one utterance. Samples are mono, at 16 kHz, and finite; fewer than make a state of the encoder
    /// are filled up with zeros.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T, M]`, `T = 1 + (N - 400) / 160`
    pub fn extract(&self, samples: &[f32]) -> Features {
        let count = samples.len().max(WINDOW + (MIN_FRAMES - 1) * HOP);
        let frames = 1 + (count - WINDOW) / HOP;
        let load = |t: usize, frame: &mut [f64]| {
            let samples = samples.iter().skip(t * HOP);
            for (slot, (sample, weight)) in frame.iter_mut().zip(samples.zip(&self.window)) {
                *slot = weight * f64::from(*sample);
            }
        };
        let log_mels = self.spectrum.log_mels(frames, load, |energy| energy.max(ENERGY_FLOOR).ln());
        let values = log_mels.into_iter().map(|value| value as f32).collect();
        Features { values, frames, bins: self.config.feature_size }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn transformers_computes_the_same() {
        let tensor = |name| fixture("lasr", name).1;
        let (waveform, expected) = (tensor("waveform"), tensor("input_features"));
        let features = LasrMel::new(LasrMelConfig::default()).extract(&waveform);
        assert_eq!((features.frames, features.bins), (98, 128));
        let gaps = features.values.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = gaps.fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }

    #[test]
    fn short_input_makes_a_state() {
        let features = LasrMel::new(LasrMelConfig::default()).extract(&[0.1; 100]);
        assert_eq!(features.frames, MIN_FRAMES);
        assert!(features.values.iter().all(|value| value.is_finite()));
    }
}
