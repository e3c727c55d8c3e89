//! A gate before the model: clips that surely hold no speech give no text instead of an invented one.
//!
//! It is conservative, so what is doubtful passes. It stops
//!
//! - clips without samples, digital silence and constant offsets;
//! - clips whose peak stays below -60 dBFS, or whose loudest 30 ms stay below -70 dBFS;
//! - steady white noise: at least 0.3 s, no 30 ms more than 3 dB above the quietest tenth, and a flat spectrum
//!   in most of them. Speech changes by far more than 3 dB within a word, and its vowels are far from flat; hum,
//!   tones and coloured noise pass.

use realfft::RealFftPlanner;

/// Samples of a frame: 30 ms at 16 kHz.
const FRAME: usize = 480;
/// Peak below which a clip is silent: -60 dBFS.
const MIN_PEAK: f32 = 1e-3;
/// Root mean square of the loudest frame below which a clip is silent: -70 dBFS.
const MIN_RMS: f64 = 3.16e-4;
/// Frames a clip needs before it can be called steady.
const MIN_STEADY_FRAMES: usize = 10;
/// Energy of the loudest frame over the quietest tenth of a steady clip: 3 dB.
const MAX_STEADY_RATIO: f64 = 2.0;
/// Geometric over arithmetic mean of a power spectrum: 0.56 for white noise, below 0.2 for vowels.
const MIN_NOISE_FLATNESS: f64 = 0.4;
/// Bins of the 480-point spectrum from 200 to 6000 Hz, clear of offsets and of filters at the upper end.
const FLATNESS_BINS: std::ops::Range<usize> = 6..180;

/// Whether a clip may hold speech. `samples` are mono at 16 kHz, finite, full scale 1.
pub fn has_speech(samples: &[f32]) -> bool {
    let mut peak = 0.0_f32;
    let mut energies = Vec::with_capacity(samples.len() / FRAME + 1);
    for frame in samples.chunks(FRAME) {
        let mean = mean(frame);
        let mut energy = 0.0;
        for &sample in frame {
            let centred = f64::from(sample) - mean;
            peak = peak.max(centred.abs() as f32);
            energy += centred * centred;
        }
        energies.push(energy / frame.len() as f64);
    }
    let loudest = energies.iter().copied().fold(0.0, f64::max);
    if peak < MIN_PEAK || loudest.sqrt() < MIN_RMS {
        return false;
    }
    // A rest shorter than a frame says little about steadiness.
    energies.truncate(samples.len() / FRAME);
    !(is_steady(&mut energies) && is_flat(samples))
}

fn mean(frame: &[f32]) -> f64 {
    frame.iter().copied().map(f64::from).sum::<f64>() / frame.len().max(1) as f64
}

/// Whether the loudest frame is close to the quietest tenth.
fn is_steady(energies: &mut [f64]) -> bool {
    if energies.len() < MIN_STEADY_FRAMES {
        return false;
    }
    energies.sort_unstable_by(f64::total_cmp);
    match (energies.get(energies.len() / 10), energies.last()) {
        (Some(floor), Some(loudest)) => *loudest < floor * MAX_STEADY_RATIO,
        _ => false,
    }
}

/// Whether three quarters of the frames have a flat spectrum.
fn is_flat(samples: &[f32]) -> bool {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FRAME);
    let mut input = fft.make_input_vec();
    let mut spectrum = fft.make_output_vec();
    let mut scratch = fft.make_scratch_vec();
    let (mut flat, mut frames) = (0_usize, 0_usize);
    for frame in samples.chunks_exact(FRAME) {
        let step = 2.0 * std::f32::consts::PI / FRAME as f32;
        for (n, (slot, sample)) in input.iter_mut().zip(frame).enumerate() {
            *slot = sample * (0.5 - 0.5 * (step * n as f32).cos());
        }
        let done = fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch);
        debug_assert!(done.is_ok(), "the plan made these buffers");
        let bins = spectrum.get(FLATNESS_BINS).unwrap_or_default();
        let count = bins.len().max(1) as f64;
        let (mut logs, mut sum) = (0.0, 0.0);
        for bin in bins {
            let power = f64::from(bin.norm_sqr()) + f64::MIN_POSITIVE;
            logs += power.ln();
            sum += power;
        }
        frames += 1;
        if (logs / count).exp() > MIN_NOISE_FLATNESS * sum / count {
            flat += 1;
        }
    }
    flat * 4 >= frames * 3
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn noise(len: usize, amplitude: f32) -> Vec<f32> {
        let mut state = 12_345_u32;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                amplitude * (f64::from(state) / f64::from(1_u32 << 31) - 1.0) as f32
            })
            .collect()
    }

    /// Harmonics of a falling pitch in syllables of a quarter second.
    fn syllables(len: usize, amplitude: f64) -> Vec<f32> {
        let mut phase = 0.0;
        (0..len)
            .map(|n| {
                let t = n as f64 / 16_000.0;
                phase += 2.0 * PI * (140.0 - 10.0 * t) / 16_000.0;
                let voice: f64 = (1..20).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum();
                (amplitude * voice * (PI * t * 4.0).sin().abs()) as f32
            })
            .collect()
    }

    #[test]
    fn silence_and_offsets_are_stopped() {
        assert!(!has_speech(&[]));
        assert!(!has_speech(&[0.5]));
        assert!(!has_speech(&vec![0.0; 16_000]));
        assert!(!has_speech(&vec![0.25; 16_001]));
        assert!(!has_speech(&noise(16_000, 9e-4)));
    }

    #[test]
    fn steady_white_noise_is_stopped() {
        for amplitude in [0.01, 0.1, 1.0] {
            assert!(!has_speech(&noise(160_000, amplitude)));
            assert!(!has_speech(&noise(8_000, amplitude)));
        }
    }

    #[test]
    fn speech_like_sounds_pass() {
        for amplitude in [0.002, 0.1, 0.5] {
            assert!(has_speech(&syllables(32_000, amplitude)));
            assert!(has_speech(&syllables(1_600, amplitude)));
        }
        let mixed: Vec<f32> = syllables(32_000, 0.1)
            .iter()
            .zip(noise(32_000, 0.02))
            .map(|(voice, noise)| voice + noise)
            .collect();
        assert!(has_speech(&mixed));
    }

    #[test]
    fn doubtful_sounds_pass() {
        let tone: Vec<f32> =
            (0..16_000).map(|n| (0.1 * (2.0 * PI * 440.0 * f64::from(n) / 16_000.0).sin()) as f32).collect();
        assert!(has_speech(&tone));
        assert!(has_speech(&noise(2_000, 0.1)));
        let mut word_in_silence = vec![0.0; 160_000];
        word_in_silence.extend(noise(3_000, 0.1));
        assert!(has_speech(&word_in_silence));
    }
}
