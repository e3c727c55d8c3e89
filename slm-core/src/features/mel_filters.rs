//! Triangular mel filters: on the slaney scale with slaney area normalisation, from 0 Hz to half the sample rate, the
//! same values as `librosa.filters.mel(norm="slaney", htk=False)`; HTK's; and Kaldi's, triangles on the mel scale itself.
//! Each filter is stored as the run of transform
//! bins where its weight is not zero.

use std::ops::Range;

/// Hz a mel step in the linear part of the scale, below [`BREAK_HZ`].
const LINEAR_STEP_HZ: f64 = 200.0 / 3.0;
/// Frequency in Hz where the scale turns logarithmic.
const BREAK_HZ: f64 = 1000.0;
/// The same point in mel.
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_STEP_HZ;
/// Mel steps over a factor of 6.4 in the logarithmic part.
const LOG_STEPS: f64 = 27.0;
/// The frequency ratio those steps span.
const LOG_RATIO: f64 = 6.4;

/// HTK's formula: mel of a factor ten in frequency, and the frequency around which the scale turns logarithmic.
const HTK_FACTOR: f64 = 2595.0;
const HTK_BREAK_HZ: f64 = 700.0;

/// A bank of triangular filters over a power spectrum.
#[derive(Clone, Debug)]
pub(super) struct MelFilters {
    filters: Vec<Triangle>,
}

/// The non-zero weights of one filter.
#[derive(Clone, Debug)]
struct Triangle {
    /// Transform bin of the first weight.
    first: usize,
    weights: Vec<f64>,
}

impl MelFilters {
    /// `bins` filters for power spectra of `n_fft / 2 + 1` values, triangles in Hz, each of area 1.
    pub(super) fn slaney(bins: usize, n_fft: usize, sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        let top = hz_to_mel(rate / 2.0);
        let edge = |index: usize| mel_to_hz(top * index as f64 / (bins + 1) as f64);
        let place = |bin: usize| bin as f64 * rate / n_fft as f64;
        Self::triangles(bins, n_fft, edge, place, |low, high| 2.0 / (high - low))
    }

    /// `bins` filters from one end of `range` (in Hz) to the other, triangles in mel, each of height 1.
    pub(super) fn kaldi(bins: usize, n_fft: usize, sample_rate: u32, range: Range<f64>) -> Self {
        let mel = |hz: f64| 1127.0 * (1.0 + hz / 700.0).ln();
        let (low, high) = (mel(range.start), mel(range.end));
        let edge = |index: usize| low + (high - low) * index as f64 / (bins + 1) as f64;
        let place = |bin: usize| mel(bin as f64 * f64::from(sample_rate) / n_fft as f64);
        Self::triangles(bins, n_fft, edge, place, |_, _| 1.0)
    }

    /// `bins` filters from 0 Hz to half the sample rate, evenly spaced by HTK's formula, triangles in Hz of height 1.
    pub(super) fn htk(bins: usize, n_fft: usize, sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        let top = HTK_FACTOR * (1.0 + rate / 2.0 / HTK_BREAK_HZ).log10();
        let hz = |mel: f64| HTK_BREAK_HZ * (10_f64.powf(mel / HTK_FACTOR) - 1.0);
        let edge = |index: usize| hz(top * index as f64 / (bins + 1) as f64);
        let place = |bin: usize| bin as f64 * rate / n_fft as f64;
        Self::triangles(bins, n_fft, edge, place, |_, _| 1.0)
    }

    /// Filter `i` rises from edge `i` to edge `i + 1` and falls to edge `i + 2`, its height by both ends; `place` is
    /// where a transform bin lies among the edges.
    fn triangles(
        bins: usize,
        n_fft: usize,
        edge: impl Fn(usize) -> f64,
        place: impl Fn(usize) -> f64,
        height: impl Fn(f64, f64) -> f64,
    ) -> Self {
        let places: Vec<f64> = (0..=n_fft / 2).map(place).collect();
        let filters = (0..bins)
            .map(|index| {
                let (low, peak, high) = (edge(index), edge(index + 1), edge(index + 2));
                let height = height(low, high);
                let first = places.partition_point(|&place| place < low);
                let weights = places[first..]
                    .iter()
                    .take_while(|&&place| place <= high)
                    .map(|&place| {
                        let rising = (place - low) / (peak - low);
                        let falling = (high - place) / (high - peak);
                        height * rising.min(falling).max(0.0)
                    })
                    .collect();
                Triangle { first, weights }
            })
            .collect();
        Self { filters }
    }

    /// The energy in each filter, lowest first.
    pub(super) fn energies(&self, power: &[f64]) -> impl Iterator<Item = f64> {
        self.filters.iter().map(move |filter| {
            power
                .iter()
                .skip(filter.first)
                .zip(&filter.weights)
                .map(|(value, weight)| value * weight)
                .sum::<f64>()
        })
    }
}

/// Frequency to slaney mel.
fn hz_to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ {
        hz / LINEAR_STEP_HZ
    } else {
        BREAK_MEL + (hz / BREAK_HZ).ln() * LOG_STEPS / LOG_RATIO.ln()
    }
}

/// Slaney mel to frequency.
fn mel_to_hz(mel: f64) -> f64 {
    if mel < BREAK_MEL {
        mel * LINEAR_STEP_HZ
    } else {
        BREAK_HZ * ((mel - BREAK_MEL) * LOG_RATIO.ln() / LOG_STEPS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_round_trips_and_has_its_fixed_points() {
        assert!((hz_to_mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((hz_to_mel(6400.0) - 42.0).abs() < 1e-12);
        for hz in [0.0, 60.0, 999.9, 1000.0, 1234.5, 8000.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9);
        }
    }

    #[test]
    fn sparse_filters_equal_the_dense_formula() {
        let (bins, n_fft) = (80, 512);
        let filters = MelFilters::slaney(bins, n_fft, 16_000);
        let edges: Vec<f64> = (0..bins + 2).map(|i| mel_to_hz(hz_to_mel(8000.0) * i as f64 / 81.0)).collect();
        for k in 0..=n_fft / 2 {
            let mut power = vec![0.0; n_fft / 2 + 1];
            power[k] = 1.0;
            let hz = k as f64 * 31.25;
            for (i, energy) in filters.energies(&power).enumerate() {
                let rising = (hz - edges[i]) / (edges[i + 1] - edges[i]);
                let falling = (edges[i + 2] - hz) / (edges[i + 2] - edges[i + 1]);
                let dense = rising.min(falling).max(0.0) * 2.0 / (edges[i + 2] - edges[i]);
                assert!((energy - dense).abs() < 1e-15, "filter {i}, bin {k}");
            }
        }
    }
}
