//! Filters of whole recordings by the Fourier transform.

use realfft::num_complex::Complex;
use realfft::{FftError, RealFftPlanner};
use slm_core::audio::SAMPLE_RATE;

/// Leaves frequencies below `pass` as they are and nothing above `stop`, in Hz, with a smooth slope in between.
pub(super) fn low_pass(samples: &[f32], pass: f64, stop: f64) -> Result<Vec<f32>, FftError> {
    let mut made = samples.to_vec();
    through_spectrum(&mut made, samples.len(), |spectrum, hertz| {
        for (n, value) in spectrum.iter_mut().enumerate() {
            let place = ((n as f64 * hertz - pass) / (stop - pass)).clamp(0.0, 1.0);
            *value *= (0.5 + 0.5 * (std::f64::consts::PI * place).cos()) as f32;
        }
    })?;
    Ok(made)
}

/// `samples` as they are heard through `response`: the convolution, as long as the samples, `delay` samples of its start
/// left out.
pub(super) fn convolve(samples: &[f32], response: &[f32], delay: usize) -> Result<Vec<f32>, FftError> {
    let len = samples.len() + response.len();
    let mut of_response = Vec::new();
    let mut response = response.to_vec();
    through_spectrum(&mut response, len, |spectrum, _| of_response = spectrum.to_vec())?;
    let mut made = samples.to_vec();
    made.resize(len, 0.0);
    through_spectrum(&mut made, len, |spectrum, _| {
        for (value, factor) in spectrum.iter_mut().zip(&of_response) {
            *value *= factor;
        }
    })?;
    made.drain(..delay.min(len));
    made.resize(samples.len(), 0.0);
    Ok(made)
}

/// Changes the spectrum of `samples`, which are filled up with zeros to `len` or more; `change` is told how far apart in Hz
/// the values are. The samples keep their number.
fn through_spectrum(
    samples: &mut Vec<f32>,
    len: usize,
    change: impl FnOnce(&mut [Complex<f32>], f64),
) -> Result<(), FftError> {
    let count = samples.len();
    // Lengths with large prime factors are slow.
    let len = len.max(2).next_power_of_two();
    samples.resize(len, 0.0);
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(len), planner.plan_fft_inverse(len));
    let mut spectrum = forward.make_output_vec();
    forward.process(samples, &mut spectrum)?;
    change(&mut spectrum, f64::from(SAMPLE_RATE) / len as f64);
    // What rounding leaves there is refused by the inverse.
    if let [first, .., last] = spectrum.as_mut_slice() {
        (first.im, last.im) = (0.0, 0.0);
    }
    inverse.process(&mut spectrum, samples)?;
    samples.truncate(count);
    for sample in samples {
        *sample /= len as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random::rng_for;

    #[test]
    fn a_convolution_is_that_of_the_sums() {
        let mut rng = rng_for(4, 5, 6);
        let mut noise =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random::<f32>() - 0.5).collect() };
        for (count, taps, delay) in [(200, 31, 0), (200, 300, 7), (1, 1, 0)] {
            let (samples, response) = (noise(count), noise(taps));
            let made = convolve(&samples, &response, delay).unwrap();
            assert_eq!(made.len(), count);
            for (n, found) in made.iter().enumerate() {
                let at = n + delay;
                let terms = (0..taps).filter(|k| *k <= at && at - k < count);
                let expected: f32 = terms.map(|k| response[k] * samples[at - k]).sum();
                assert!((found - expected).abs() < 1e-4, "{n}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn low_frequencies_pass_and_high_ones_do_not() {
        let tone = |hertz: f64| -> Vec<f32> {
            (0..16_000)
                .map(|n| (std::f64::consts::TAU * hertz * f64::from(n) / 16_000.0).sin() as f32)
                .collect()
        };
        for (hertz, expected) in [(300.0, 1.0), (3000.0, 1.0), (4100.0, 0.0), (7000.0, 0.0)] {
            let (samples, made) = (tone(hertz), low_pass(&tone(hertz), 3400.0, 4000.0).unwrap());
            for n in 500..15_500 {
                assert!((made[n] - expected * samples[n]).abs() < 0.01, "{hertz} Hz, {n}: {}", made[n]);
            }
        }
    }
}
