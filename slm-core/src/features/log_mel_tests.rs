//! Tests of [`LogMel`]: against transformers, against a slow twin, and at the edges.

use std::f64::consts::PI;

use super::super::fixture::fixture;
use super::*;

/// The distance of the fixture to an f64 recipe is 5.9e-5.
const TOLERANCE: f32 = 3e-4;

fn tensor(name: &str) -> (Vec<usize>, Vec<f32>) {
    fixture("io", name)
}

fn extractor(feature_size: usize) -> LogMel {
    LogMel::new(LogMelConfig { feature_size, ..LogMelConfig::default() }).unwrap()
}

/// A tone with noise, the waveform of the fixture.
fn waveform(len: u32) -> Vec<f32> {
    let mut state = 12_345_u32;
    (0..len)
        .map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state) / f64::from(1_u32 << 31) - 1.0;
            let tone = (2.0 * PI * 440.0 * f64::from(n) / 16_000.0).sin();
            (0.3 * tone + 0.1 * noise) as f32
        })
        .collect()
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let gap = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0_f32, |worst, gap| if gap > worst || gap.is_nan() { gap } else { worst });
    assert!(gap <= tolerance, "largest difference {gap}");
}

/// The recipe again with a direct Fourier sum, a padded copy of the signal and a dense filter bank.
fn slow_twin(samples: &[f32], bins: usize) -> Vec<f32> {
    let (hop, n_fft, win, rate) = (160, 512, 400, 16_000.0);
    let mut signal: Vec<f64> = samples.iter().map(|&s| f64::from(s)).collect();
    for n in (1..signal.len()).rev() {
        signal[n] -= 0.97 * f64::from(samples[n - 1]);
    }
    signal.resize(samples.len().max(win), 0.0);
    let frames = signal.len() / hop;
    let mut padded: Vec<f64> = vec![0.0; n_fft / 2];
    padded.extend(&signal);
    padded.extend(vec![0.0; n_fft]);
    let mel_to_hz = |mel: f64| {
        if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * 6.4_f64.powf((mel - 15.0) / 27.0) }
    };
    let top = 15.0 + 27.0 * 8.0_f64.ln() / 6.4_f64.ln();
    let edges: Vec<f64> = (0..bins + 2).map(|i| mel_to_hz(top * i as f64 / (bins + 1) as f64)).collect();
    let mut logs = vec![vec![0.0; frames]; bins];
    for t in 0..frames {
        let mut power = Vec::new();
        for k in 0..=n_fft / 2 {
            let (mut re, mut im) = (0.0, 0.0);
            for i in 0..win {
                let position = i + (n_fft - win) / 2;
                let hann = 0.5 - 0.5 * (2.0 * PI * i as f64 / (win - 1) as f64).cos();
                let value = hann * padded[t * hop + position];
                let angle = -2.0 * PI * ((k * position) % n_fft) as f64 / n_fft as f64;
                re += value * angle.cos();
                im += value * angle.sin();
            }
            power.push(re * re + im * im);
        }
        for (m, row) in logs.iter_mut().enumerate() {
            let (low, peak, high) = (edges[m], edges[m + 1], edges[m + 2]);
            let energy: f64 = power
                .iter()
                .enumerate()
                .map(|(k, power)| {
                    let hz = k as f64 * rate / n_fft as f64;
                    let weight = ((hz - low) / (peak - low)).min((high - hz) / (high - peak));
                    power * weight.max(0.0) * 2.0 / (high - low)
                })
                .sum();
            row[t] = (energy + 2.0_f64.powi(-24)).ln();
        }
    }
    for row in &mut logs {
        let mean = row.iter().sum::<f64>() / frames as f64;
        let squares: f64 = row.iter().map(|x| (x - mean).powi(2)).sum();
        let deviation = (squares / (frames - 1) as f64).sqrt() + 1e-5;
        for value in row.iter_mut() {
            *value = (*value - mean) / deviation;
        }
    }
    (0..frames).flat_map(|t| logs.iter().map(move |row| row[t] as f32)).collect()
}

#[test]
fn equals_transformers_on_a_padded_batch() {
    let (_, samples) = tensor("waveform");
    let (shape, expected) = tensor("parakeet80.input_features");
    assert_eq!(shape, [2, 101, 80]);
    let log_mel = extractor(80);
    for (row, samples, valid) in [(0, &samples[..], 100), (1, &samples[..9000], 56)] {
        let features = log_mel.extract(samples);
        assert_eq!((features.frames, features.bins), (valid, 80));
        let start = row * 101 * 80;
        assert_close(&features.values, &expected[start..start + valid * 80], TOLERANCE);
    }
}

#[test]
fn equals_transformers_with_128_bins() {
    let (_, samples) = tensor("waveform");
    let (shape, expected) = tensor("parakeet128.input_features");
    assert_eq!(shape, [1, 101, 128]);
    let features = extractor(128).extract(&samples);
    assert_eq!((features.frames, features.bins), (100, 128));
    assert_close(&features.values, &expected[..100 * 128], TOLERANCE);
}

#[test]
fn fixture_waveform_follows_its_formula() {
    let (_, samples) = tensor("waveform");
    assert_close(&waveform(16_000), &samples, 1e-6);
}

#[test]
fn equals_the_slow_twin() {
    for len in [1234, 399, 100] {
        let samples = waveform(len);
        let features = extractor(80).extract(&samples);
        assert_close(&features.values, &slow_twin(&samples, 80), 1e-5);
    }
}

#[test]
fn short_and_silent_clips_stay_finite() {
    for hop_length in [160, 400] {
        let log_mel = LogMel::new(LogMelConfig { hop_length, ..LogMelConfig::default() }).unwrap();
        for len in [0, 1, 159, 160, 399, 400, 401, 799, 800] {
            let features = log_mel.extract(&waveform(len));
            assert_eq!(features.frames, log_mel.frames(len as usize));
            assert!(features.frames >= 1);
            assert_eq!(features.values.len(), features.frames * features.bins);
            assert!(features.values.iter().all(|value| value.is_finite()));
        }
        let silence = log_mel.extract(&vec![0.0; 5000]);
        assert!(silence.values.iter().all(|value| value.abs() < 1e-6));
    }
}

#[test]
fn each_bin_has_mean_zero_and_deviation_one() {
    let features = extractor(80).extract(&waveform(8000));
    for bin in 0..features.bins {
        let row: Vec<f32> = (0..features.frames).map(|t| features.frame(t).unwrap()[bin]).collect();
        let mean = row.iter().sum::<f32>() / row.len() as f32;
        let squares: f32 = row.iter().map(|x| (x - mean).powi(2)).sum();
        let deviation = (squares / (row.len() - 1) as f32).sqrt();
        assert!(mean.abs() < 1e-4 && (deviation - 1.0).abs() < 1e-3);
    }
    assert!(features.frame(features.frames).is_none());
}

#[test]
fn is_shared_between_threads() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    let log_mel = extractor(80);
    check(&log_mel);
    assert!((log_mel.frame_seconds() - 0.01).abs() < 1e-12);
    assert_eq!(log_mel.bins(), 80);
}

#[test]
fn invalid_settings_are_refused() {
    let config = LogMelConfig { hop_length: 0, ..LogMelConfig::default() };
    let error = LogMel::new(config).unwrap_err().to_string();
    assert_eq!(error, "invalid feature settings: `hop_length` is 0, expected 1 to `win_length` (400)");
}
