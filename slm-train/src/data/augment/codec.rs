//! What a telephone leaves of a recording: half the band, and few bits.

use std::path::PathBuf;

use anyhow::Context;
use rand_chacha::ChaCha8Rng;
use realfft::FftError;
use serde::{Deserialize, Serialize};

use super::filter::low_pass;
use super::{Effect, library};

/// From this frequency on the band fades, and here nothing is left, in Hz.
const PASS: f64 = 3_400.0;
const STOP: f64 = 4_000.0;
/// The constant of the µ-law, G.711.
const MU: f32 = 255.0;
/// Samples of a block at 8 kHz, 5 ms, and the levels of its values: those of GSM's full rate.
const BLOCK: usize = 40;
const LEVELS: f32 = 8.0;

/// How a recording is transmitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telephone {
    /// How often.
    pub probability: f64,
    /// The ways, of which one is drawn.
    #[serde(default = "all_codecs")]
    pub codecs: Vec<Codec>,
}

/// A way of transmission, at 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// The band of 8 kHz, and all bits.
    Band,
    /// Samples of 8 bits on a logarithmic scale, as the fixed network has them.
    MuLaw,
    /// What a predictor leaves, in 3 bits on a scale of each block, as mobile telephones have it.
    Mobile,
}

fn all_codecs() -> Vec<Codec> {
    vec![Codec::Band, Codec::MuLaw, Codec::Mobile]
}

impl Effect for Telephone {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn problems(&self, name: &str) -> Vec<String> {
        let problem = self.codecs.is_empty().then(|| format!("`{name}.codecs` is empty"));
        problem.into_iter().collect()
    }

    fn apply(&self, samples: Vec<f32>, _: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        let codec = *library::pick(&self.codecs, rng);
        codec.transmit(&samples).context("cannot filter a recording")
    }
}

impl Codec {
    fn transmit(self, samples: &[f32]) -> Result<Vec<f32>, FftError> {
        let band = low_pass(samples, PASS, STOP)?;
        // Every second sample holds all that is left.
        let mut coded: Vec<f32> = band.iter().copied().step_by(2).collect();
        match self {
            Self::Band => return Ok(band),
            Self::MuLaw => coded.iter_mut().for_each(|sample| *sample = mu_law(*sample)),
            Self::Mobile => predictive(&mut coded),
        }
        // Zeros in between halve the level of the band.
        let mut spread: Vec<f32> = coded.into_iter().flat_map(|sample| [2.0 * sample, 0.0]).collect();
        spread.truncate(samples.len());
        low_pass(&spread, PASS, STOP)
    }
}

/// A sample after coding in 8 bits and back.
fn mu_law(sample: f32) -> f32 {
    let sample = sample.clamp(-1.0, 1.0);
    let compressed = (MU * sample.abs()).ln_1p() / MU.ln_1p();
    let level = (compressed * 127.0).round() / 127.0;
    (level * MU.ln_1p()).exp_m1() / MU * sample.signum()
}

/// Codes the difference of each sample to a share of the one before, where share and scale are those of its block.
fn predictive(samples: &mut [f32]) {
    let mut before = 0.0_f32;
    for block in samples.chunks_mut(BLOCK) {
        let power: f32 = block.iter().map(|x| x * x).sum();
        let product: f32 = block.windows(2).map(|two| two[0] * two[1]).sum();
        let share = if power > 0.0 { (product / power).clamp(-0.95, 0.95) } else { 0.0 };
        let differences = block.windows(2).map(|two| (two[1] - share * two[0]).abs());
        let first = (block[0] - share * before).abs();
        let scale = differences.fold(first, f32::max);
        for sample in block {
            let predicted = share * before;
            // Levels in the middle of their steps, so that the largest is no more than the scale.
            let step = ((*sample - predicted) / scale.max(f32::MIN_POSITIVE) * LEVELS / 2.0).floor() + 0.5;
            let level = step.clamp(0.5 - LEVELS / 2.0, LEVELS / 2.0 - 0.5);
            before = predicted + level * scale / (LEVELS / 2.0);
            *sample = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64) -> Vec<f32> {
        (0..16_000)
            .map(|n| (0.3 * (std::f64::consts::TAU * hertz * f64::from(n) / 16_000.0).sin()) as f32)
            .collect()
    }

    /// The share of the power of `samples` at a frequency, by the sums with its sine and cosine.
    fn at(samples: &[f32], hertz: f64) -> f64 {
        let step = std::f64::consts::TAU * hertz / 16_000.0;
        let sum = |wave: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(n, x)| f64::from(*x) * wave(step * n as f64)).sum()
        };
        let count = samples.len() as f64;
        2.0 * (sum(f64::sin).powi(2) + sum(f64::cos).powi(2)) / count / count
    }

    #[test]
    fn nothing_is_left_above_4_khz_and_speech_below_it_stays() {
        let (low, high) = (tone(700.0), tone(5_500.0));
        let both: Vec<f32> = low.iter().zip(&high).map(|(a, b)| a + b).collect();
        for codec in all_codecs() {
            let made = codec.transmit(&both).unwrap();
            assert_eq!(made.len(), both.len());
            let kept = at(&made, 700.0) / at(&both, 700.0);
            assert!((kept - 1.0).abs() < 0.1, "{codec:?}: {kept}");
            for hertz in [4_500.0, 5_500.0, 7_300.0] {
                assert!(at(&made, hertz) < 1e-5 * at(&both, 700.0), "{codec:?} at {hertz} Hz");
            }
        }
    }

    #[test]
    fn the_law_has_the_levels_of_its_formula() {
        // sgn(x) ln(1 + 255 |x|) / ln 256 in steps of 1/127, and back.
        for (sample, expected) in
            [(0.0, 0.0), (1.0, 1.0), (-1.0, -1.0), (2.0, 1.0), (0.5, 0.497_8), (-0.01, -0.010_05)]
        {
            let found = mu_law(sample);
            assert!((found - expected).abs() < 0.02 * expected.abs() + 1e-6, "{sample}: {found}");
        }
        let levels: std::collections::BTreeSet<u32> =
            (-2000..=2000).map(|n| mu_law(n as f32 / 2000.0).to_bits()).collect();
        assert!(levels.len() <= 256, "{}", levels.len());
    }

    /// Few bits are heard as noise, some 10 to 30 dB below the speech.
    #[test]
    fn few_bits_add_some_noise() {
        let samples = tone(700.0);
        for (codec, range) in [(Codec::MuLaw, 25.0..45.0), (Codec::Mobile, 8.0..30.0)] {
            let made = codec.transmit(&samples).unwrap();
            let noise: Vec<f32> = made.iter().zip(&samples).map(|(a, b)| a - b).collect();
            let power = |x: &[f32]| x[200..15_800].iter().map(|x| f64::from(x * x)).sum::<f64>();
            let found = 10.0 * (power(&samples) / power(&noise)).log10();
            assert!(range.contains(&found), "{codec:?}: {found} dB");
        }
        assert!(Codec::Mobile.transmit(&[0.0; 100]).unwrap().iter().all(|x| x.abs() < 1e-6));
        assert!(Codec::MuLaw.transmit(&[]).unwrap().is_empty());
    }
}
