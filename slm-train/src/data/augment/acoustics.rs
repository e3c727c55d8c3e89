//! What happens to clean synthetic speech on its way to a microphone: a room, background noise, a level.
//!
//! All functions work on 16 kHz mono samples in -1 to 1, keep the length, and draw only from the generator they get.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use slm_core::audio::SAMPLE_RATE;

/// Spectrum of a [`Noise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The same power at every frequency.
    White,
    /// Power falls by 3 dB an octave, as in traffic and ventilation.
    Pink,
    /// Power at the frequencies of speech, swelling at the rate of syllables, as of people talking in the distance.
    Babble,
}

/// Background noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Power of the speech over power of the noise, both over the whole signal, in dB.
    pub snr_db: f32,
    /// Spectrum of the noise.
    pub colour: Colour,
}

/// A synthetic room: the direct path, then exponentially decaying sparse noise as impulse response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Time in which the reverberation falls by 60 dB, in seconds.
    pub rt60_s: f32,
    /// Energy of the direct path over that of the reverberation, in dB; positive when the direct path dominates.
    pub direct_db: f32,
}

/// Talkers in [`Colour::Babble`].
const TALKERS: usize = 8;
/// Delay of the first reflection: 2 ms, that is a detour of 0.7 m.
const FIRST_REFLECTION: usize = 32;
/// One reflection in each so many samples: 2000 in a second, dense enough to sound like smooth noise.
const REFLECTION_SPACING: usize = 8;
/// Pole of the low-pass on reflections, about 3 kHz: walls absorb high frequencies.
const WALL_ABSORPTION: f32 = 0.7;

impl Noise {
    /// Adds noise to `samples` at the wanted ratio. Silence stays silence, since no ratio is defined for it.
    pub fn add_to(self, samples: &mut [f32], rng: &mut ChaCha8Rng) {
        let noise = match self.colour {
            Colour::White => white(samples.len(), rng),
            Colour::Pink => pink(samples.len(), rng),
            Colour::Babble => babble(samples.len(), rng),
        };
        let noise_power = power(&noise);
        if noise_power <= 0.0 {
            return;
        }
        let ratio = 10f64.powf(f64::from(self.snr_db) / 10.0);
        let scale = (power(samples) / noise_power / ratio).sqrt() as f32;
        for (sample, noise) in samples.iter_mut().zip(&noise) {
            *sample += scale * noise;
        }
    }
}

impl Room {
    /// `samples` as heard in the room: same length, same time of the direct path.
    pub fn apply(self, samples: &[f32], rng: &mut ChaCha8Rng) -> Vec<f32> {
        let reflections = self.reflections(rng);
        let mut reverberation = vec![0f32; samples.len()];
        for (delay, gain) in reflections {
            let late = reverberation.get_mut(delay..).unwrap_or_default();
            for (out, sample) in late.iter_mut().zip(samples) {
                *out += gain * sample;
            }
        }
        let mut wall = 0f32;
        samples
            .iter()
            .zip(&reverberation)
            .map(|(direct, reflected)| {
                wall += WALL_ABSORPTION * (reflected - wall);
                direct + wall
            })
            .collect()
    }

    /// Delay in samples and gain of each reflection.
    fn reflections(self, rng: &mut ChaCha8Rng) -> Vec<(usize, f32)> {
        let decay_samples = self.rt60_s * SAMPLE_RATE as f32;
        let mut reflections: Vec<(usize, f32)> = (FIRST_REFLECTION..decay_samples as usize)
            .step_by(REFLECTION_SPACING)
            .map(|start| {
                let delay = start + rng.random_range(0..REFLECTION_SPACING as u32) as usize;
                // 60 dB are a factor of 1000 in amplitude.
                let level = 1000f32.powf(-(delay as f32) / decay_samples);
                let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
                (delay, sign * level)
            })
            .collect();
        let energy: f32 = reflections.iter().map(|(_, gain)| gain * gain).sum();
        if energy > 0.0 {
            let scale = (10f32.powf(-self.direct_db / 10.0) / energy).sqrt();
            for (_, gain) in &mut reflections {
                *gain *= scale;
            }
        }
        reflections
    }
}

/// Scales `samples` by `gain_db`, or by less where the peak would pass `ceiling`.
pub(crate) fn amplify(samples: &mut [f32], gain_db: f32, ceiling: f32) {
    let peak = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    let mut gain = 10f32.powf(gain_db / 20.0);
    if peak * gain > ceiling {
        gain = ceiling / peak;
    }
    for sample in samples {
        *sample *= gain;
    }
}

/// Mean of the squared samples; 0 of an empty slice.
pub(crate) fn power(samples: &[f32]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    sum / samples.len() as f64
}

/// A uniform random number in -1 to 1.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    2.0 * rng.random::<f32>() - 1.0
}

/// Noise with the same power at every frequency.
pub(crate) fn white(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..len).map(|_| uniform(rng)).collect()
}

/// Paul Kellet's three-pole approximation of a 3 dB an octave slope.
pub(crate) fn pink(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut poles = [0f32; 3];
    (0..len)
        .map(|_| {
            let input = uniform(rng);
            poles[0] = 0.9977 * poles[0] + 0.0990 * input;
            poles[1] = 0.9630 * poles[1] + 0.2965 * input;
            poles[2] = 0.5700 * poles[2] + 1.0527 * input;
            poles.iter().sum::<f32>() + 0.1848 * input
        })
        .collect()
}

/// Several noises between about 120 and 800 Hz, each swelling 2 to 5 times a second.
fn babble(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = vec![0f32; len];
    for _ in 0..TALKERS {
        let syllables_hz: f32 = rng.random_range(2.0..5.0);
        let phase: f32 = rng.random_range(0.0..TAU);
        let (mut below_800_hz, mut below_120_hz) = (0f32, 0f32);
        for (index, out) in sum.iter_mut().enumerate() {
            below_800_hz += 0.27 * (uniform(rng) - below_800_hz);
            below_120_hz += 0.046 * (below_800_hz - below_120_hz);
            let time_s = index as f32 / SAMPLE_RATE as f32;
            let loudness = 0.55 + 0.45 * (TAU * syllables_hz * time_s + phase).sin();
            *out += loudness * (below_800_hz - below_120_hz);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn tone(len: usize) -> Vec<f32> {
        (0..len).map(|index| 0.1 * (TAU * 440.0 * index as f32 / SAMPLE_RATE as f32).sin()).collect()
    }

    #[test]
    fn noise_has_the_wanted_ratio() {
        for colour in [Colour::White, Colour::Pink, Colour::Babble] {
            for snr_db in [0.0, 12.0, 30.0] {
                let clean = tone(16_000);
                let mut noisy = clean.clone();
                let mut rng = ChaCha8Rng::seed_from_u64(7);
                Noise { snr_db, colour }.add_to(&mut noisy, &mut rng);
                let added: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
                let found = 10.0 * (power(&clean) / power(&added)).log10();
                assert!((found - f64::from(snr_db)).abs() < 0.5, "{colour:?}: {found} dB");
                assert!(noisy.iter().all(|sample| sample.is_finite()));
            }
        }
    }

    #[test]
    fn silence_and_nothing_stay_as_they_are() {
        let noise = Noise { snr_db: 12.0, colour: Colour::Pink };
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut silence = vec![0f32; 100];
        noise.add_to(&mut silence, &mut rng);
        assert!(silence.iter().all(|sample| sample.abs() < f32::EPSILON));
        noise.add_to(&mut [], &mut rng);
    }

    #[test]
    fn room_keeps_length_and_direct_path() {
        for rt60_s in [0.0, 0.1, 0.4] {
            let room = Room { rt60_s, direct_db: 6.0 };
            let mut impulse = vec![0f32; 8000];
            impulse[0] = 1.0;
            let heard = room.apply(&impulse, &mut ChaCha8Rng::seed_from_u64(3));
            assert_eq!(heard.len(), impulse.len());
            assert!(heard.iter().all(|sample| sample.is_finite()));
            assert!((heard[0] - 1.0).abs() < 1e-6);
            let tail = power(&heard[1..]) * 7999.0;
            assert!(tail < 0.26, "tail energy {tail}");
        }
    }

    #[test]
    fn reverberation_decays() {
        let room = Room { rt60_s: 0.4, direct_db: 3.0 };
        let mut impulse = vec![0f32; 6400];
        impulse[0] = 1.0;
        let heard = room.apply(&impulse, &mut ChaCha8Rng::seed_from_u64(3));
        let early = power(&heard[100..1100]);
        let late = power(&heard[3300..4300]);
        let fall_db = 10.0 * (early / late).log10();
        // 3200 samples are half of the decay time: 30 dB.
        assert!((fall_db - 30.0).abs() < 4.0, "{fall_db} dB");
    }

    #[test]
    fn amplify_stops_at_the_ceiling() {
        let mut samples = vec![0.5f32, -0.8];
        amplify(&mut samples, 6.0, 0.95);
        assert!((samples[1] + 0.95).abs() < 1e-6);
        amplify(&mut samples, -20.0, 0.95);
        assert!((samples[1] + 0.095).abs() < 1e-6);
    }
}
