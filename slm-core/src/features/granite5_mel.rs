//! Log-mel frames with their differences, two by two, as `GraniteSpeech5FeatureExtractor` of transformers 5.23.0
//! computes them.
//!
//! The mel frames are those of [`GraniteFrames`]; beside each stands how it changes. All arithmetic is f64. Shapes: `N` samples, `T` frames of `M` values, `B` mel bins: `M = 4B`.

use serde::{Deserialize, Serialize};

use super::config::{MAX_BINS, SAMPLING_RATE};
use super::granite_frames::{GraniteFrames, MEL_HOP, MIN_SAMPLES, N_FFT, STACKED, WINDOW};
use super::settings_file::SettingsFile;
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "GraniteSpeech5FeatureExtractor";
/// Samples from one frame to the next.
pub(super) const HOP: usize = MEL_HOP * STACKED;
/// Mel frames that a difference is taken over.
const DIFFERENCE: usize = 3;

/// Settings of [`Granite5Mel`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Granite5MelConfig {
    /// Mel bins `B`. Default: 80.
    pub num_mel_bins: usize,
    /// How far a value may be below the loudest one, as a power of ten. Default: 8.
    pub logmel_floor_db: f64,
}

impl Default for Granite5MelConfig {
    fn default() -> Self {
        Self { num_mel_bins: 80, logmel_floor_db: 8.0 }
    }
}

/// What is read of the file; windows, hop and transform have one value in every published one.
#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    num_mel_bins: usize,
    logmel_floor_db: f64,
    sampling_rate: u32,
    hop_length: usize,
    n_fft: usize,
    win_length: usize,
    delta_win_length: usize,
}

impl Default for ConfigFile {
    fn default() -> Self {
        let Granite5MelConfig { num_mel_bins, logmel_floor_db } = Granite5MelConfig::default();
        Self {
            num_mel_bins,
            logmel_floor_db,
            sampling_rate: SAMPLING_RATE,
            hop_length: MEL_HOP,
            n_fft: N_FFT,
            win_length: WINDOW,
            delta_win_length: DIFFERENCE,
        }
    }
}

impl Granite5MelConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let config: ConfigFile = file.parse()?;
        let mut problems = Vec::new();
        let mut check = |ok: bool, field, found: String, expected: String| {
            if !ok {
                problems.push(ConfigProblem { field, found, expected });
            }
        };
        let bins = config.num_mel_bins;
        let (fits, range) = ((1..=MAX_BINS).contains(&bins), format!("1 to {MAX_BINS}"));
        check(fits, "num_mel_bins", bins.to_string(), range);
        let floor = config.logmel_floor_db;
        let is_positive = floor.is_finite() && floor > 0.0;
        check(is_positive, "logmel_floor_db", floor.to_string(), "a positive number".into());
        for (field, value, only) in [
            ("hop_length", config.hop_length, MEL_HOP),
            ("n_fft", config.n_fft, N_FFT),
            ("win_length", config.win_length, WINDOW),
            ("delta_win_length", config.delta_win_length, DIFFERENCE),
        ] {
            check(value == only, field, value.to_string(), only.to_string());
        }
        if config.sampling_rate != SAMPLING_RATE {
            problems.push(ConfigProblem::sampling_rate(config.sampling_rate));
        }
        let found = Self { num_mel_bins: bins, logmel_floor_db: floor };
        if problems.is_empty() { Ok(found) } else { Err(file.invalid(problems)) }
    }

    /// Values `M` of a frame.
    pub fn width(&self) -> usize {
        2 * STACKED * self.num_mel_bins
    }
}

/// Computes [`Features`] from samples. Cheap to clone and shared between threads.
#[derive(Clone, Debug)]
pub struct Granite5Mel {
    config: Granite5MelConfig,
    frames: GraniteFrames,
}

impl Granite5Mel {
    /// Prepares window, filters and transform.
    pub fn new(config: Granite5MelConfig) -> Self {
        Self { config, frames: GraniteFrames::new(config.num_mel_bins, config.logmel_floor_db) }
    }

    /// The settings.
    pub fn config(&self) -> Granite5MelConfig {
        self.config
    }

    /// The frames of one utterance. Samples are mono, at 16 kHz, and finite.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T, M]`, `T` half of `N / 160`, rounded up
    pub fn extract(&self, samples: &[f32]) -> Features {
        let frames = (samples.len().max(MIN_SAMPLES) / MEL_HOP).div_ceil(STACKED);
        let mel_frames = frames * STACKED;
        // The last mel frame has its middle within the samples.
        let count = samples.len().max(MIN_SAMPLES).max((mel_frames - 1) * MEL_HOP + 1);
        let mels = self.frames.log_mels(samples, count, mel_frames);
        let bins = self.config.num_mel_bins;
        let row = |t: usize| &mels[t * bins..(t + 1) * bins];
        let mut values = Vec::with_capacity(2 * mels.len());
        for t in 0..mel_frames {
            // At the ends a frame is its own neighbour.
            let (before, after) = (row(t.saturating_sub(1)), row((t + 1).min(mel_frames - 1)));
            values.extend(row(t).iter().map(|&value| value as f32));
            values.extend(after.iter().zip(before).map(|(after, before)| ((after - before) / 2.0) as f32));
        }
        Features { values, frames, bins: self.config.width() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn transformers_computes_the_same() {
        let tensor = |name| fixture("granite_speech5", name);
        // An odd number of mel frames, one sample short of the middle of the last one.
        for (waveform, features) in [("waveform.0", "input_features.0"), ("waveform.1", "input_features.1")] {
            let (shape, expected) = tensor(features);
            let found = Granite5Mel::new(Granite5MelConfig::default()).extract(&tensor(waveform).1);
            assert_eq!([found.frames, found.bins], shape[..]);
            let gaps = found.values.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let worst = gaps.fold(0.0, f32::max);
            assert!(worst < 5e-5, "{waveform}: {worst}");
        }
    }

    #[test]
    fn short_and_silent_input_makes_a_state() {
        for samples in [&[][..], &[0.1; 100], &[0.0; 1600]] {
            let features = Granite5Mel::new(Granite5MelConfig::default()).extract(samples);
            assert_eq!(features.frames, 5);
            assert!(features.values.iter().all(|value| value.is_finite()));
        }
    }
}
