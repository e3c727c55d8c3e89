//! Log-mel frames two by two, as `GraniteSpeechFeatureExtractor` of transformers 5.23.0 computes them.
//!
//! The mel frames are those of [`GraniteFrames`]. Shapes: `N` samples, `T` frames of `M` values, `B` mel bins: `M = 2B`.

use serde::{Deserialize, Serialize};

use super::config::{MAX_BINS, SAMPLING_RATE};
use super::granite_frames::{GraniteFrames, MEL_HOP, MIN_SAMPLES, N_FFT, STACKED, WINDOW};
use super::settings_file::SettingsFile;
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "GraniteSpeechFeatureExtractor";
/// Samples from one frame to the next.
pub(super) const HOP: usize = MEL_HOP * STACKED;
/// How far a value may be below the loudest one, as a power of ten; no config says it.
const FLOOR: f64 = 8.0;

/// Settings of [`GraniteMel`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GraniteMelConfig {
    /// Mel bins `B`. Default: 80.
    pub n_mels: usize,
}

impl Default for GraniteMelConfig {
    fn default() -> Self {
        Self { n_mels: 80 }
    }
}

/// What is read of the file. transformers 5.23.0 takes the top-level keys alone and does not read `melspec_kwargs`, which
/// say the same in every published file.
#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    n_mels: usize,
    sampling_rate: u32,
    hop_length: usize,
    n_fft: usize,
    win_length: usize,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            n_mels: GraniteMelConfig::default().n_mels,
            sampling_rate: SAMPLING_RATE,
            hop_length: MEL_HOP,
            n_fft: N_FFT,
            win_length: WINDOW,
        }
    }
}

impl GraniteMelConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let config: ConfigFile = file.parse()?;
        let mut problems = Vec::new();
        let mut check = |ok: bool, field, found: usize, expected: String| {
            if !ok {
                problems.push(ConfigProblem { field, found: found.to_string(), expected });
            }
        };
        let bins = config.n_mels;
        check((1..=MAX_BINS).contains(&bins), "n_mels", bins, format!("1 to {MAX_BINS}"));
        for (field, value, only) in [
            ("hop_length", config.hop_length, MEL_HOP),
            ("n_fft", config.n_fft, N_FFT),
            ("win_length", config.win_length, WINDOW),
        ] {
            check(value == only, field, value, only.to_string());
        }
        if config.sampling_rate != SAMPLING_RATE {
            problems.push(ConfigProblem::sampling_rate(config.sampling_rate));
        }
        if problems.is_empty() { Ok(Self { n_mels: bins }) } else { Err(file.invalid(problems)) }
    }

    /// Values `M` of a frame.
    pub fn width(&self) -> usize {
        STACKED * self.n_mels
    }
}

/// Computes [`Features`] from samples. Cheap to clone and shared between threads.
#[derive(Clone, Debug)]
pub struct GraniteMel {
    config: GraniteMelConfig,
    frames: GraniteFrames,
}

impl GraniteMel {
    /// Prepares window, filters and transform.
    pub fn new(config: GraniteMelConfig) -> Self {
        Self { config, frames: GraniteFrames::new(config.n_mels, FLOOR) }
    }

    /// The settings.
    pub fn config(&self) -> GraniteMelConfig {
        self.config
    }

    /// The frames of one utterance. Samples are mono, at 16 kHz, and finite.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T, M]`, `T` half of `N / 160 + 1`, rounded down
    pub fn extract(&self, samples: &[f32]) -> Features {
        let count = samples.len().max(MIN_SAMPLES);
        let mel_frames = count / MEL_HOP + 1;
        // The last frame counts for the floor, and falls away where it has no neighbour.
        let mels = self.frames.log_mels(samples, count, mel_frames);
        let frames = mel_frames / STACKED;
        let bins = self.config.width();
        // [2T, B] -> [T, 2B]: rows that stand one after the other stand side by side.
        let values = mels[..frames * bins].iter().map(|&value| value as f32).collect();
        Features { values, frames, bins }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn transformers_computes_the_same() {
        let tensor = |name: String| fixture("granite_speech", &name);
        for number in 0..2 {
            let (shape, expected) = tensor(format!("input_features.{number}"));
            let samples = tensor(format!("waveform.{number}")).1;
            let found = GraniteMel::new(GraniteMelConfig::default()).extract(&samples);
            assert_eq!([found.frames, found.bins], shape[..]);
            let gaps = found.values.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let worst = gaps.fold(0.0, f32::max);
            assert!(worst < 5e-5, "{number}: {worst}");
        }
    }

    #[test]
    fn short_and_silent_input_makes_a_frame() {
        for samples in [&[][..], &[0.1; 100], &[0.0; 1600]] {
            let features = GraniteMel::new(GraniteMelConfig::default()).extract(samples);
            assert_eq!(features.frames, 5);
            assert!(features.values.iter().all(|value| value.is_finite()));
        }
    }
}
