//! Log-mel frames as `WhisperFeatureExtractor` of transformers 5.23.0 computes them.
//!
//! Paper: *Robust Speech Recognition via Large-Scale Weak Supervision*, arXiv 2212.04356, section 2.2. Windows of 30 s,
//! each by itself: zeros after the samples, centred transform with reflected ends, periodic Hann window, power, slaney
//! mel, `log10` with a floor, at most 8 below the loudest value of the window, `(x + 4) / 4`; the last frame is dropped.
//! All arithmetic is f64. Shapes: `N` samples, `T` frames, `M` mel bins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::{MAX_BINS, SAMPLING_RATE};
use super::mel_filters::MelFilters;
use super::settings_file::SettingsFile;
use super::spectrum::{MelSpectrum, hann};
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "WhisperFeatureExtractor";
/// Samples of a frame and of the Fourier transform, 25 ms.
const N_FFT: usize = 400;
/// Samples from one frame to the next, 10 ms.
pub(super) const HOP: usize = 160;
/// The longest window in seconds that is taken for one.
const MAX_CHUNK: usize = 600;
/// Least energy of a filter.
const ENERGY_FLOOR: f64 = 1e-10;
/// How far below the loudest value of a window a value may lie, in powers of ten.
const DEPTH: f64 = 8.0;

/// What becomes of a window that the samples do not fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WindowFill {
    /// Zeros follow, as the published models were trained.
    #[default]
    #[serde(rename = "max_length")]
    Zeros,
    /// It ends where the samples end: the encoder reads fewer frames, by the first rows of its positions. It takes a
    /// fraction of the time; the states are not those of a filled window.
    #[serde(rename = "do_not_pad")]
    Nothing,
}

/// Settings of [`WhisperMel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WhisperMelConfig {
    /// Mel bins `M` of a frame. Default: 80.
    pub feature_size: usize,
    /// Seconds of a window. Default: 30.
    pub chunk_length: usize,
    /// What becomes of a window that the samples do not fill, by the names of the argument of the class in transformers.
    /// Its files do not have it. Default: zeros.
    pub padding: WindowFill,
}

impl Default for WhisperMelConfig {
    fn default() -> Self {
        Self { feature_size: 80, chunk_length: 30, padding: WindowFill::Zeros }
    }
}

/// What is read of the file; a filter bank in it is the one that is computed here.
#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    feature_size: usize,
    chunk_length: usize,
    padding: WindowFill,
    sampling_rate: u32,
    hop_length: usize,
    n_fft: usize,
}

impl Default for ConfigFile {
    fn default() -> Self {
        let WhisperMelConfig { feature_size, chunk_length, padding } = WhisperMelConfig::default();
        let sampling_rate = SAMPLING_RATE;
        Self { feature_size, chunk_length, padding, sampling_rate, hop_length: HOP, n_fft: N_FFT }
    }
}

impl WhisperMelConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let found: ConfigFile = file.parse()?;
        let mut problems = Vec::new();
        for (field, value, most) in
            [("feature_size", found.feature_size, MAX_BINS), ("chunk_length", found.chunk_length, MAX_CHUNK)]
        {
            if !(1..=most).contains(&value) {
                let expected = format!("1 to {most}");
                problems.push(ConfigProblem { field, found: value.to_string(), expected });
            }
        }
        for (field, value, only) in [("hop_length", found.hop_length, HOP), ("n_fft", found.n_fft, N_FFT)] {
            if value != only {
                let expected = only.to_string();
                problems.push(ConfigProblem { field, found: value.to_string(), expected });
            }
        }
        if found.sampling_rate != SAMPLING_RATE {
            problems.push(ConfigProblem::sampling_rate(found.sampling_rate));
        }
        let ConfigFile { feature_size, chunk_length, padding, .. } = found;
        let config = Self { feature_size, chunk_length, padding };
        if problems.is_empty() { Ok(config) } else { Err(file.invalid(problems)) }
    }

    /// Samples of a window.
    fn window(self) -> usize {
        self.chunk_length * SAMPLING_RATE as usize
    }
}

/// Computes [`Features`] from samples. Cheap to clone and shared between threads.
#[derive(Clone)]
pub struct WhisperMel {
    config: WhisperMelConfig,
    /// Periodic Hann window.
    window: Vec<f64>,
    spectrum: MelSpectrum,
}

impl fmt::Debug for WhisperMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhisperMel").field("config", &self.config).finish_non_exhaustive()
    }
}

impl WhisperMel {
    /// Prepares window, filters and transform.
    pub fn new(config: WhisperMelConfig) -> Self {
        let filters = MelFilters::slaney(config.feature_size, N_FFT, SAMPLING_RATE);
        let mut window = hann(N_FFT + 1);
        window.pop();
        Self { config, window, spectrum: MelSpectrum::new(N_FFT, filters) }
    }

    /// The settings.
    pub fn config(&self) -> WhisperMelConfig {
        self.config
    }

    /// Seconds of a window.
    pub fn window_seconds(&self) -> f64 {
        self.config.chunk_length as f64
    }

    /// The frames of one utterance, window after window. Samples are mono, at 16 kHz, and finite.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T, M]`, 100 frames a second, of all windows or of the samples
    pub fn extract(&self, samples: &[f32]) -> Features {
        let window = self.config.window();
        let mut values = Vec::new();
        if samples.is_empty() {
            self.push_window(&[], &mut values);
        }
        for part in samples.chunks(window) {
            self.push_window(part, &mut values);
        }
        let bins = self.config.feature_size;
        Features { frames: values.len() / bins, values, bins }
    }

    /// Appends the frames of a window's samples.
    fn push_window(&self, samples: &[f32], values: &mut Vec<f32>) {
        let count = match self.config.padding {
            WindowFill::Zeros => self.config.window(),
            // Below a frame nothing could be reflected.
            WindowFill::Nothing => samples.len().max(N_FFT),
        };
        let load = |t: usize, frame: &mut [f64]| {
            for (i, (slot, weight)) in frame.iter_mut().zip(&self.window).enumerate() {
                let place = reflected(t * HOP + i, count);
                *slot = weight * samples.get(place).copied().map_or(0.0, f64::from);
            }
        };
        let log = |energy: f64| energy.max(ENERGY_FLOOR).log10();
        let log_mels = self.spectrum.log_mels(count / HOP, load, log);
        let loudest = log_mels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        values.extend(log_mels.into_iter().map(|value| ((value.max(loudest - DEPTH) + 4.0) / 4.0) as f32));
    }
}

/// The sample of `count` at `position`, which counts from half a transform before the first one; beyond the ends they
/// come again in reverse.
fn reflected(position: usize, count: usize) -> usize {
    let place = position.abs_diff(N_FFT / 2);
    if position >= N_FFT / 2 && place >= count { 2 * (count - 1) - place } else { place }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    /// What silence has: ten below 0 in powers of ten.
    const FLOOR: f32 = -1.5;

    fn clip(name: &str) -> Vec<f32> {
        fixture("whisper", name).1
    }

    #[test]
    fn transformers_computes_the_same() {
        for bins in [80, 128] {
            let mel = WhisperMel::new(WhisperMelConfig { feature_size: bins, ..WhisperMelConfig::default() });
            for index in 0..2 {
                let features = mel.extract(&clip(&format!("waveform.{index}")));
                assert_eq!((features.frames, features.bins), (3000, bins));
                // The reference is [M, n]; all frames after n hold one value.
                let (shape, expected) = fixture("whisper", &format!("whisper{bins}.{index}.input_features"));
                let rest = clip(&format!("whisper{bins}.{index}.rest"))[0];
                let of = |t: usize, m: usize| if t < shape[1] { expected[m * shape[1] + t] } else { rest };
                let gaps = (0..3000).flat_map(|t| (0..bins).map(move |m| (t, m)));
                let gaps = gaps.map(|(t, m)| (features.values[t * bins + m] - of(t, m)).abs());
                let worst = gaps.fold(0.0, f32::max);
                assert!(worst < 3e-5, "{bins} bins, clip {index}: {worst}");
            }
        }
    }

    #[test]
    fn windows_are_each_by_themselves() {
        let config = WhisperMelConfig { chunk_length: 1, ..WhisperMelConfig::default() };
        let mel = WhisperMel::new(config);
        let samples: Vec<f32> = (0..20_000).map(|i| ((i * i % 977) as f32 / 977.0 - 0.5) * 0.2).collect();
        let features = mel.extract(&samples);
        assert_eq!(features.frames, 200);
        let parts = [mel.extract(&samples[..16_000]).values, mel.extract(&samples[16_000..]).values];
        assert_eq!(features.values, parts.concat());
    }

    #[test]
    fn without_filling_there_are_the_frames_of_the_samples() {
        let config = WhisperMelConfig { padding: WindowFill::Nothing, ..WhisperMelConfig::default() };
        let mel = WhisperMel::new(config);
        let samples = clip("waveform.1");
        let features = mel.extract(&samples);
        assert_eq!(features.frames, samples.len() / 160);
        // Far from the end they are those of a filled window.
        let filled = WhisperMel::new(WhisperMelConfig::default()).extract(&samples);
        assert_eq!(features.values[..80 * 20], filled.values[..80 * 20]);
        assert_eq!(mel.extract(&[]).frames, 2);
        assert!(mel.extract(&[]).values.iter().all(|value| (value - FLOOR).abs() < 1e-6));
    }
}
