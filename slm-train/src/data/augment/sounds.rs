//! Sounds without speech: noise, hum, clicks, tones, music, and babble that nobody can understand.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::audio::SAMPLE_RATE;

use super::acoustics::{pink, power, uniform, white};

/// Largest magnitude of a sample; a sound with higher peaks is quieter than asked for.
const PEAK: f32 = 0.95;
/// Pole of the low-pass that makes brown noise of white: 13 Hz, below which a fan gives nothing.
const BROWN_POLE: f32 = 0.995;
/// Frequency of the mains, and how many of its multiples a hum has.
const MAINS_HZ: f32 = 50.0;
const HUM_HARMONICS: u32 = 10;
/// A click fades to a third in so many samples: 1 ms.
const CLICK_FADE: f32 = 16.0;
/// Samples of a click.
const CLICK_LEN: usize = 80;
/// Seconds of a chord.
const CHORD_S: f32 = 1.5;
/// Notes of a melody to a chord.
const NOTES: usize = 3;
/// The progression: semitones of the triads' notes above the tonic.
const CHORDS: [[i32; 3]; 4] = [[0, 4, 7], [7, 11, 14], [9, 12, 16], [5, 9, 12]];
/// Frequency of the tonic before it is moved at random: the C below the middle one.
const TONIC_HZ: f32 = 130.81;
/// Harmonics of a note.
const NOTE_HARMONICS: u32 = 5;
/// Utterances at once in babble.
const TALKERS: usize = 8;

/// A sound without speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Digital zero.
    Silence,
    /// The same power at every frequency.
    White,
    /// Power falls by 3 dB an octave, as in rooms.
    Pink,
    /// Power falls by 6 dB an octave, as of a fan.
    Brown,
    /// The mains and its multiples.
    Hum,
    /// One to four clicks a second.
    Clicks,
    /// Steady tones, one after the other.
    Tones,
    /// A progression of chords with a melody.
    Music,
    /// Several utterances at once, played backwards.
    Babble,
}

impl Sound {
    /// Every sound.
    pub const ALL: [Self; 9] = [
        Self::Silence,
        Self::White,
        Self::Pink,
        Self::Brown,
        Self::Hum,
        Self::Clicks,
        Self::Tones,
        Self::Music,
        Self::Babble,
    ];

    /// Its name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::White => "white",
            Self::Pink => "pink",
            Self::Brown => "brown",
            Self::Hum => "hum",
            Self::Clicks => "clicks",
            Self::Tones => "tones",
            Self::Music => "music",
            Self::Babble => "babble",
        }
    }

    /// `len` samples of it, as loud as `level_db`: root mean square, in dB below full scale. Babble is made of `talkers`,
    /// and is silence without one.
    pub fn samples(
        self,
        len: usize,
        level_db: f64,
        talkers: &[impl AsRef<[f32]>],
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let mut samples = match self {
            Self::Silence => vec![0.0; len],
            Self::White => white(len, rng),
            Self::Pink => pink(len, rng),
            Self::Brown => brown(len, rng),
            Self::Hum => hum(len, rng),
            Self::Clicks => clicks(len, rng),
            Self::Tones => tones(len, rng),
            Self::Music => music(len, rng),
            Self::Babble => babble(len, talkers, rng),
        };
        set_level(&mut samples, level_db);
        samples
    }
}

/// Scales `samples` to a level, or to less where a peak would be cut. Silence stays silence.
fn set_level(samples: &mut [f32], level_db: f64) {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > 0.0 {
        let wanted = 10_f64.powf(level_db / 20.0) / power(samples).sqrt();
        let gain = (wanted as f32).min(PEAK / peak);
        for sample in samples {
            *sample *= gain;
        }
    }
}

fn brown(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut sum = 0.0;
    (0..len)
        .map(|_| {
            sum = BROWN_POLE * sum + uniform(rng);
            sum
        })
        .collect()
}

fn hum(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = vec![0.0; len];
    for harmonic in 1..=HUM_HARMONICS {
        let level = rng.random_range(0.3..=1.0) / harmonic as f32;
        add_sine(&mut samples, MAINS_HZ * harmonic as f32, rng.random_range(0.0..TAU), |_| level);
    }
    samples
}

fn clicks(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = vec![0.0; len];
    let mut at = 0;
    while at < len {
        let end = (at + CLICK_LEN).min(len);
        for (n, sample) in samples[at..end].iter_mut().enumerate() {
            *sample += uniform(rng) * (-(n as f32) / CLICK_FADE).exp();
        }
        at += in_samples(rng.random_range(0.25..=1.0));
    }
    samples
}

/// From 200 to 2000 Hz, with short pauses, as of a telephone or a machine.
fn tones(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = vec![0.0; len];
    let mut at = 0;
    while at < len {
        let end = (at + in_samples(rng.random_range(0.3..=1.5))).min(len);
        let hertz = 200.0 * 10_f32.powf(rng.random_range(0.0..=1.0));
        let (last, fade) = ((end - at) as f32, in_samples(0.01) as f32);
        add_sine(&mut samples[at..end], hertz, 0.0, |n| (n.min(last - n) / fade).min(1.0));
        at = end + in_samples(rng.random_range(0.05..=0.3));
    }
    samples
}

fn music(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = vec![0.0; len];
    let tonic = TONIC_HZ * 2_f32.powf(rng.random_range(-0.4..=0.4));
    let hertz = |semitones: i32| tonic * 2_f32.powf(semitones as f32 / 12.0);
    for (chord, start) in CHORDS.iter().cycle().zip((0..len).step_by(in_samples(CHORD_S))) {
        let part = &mut samples[start..];
        let bass = chord[0] % 12 - 12;
        for note in [bass, chord[0], chord[1], chord[2]] {
            add_note(part, hertz(note), 0.5);
        }
        for note in 0..NOTES {
            let offset = in_samples(CHORD_S * note as f32 / NOTES as f32);
            let tone = chord[rng.random_range(0..3u32) as usize] + 12;
            add_note(part.get_mut(offset..).unwrap_or_default(), hertz(tone), 0.8);
        }
    }
    samples
}

/// A note as of a plucked string at the start of `samples`. It ends before it would be cut.
fn add_note(samples: &mut [f32], hertz: f32, level: f32) {
    let len = in_samples(1.5 * CHORD_S).min(samples.len());
    let (attack, last) = (in_samples(0.02) as f32, len as f32);
    for harmonic in 1..=NOTE_HARMONICS {
        let number = harmonic as f32;
        // Higher harmonics are weaker and fade sooner.
        let fade = SAMPLE_RATE as f32 * 0.8 / number.sqrt();
        add_sine(&mut samples[..len], hertz * number, 0.0, |n| {
            level * (n / attack).min(1.0) * (1.0 - n / last) * (-n / fade).exp() / number.powf(1.5)
        });
    }
}

/// Adds a sine whose level at each sample `level` gives.
fn add_sine(samples: &mut [f32], hertz: f32, phase: f32, level: impl Fn(f32) -> f32) {
    // In f64: an f32 loses the phase within a minute.
    let step = std::f64::consts::TAU * f64::from(hertz) / f64::from(SAMPLE_RATE);
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample += level(n as f32) * (f64::from(phase) + step * n as f64).sin() as f32;
    }
}

/// Each talker says one utterance after the other, backwards, so that the sound is that of speech and the words are none.
fn babble(len: usize, talkers: &[impl AsRef<[f32]>], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut samples = vec![0.0; len];
    // Utterances without a sample would never fill it.
    let talkers: Vec<&[f32]> = talkers.iter().map(AsRef::as_ref).filter(|said| !said.is_empty()).collect();
    if talkers.is_empty() {
        return samples;
    }
    for _ in 0..TALKERS {
        let mut at = 0;
        let mut skipped = rng.random_range(0..SAMPLE_RATE) as usize;
        while at < len {
            let said = talkers[rng.random_range(0..talkers.len() as u64) as usize];
            for (sample, said) in samples[at..].iter_mut().zip(said.iter().rev().skip(skipped)) {
                *sample += said;
            }
            at += said.len().saturating_sub(skipped);
            skipped = 0;
        }
    }
    samples
}

/// Samples of so many seconds.
fn in_samples(seconds: f32) -> usize {
    (seconds * SAMPLE_RATE as f32) as usize
}

#[cfg(test)]
mod tests {
    use realfft::RealFftPlanner;

    use super::*;
    use crate::random::rng_for;

    const LEN: usize = 32_768;

    fn talkers() -> Vec<Vec<f32>> {
        (0..5)
            .map(|n| Sound::Pink.samples(9_000 + n, -26.0, &[[0.0; 0]; 0], &mut rng_for(9, 0, n as u64)))
            .collect()
    }

    fn made(sound: Sound, seed: u64) -> Vec<f32> {
        sound.samples(LEN, -40.0, &talkers(), &mut rng_for(seed, 0, 0))
    }

    /// Power between two frequencies, as a share of all.
    fn share(samples: &[f32], from: f64, to: f64) -> f64 {
        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(samples.len());
        let (mut input, mut output) = (samples.to_vec(), plan.make_output_vec());
        plan.process(&mut input, &mut output).unwrap();
        let hertz = f64::from(SAMPLE_RATE) / samples.len() as f64;
        let sum = |from: f64, to: f64| -> f64 {
            let inside = |n: usize| (from..to).contains(&(n as f64 * hertz));
            output.iter().enumerate().filter(|(n, _)| inside(*n)).map(|(_, x)| f64::from(x.norm_sqr())).sum()
        };
        sum(from, to) / sum(1.0, 9_000.0)
    }

    #[test]
    fn every_sound_has_its_level_and_depends_on_the_seed_alone() {
        for sound in Sound::ALL {
            let samples = made(sound, 1);
            assert_eq!(samples.len(), LEN);
            assert!(samples.iter().all(|sample| sample.abs() <= PEAK + 1e-6), "{sound:?}");
            assert_eq!(samples, made(sound, 1), "{sound:?}");
            if sound == Sound::Silence {
                assert!(samples.iter().all(|sample| *sample == 0.0));
            } else {
                let level = 10.0 * power(&samples).log10();
                assert!((level + 40.0).abs() < 0.1, "{sound:?}: {level} dB");
                assert_ne!(samples, made(sound, 2), "{sound:?}");
            }
            assert!(sound.samples(0, -30.0, &talkers(), &mut rng_for(1, 0, 0)).is_empty());
        }
        assert!(
            Sound::Babble.samples(9, 0.0, &[[0.0; 0]; 0], &mut rng_for(1, 0, 0)).iter().all(|x| *x == 0.0)
        );
    }

    #[test]
    fn spectra_are_those_of_the_names() {
        let low = |sound| share(&made(sound, 3), 1.0, 500.0);
        assert!((low(Sound::White) - 1.0 / 16.0).abs() < 0.02, "{}", low(Sound::White));
        assert!((0.4..0.9).contains(&low(Sound::Pink)), "{}", low(Sound::Pink));
        assert!(low(Sound::Brown) > 0.95, "{}", low(Sound::Brown));
        assert!(share(&made(Sound::Hum, 3), 45.0, 505.0) > 0.99);
        assert!(share(&made(Sound::Tones, 3), 190.0, 2_100.0) > 0.95);
        assert!(share(&made(Sound::Music, 3), 40.0, 4_000.0) > 0.99);
    }

    #[test]
    fn a_level_above_what_peaks_allow_is_lowered() {
        let samples = Sound::Clicks.samples(LEN, 0.0, &talkers(), &mut rng_for(1, 0, 0));
        let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!((peak - PEAK).abs() < 1e-5, "{peak}");
    }
}
