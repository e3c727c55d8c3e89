//! From windowed frames to the logarithm of the energy in each mel filter.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::mel_filters::MelFilters;

/// A symmetric Hann window of `length` values.
pub(super) fn hann(length: usize) -> Vec<f64> {
    let steps = (length - 1) as f64;
    (0..length).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / steps).cos()).collect()
}

/// A transform and the filters over its power. Cheap to clone and shared between threads.
#[derive(Clone)]
pub(super) struct MelSpectrum {
    fft: Arc<dyn RealToComplex<f64>>,
    filters: MelFilters,
}

impl MelSpectrum {
    /// Plans a transform of `n_fft` samples.
    pub(super) fn new(n_fft: usize, filters: MelFilters) -> Self {
        Self { fft: RealFftPlanner::<f64>::new().plan_fft_forward(n_fft), filters }
    }

    /// Log energies of `frames` frames, row-major `[T, M]`: `load` writes the frame of a number, windowed, over zeros;
    /// `log` is applied to each filter's energy.
    pub(super) fn log_mels(
        &self,
        frames: usize,
        load: impl Fn(usize, &mut [f64]),
        log: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        let mut log_mels = Vec::new();
        let mut frame = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = vec![0.0; spectrum.len()];
        for t in 0..frames {
            frame.fill(0.0);
            load(t, &mut frame);
            let done = self.fft.process_with_scratch(&mut frame, &mut spectrum, &mut scratch);
            debug_assert!(done.is_ok(), "the plan made these buffers");
            for (value, bin) in power.iter_mut().zip(&spectrum) {
                *value = Complex::norm_sqr(bin);
            }
            log_mels.extend(self.filters.energies(&power).map(&log));
        }
        log_mels
    }
}
