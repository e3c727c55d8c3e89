//! Log-mel frames as NeMo's `AudioToMelSpectrogramPreprocessor` and `ParakeetFeatureExtractor` of transformers
//! compute them.
//!
//! Pre-emphasis, centred transform with zero padding, symmetric Hann window, power, slaney mel, `ln(x + 2^-24)`, then
//! mean and deviation of each bin over the utterance. No dither. All arithmetic is f64, so that the only difference
//! to the reference is the rounding of the reference. Shapes: `N` samples, `T` frames, `M` mel bins.

use std::fmt;

use super::mel_filters::MelFilters;
use super::normalise::{self, Deviation};
use super::spectrum::{MelSpectrum, hann};
use super::{FeatureError, Features, LogMelConfig};

/// Added to the mel energy before the logarithm, 2^-24.
const LOG_GUARD: f64 = 1.0 / 16_777_216.0;

/// Computes [`Features`] from samples. Built once with [`LogMel::new`]; cheap to clone and shared between threads.
#[derive(Clone)]
pub struct LogMel {
    config: LogMelConfig,
    /// Symmetric Hann window of `win_length` values.
    window: Vec<f64>,
    spectrum: MelSpectrum,
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMel").field("config", &self.config).finish_non_exhaustive()
    }
}

impl LogMel {
    /// Prepares window, filters and transform.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Invalid`] with every setting that is outside its range.
    pub fn new(config: LogMelConfig) -> Result<Self, FeatureError> {
        let problems = config.validate();
        if !problems.is_empty() {
            return Err(FeatureError::Invalid { problems });
        }
        let window = hann(config.win_length);
        Ok(Self {
            window,
            spectrum: MelSpectrum::new(
                config.n_fft,
                MelFilters::slaney(config.feature_size, config.n_fft, config.sampling_rate),
            ),
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &LogMelConfig {
        &self.config
    }

    /// Mel bins `M` of a frame.
    pub fn bins(&self) -> usize {
        self.config.feature_size
    }

    /// Seconds from one frame to the next.
    pub fn frame_seconds(&self) -> f64 {
        self.config.hop_length as f64 / f64::from(self.config.sampling_rate)
    }

    /// Number of frames `T` that [`LogMel::extract`] returns for `samples` samples; at least one.
    pub fn frames(&self, samples: usize) -> usize {
        samples.max(self.config.win_length) / self.config.hop_length
    }

    /// The frames of one utterance, normalised over it.
    ///
    /// `samples` are mono, at the configured rate, and finite: a non-finite sample makes whole bins non-finite. Fewer
    /// samples than one analysis window are padded to it with zeros. Frame `t` is centred on sample
    /// `t * hop_length`; a remainder below one hop starts no frame of its own.
    ///
    /// # Shapes
    ///
    /// - samples: `[N]`
    /// - output: `[T, M]`, `T = max(N, win_length) / hop_length`
    pub fn extract(&self, samples: &[f32]) -> Features {
        let (frames, bins) = (self.frames(samples.len()), self.bins());
        let load = |t: usize, frame: &mut [f64]| self.load_frame(samples, t, frame);
        let log_mels = self.spectrum.log_mels(frames, load, |energy| (energy + LOG_GUARD).ln());
        Features {
            values: normalise::over_utterance(&log_mels, frames, bins, Deviation::Guarded),
            frames,
            bins,
        }
    }

    /// Writes frame `t` of the pre-emphasised signal, windowed, into `frame` of `n_fft` zeros.
    fn load_frame(&self, samples: &[f32], t: usize, frame: &mut [f64]) {
        let LogMelConfig { hop_length, n_fft, win_length, preemphasis, .. } = self.config;
        // The window sits in the middle of the transform.
        let offset = (n_fft - win_length) / 2;
        // Positions count from the start of the zero padding, `n_fft / 2` before the first sample.
        let start = t * hop_length + offset;
        for (i, (slot, weight)) in frame.iter_mut().skip(offset).zip(&self.window).enumerate() {
            let Some(n) = (start + i).checked_sub(n_fft / 2) else {
                continue;
            };
            let Some(&sample) = samples.get(n) else {
                break;
            };
            let before = n.checked_sub(1).and_then(|m| samples.get(m)).copied();
            let before = before.map_or(0.0, f64::from);
            *slot = weight * (f64::from(sample) - preemphasis * before);
        }
    }
}

#[cfg(test)]
#[path = "log_mel_tests.rs"]
mod tests;
