//! Log-mel frames as NeMo's `AudioToMelSpectrogramPreprocessor` and `ParakeetFeatureExtractor` of transformers
//! compute them.
//!
//! Pre-emphasis, centred transform with zero padding, symmetric Hann window, power, slaney mel, `ln(x + 2^-24)`, then
//! mean and deviation of each bin over the utterance. No dither. All arithmetic is f64, so that the only difference
//! to the reference is the rounding of the reference. Shapes: `N` samples, `T` frames, `M` mel bins.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::mel_filters::MelFilters;
use super::{FeatureError, Features, LogMelConfig};

/// Added to the mel energy before the logarithm, 2^-24.
const LOG_GUARD: f64 = 1.0 / 16_777_216.0;
/// Added to the standard deviation before dividing.
const STD_GUARD: f64 = 1e-5;

/// Computes [`Features`] from samples. Built once with [`LogMel::new`]; cheap to clone and shared between threads.
#[derive(Clone)]
pub struct LogMel {
    config: LogMelConfig,
    /// Symmetric Hann window of `win_length` values.
    window: Vec<f64>,
    filters: MelFilters,
    fft: Arc<dyn RealToComplex<f64>>,
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
        let steps = (config.win_length - 1) as f64;
        let window =
            (0..config.win_length).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / steps).cos()).collect();
        Ok(Self {
            window,
            filters: MelFilters::new(config.feature_size, config.n_fft, config.sampling_rate),
            fft: RealFftPlanner::<f64>::new().plan_fft_forward(config.n_fft),
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
        let mut log_mels = Vec::with_capacity(frames * bins);
        let mut frame = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = vec![0.0; spectrum.len()];
        for t in 0..frames {
            self.load_frame(samples, t, &mut frame);
            let done = self.fft.process_with_scratch(&mut frame, &mut spectrum, &mut scratch);
            debug_assert!(done.is_ok(), "the plan made these buffers");
            for (value, bin) in power.iter_mut().zip(&spectrum) {
                *value = Complex::norm_sqr(bin);
            }
            let energies = self.filters.energies(&power);
            log_mels.extend(energies.map(|energy| (energy + LOG_GUARD).ln()));
        }
        Features { values: normalise(&log_mels, frames, bins), frames, bins }
    }

    /// Writes frame `t` of the pre-emphasised signal, windowed, into `frame` of `n_fft` values.
    fn load_frame(&self, samples: &[f32], t: usize, frame: &mut [f64]) {
        let LogMelConfig { hop_length, n_fft, win_length, preemphasis, .. } = self.config;
        frame.fill(0.0);
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

/// Subtracts the mean of each bin and divides by its sample deviation (`T - 1`) plus [`STD_GUARD`].
///
/// A single frame has deviation 0, so its values become 0.
fn normalise(log_mels: &[f64], frames: usize, bins: usize) -> Vec<f32> {
    let mut means = vec![0.0; bins];
    for frame in log_mels.chunks_exact(bins) {
        for (mean, value) in means.iter_mut().zip(frame) {
            *mean += value;
        }
    }
    for mean in &mut means {
        *mean /= frames as f64;
    }
    let mut scales = vec![0.0; bins];
    for frame in log_mels.chunks_exact(bins) {
        for ((square, mean), value) in scales.iter_mut().zip(&means).zip(frame) {
            *square += (value - mean).powi(2);
        }
    }
    let freedom = frames.saturating_sub(1).max(1) as f64;
    for scale in &mut scales {
        *scale = 1.0 / ((*scale / freedom).sqrt() + STD_GUARD);
    }
    let mut values = Vec::with_capacity(log_mels.len());
    for frame in log_mels.chunks_exact(bins) {
        let bins = frame.iter().zip(&means).zip(&scales);
        values.extend(bins.map(|((value, mean), scale)| ((value - mean) * scale) as f32));
    }
    values
}

#[cfg(test)]
#[path = "log_mel_tests.rs"]
mod tests;
