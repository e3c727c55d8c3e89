//! The samples themselves, as `Wav2Vec2FeatureExtractor` of transformers 5.23.0 gives them.

use serde::{Deserialize, Serialize};

use super::config::SAMPLING_RATE;
use super::settings_file::SettingsFile;
use super::{ConfigProblem, FeatureError, Features};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "Wav2Vec2FeatureExtractor";
/// Added to the variance before the square root.
const VARIANCE_GUARD: f64 = 1e-7;

/// Settings of [`Waveform`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaveformConfig {
    /// Whether each utterance gets mean 0 and variance 1.
    pub do_normalize: bool,
}

#[derive(Deserialize)]
#[serde(default)]
struct ConfigFile {
    do_normalize: bool,
    sampling_rate: u32,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self { do_normalize: true, sampling_rate: SAMPLING_RATE }
    }
}

impl WaveformConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let ConfigFile { do_normalize, sampling_rate } = file.parse()?;
        if sampling_rate != SAMPLING_RATE {
            return Err(file.invalid(vec![ConfigProblem::sampling_rate(sampling_rate)]));
        }
        Ok(Self { do_normalize })
    }
}

/// Passes samples on, normalised where the settings say so: frames of one value.
#[derive(Clone, Debug)]
pub struct Waveform {
    config: WaveformConfig,
}

impl Waveform {
    /// Fewest samples of an utterance, 0.1 s: every published encoder makes a frame of them. Shorter ones are filled
    /// up with silence.
    pub const MIN_SAMPLES: usize = 1600;

    /// With these settings.
    pub fn new(config: WaveformConfig) -> Self {
        Self { config }
    }

    /// The settings.
    pub fn config(&self) -> WaveformConfig {
        self.config
    }

    /// Samples `[N]` to frames `[N, 1]`.
    pub fn extract(&self, samples: &[f32]) -> Features {
        let mut values = samples.to_vec();
        values.resize(samples.len().max(Self::MIN_SAMPLES), 0.0);
        if self.config.do_normalize {
            let count = values.len() as f64;
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
            let scale = 1.0 / (variance + VARIANCE_GUARD).sqrt();
            for value in &mut values {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            }
        }
        Features { frames: values.len(), values, bins: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utterances_have_mean_0_and_variance_1() {
        let samples: Vec<f32> = (0..4000).map(|i| 0.2 + 0.3 * (i as f32 * 0.1).sin()).collect();
        let features = Waveform::new(WaveformConfig { do_normalize: true }).extract(&samples);
        assert_eq!((features.frames, features.bins), (4000, 1));
        let mean = features.values.iter().sum::<f32>() / 4000.0;
        let variance = features.values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 4000.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean}, {variance}");
        let raw = Waveform::new(WaveformConfig { do_normalize: false }).extract(&samples);
        assert_eq!(raw.values, samples);
    }

    #[test]
    fn short_and_silent_input_stays_finite() {
        let features = Waveform::new(WaveformConfig { do_normalize: true }).extract(&[]);
        assert_eq!(features.frames, Waveform::MIN_SAMPLES);
        assert!(features.values.iter().all(|v| v.is_finite()));
    }
}
