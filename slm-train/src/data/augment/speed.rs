//! Faster or slower speech, and with it a higher or lower voice: the samples are read at another rate.
//!
//! Paper: Ko et al., "Audio augmentation for speech recognition", 2015.

use std::f64::consts::PI;
use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Effect, Range};

/// Zero crossings of the kernel on each side.
const CROSSINGS: usize = 16;
/// Values of the kernel's table between two zero crossings.
const STEPS: usize = 512;

/// Another speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// How often.
    pub probability: f64,
    /// How many times as fast.
    pub factor: Range,
}

impl Effect for Speed {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn problems(&self, name: &str) -> Vec<String> {
        self.factor.problem(&format!("{name}.factor"), 0.5, 2.0).into_iter().collect()
    }

    fn apply(&self, samples: Vec<f32>, _: &[PathBuf], rng: &mut ChaCha8Rng) -> anyhow::Result<Vec<f32>> {
        Ok(at_speed(&samples, self.factor.draw(rng)))
    }
}

/// The samples read `factor` times as fast, between them by a windowed sinc. What would lie above half the sample rate is
/// filtered out.
fn at_speed(samples: &[f32], factor: f64) -> Vec<f32> {
    let kernel = kernel();
    // Where more samples are skipped, fewer frequencies fit.
    let band = factor.recip().min(1.0);
    let reach = CROSSINGS as f64 / band;
    let value = |place: f64| {
        let first = (place - reach).ceil().max(0.0) as usize;
        let last = ((place + reach).floor() as usize).min(samples.len().saturating_sub(1));
        let heard = samples.iter().enumerate().take(last + 1).skip(first);
        let sum: f64 = heard
            .map(|(n, sample)| {
                let at = (place - n as f64).abs() * band * STEPS as f64;
                let below = (at as usize).min(kernel.len() - 2);
                let weight = kernel[below] + (at - below as f64) * (kernel[below + 1] - kernel[below]);
                f64::from(*sample) * weight
            })
            .sum();
        (sum * band) as f32
    };
    let count = (samples.len() as f64 / factor).round() as usize;
    (0..count).map(|n| value(n as f64 * factor)).collect()
}

/// One side of a sinc under a Hann window.
fn kernel() -> Vec<f64> {
    (0..=CROSSINGS * STEPS + 1)
        .map(|n| {
            let x = n as f64 / STEPS as f64;
            let window = (0.5 * PI * (x / CROSSINGS as f64).min(1.0)).cos().powi(2);
            if n == 0 { 1.0 } else { window * (PI * x).sin() / (PI * x) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::rng_for;

    fn tone(hertz: f64, count: usize) -> Vec<f32> {
        (0..count).map(|n| (0.5 * (2.0 * PI * hertz * n as f64 / 16_000.0).sin()) as f32).collect()
    }

    /// Read at another speed, a tone is the tone of another frequency.
    #[test]
    fn a_tone_is_the_one_of_the_scaled_frequency() {
        for factor in [0.8, 0.9, 1.0, 1.1, 1.25] {
            for hertz in [200.0, 3000.0, 5500.0] {
                let made = at_speed(&tone(hertz, 16_000), factor);
                assert_eq!(made.len(), (16_000.0 / factor).round() as usize);
                let expected = tone(hertz * factor, made.len());
                // The ends hear what is not there.
                for n in 50..made.len() - 50 {
                    let error = (made[n] - expected[n]).abs();
                    assert!(error < 5e-3, "{hertz} Hz at {factor}: {error} at {n}");
                }
            }
        }
    }

    #[test]
    fn frequencies_that_do_not_fit_are_left_out() {
        let made = at_speed(&tone(7500.0, 16_000), 1.25);
        let loudest = made[100..made.len() - 100].iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        assert!(loudest < 0.02, "{loudest}");
    }

    #[test]
    fn the_duration_is_that_of_the_speed() {
        let speed = Speed { probability: 1.0, factor: Range(1.1, 1.1) };
        let made = speed.apply(vec![0.1; 11_000], &[], &mut rng_for(1, 2, 3)).unwrap();
        assert_eq!(made.len(), 10_000);
        assert!(speed.apply(Vec::new(), &[], &mut rng_for(1, 2, 3)).unwrap().is_empty());
    }
}
