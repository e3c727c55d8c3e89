//! The mel frames that all of IBM's Granite Speech encoders read, before they are put side by side.
//!
//! Frames around every 10 ms, reflected at the ends, under a periodic Hann window in the middle of the transform; power,
//! mel by HTK's formula with triangles in Hz, `log10` down to a floor below the loudest value. All arithmetic is f64.
//! Reference: transformers 5.23.0, `GraniteSpeechFeatureExtractor`, and the `MelSpectrogram` of torchaudio 2.9.0 that it
//! asks. Shapes: `N` samples, `T` frames of `B` mel bins.

use std::f64::consts::PI;
use std::fmt;

use super::config::SAMPLING_RATE;
use super::mel_filters::MelFilters;
use super::spectrum::MelSpectrum;

/// Samples of the window, 25 ms.
pub(super) const WINDOW: usize = 400;
/// Samples from the middle of a mel frame to that of the next, 10 ms.
pub(super) const MEL_HOP: usize = 160;
/// Length of the Fourier transform.
pub(super) const N_FFT: usize = 512;
/// Mel frames that stand side by side.
pub(super) const STACKED: usize = 2;
/// Fewest samples: 0.1 s, of which every published encoder makes a state. Shorter input is filled up with silence.
pub(super) const MIN_SAMPLES: usize = 1600;
/// Least energy of a filter.
const ENERGY_FLOOR: f64 = 1e-10;

/// Window, filters and transform. Cheap to clone and shared between threads.
#[derive(Clone)]
pub(super) struct GraniteFrames {
    /// Periodic Hann window.
    window: Vec<f64>,
    spectrum: MelSpectrum,
    /// How far a value may be below the loudest one, as a power of ten.
    floor: f64,
}

impl fmt::Debug for GraniteFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraniteFrames").field("floor", &self.floor).finish_non_exhaustive()
    }
}

impl GraniteFrames {
    /// Prepares window, filters and transform.
    pub(super) fn new(bins: usize, floor: f64) -> Self {
        let filters = MelFilters::htk(bins, N_FFT, SAMPLING_RATE);
        let window = (0..WINDOW).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / WINDOW as f64).cos()).collect();
        Self { window, spectrum: MelSpectrum::new(N_FFT, filters), floor }
    }

    /// The first `frames` frames of `samples` and as much silence as makes `count` of them: `[N]` to `[T, B]`. The floor is
    /// that of these frames.
    pub(super) fn log_mels(&self, samples: &[f32], count: usize, frames: usize) -> Vec<f64> {
        let sample = |place: usize| samples.get(place).copied().map_or(0.0, f64::from);
        let load = |t: usize, frame: &mut [f64]| {
            let middle = &mut frame[(N_FFT - WINDOW) / 2..];
            for (i, (slot, weight)) in middle.iter_mut().zip(&self.window).enumerate() {
                let place = t * MEL_HOP + i;
                let before = WINDOW / 2;
                let place = before.abs_diff(place);
                let place = if place < count { place } else { 2 * (count - 1) - place };
                *slot = weight * sample(place);
            }
        };
        let mut mels = self.spectrum.log_mels(frames, load, |energy| energy.max(ENERGY_FLOOR).log10());
        let floor = mels.iter().copied().fold(f64::NEG_INFINITY, f64::max) - self.floor;
        for value in &mut mels {
            *value = value.max(floor) / 4.0 + 1.0;
        }
        mels
    }
}
