//! What is asked of a row of logits, which is as long as the vocabulary.

use super::exp::exp;
use super::lanes::{Kernel, Lanes, run};

/// Values that are taken side by side.
const WIDTH: usize = 16;
/// Values whose sum is one of 32 bits; the sums of such runs are added in 64.
const RUN: usize = 1 << 10;

#[inline(always)]
fn larger(most: f32, value: f32) -> f32 {
    // What is no number is never more.
    if value > most { value } else { most }
}

/// The largest of some values, -inf where there is none; what is no number does not count.
pub(crate) fn largest(values: &[f32]) -> f32 {
    let mut found = f32::NEG_INFINITY;
    run(Largest { values, found: &mut found });
    found
}

/// `ln(sum(exp(x)))`; no number or infinite where a value is none or `+inf`, or all are `-inf`.
pub(crate) fn log_sum_exp(values: &[f32]) -> f64 {
    let most = largest(values);
    let mut sum = 0.0;
    run(Exponentials { values, most, sum: &mut sum });
    f64::from(most) + sum.ln()
}

struct Largest<'a> {
    values: &'a [f32],
    found: &'a mut f32,
}

impl Kernel for Largest<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut most = [f32::NEG_INFINITY; WIDTH];
        let (chunks, rest) = self.values.as_chunks::<WIDTH>();
        for chunk in chunks {
            for (most, &value) in most.iter_mut().zip(chunk) {
                *most = larger(*most, value);
            }
        }
        *self.found = most.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger);
    }
}

/// The sum of the exponentials of values less the largest of them.
struct Exponentials<'a> {
    values: &'a [f32],
    most: f32,
    sum: &'a mut f64,
}

impl Kernel for Exponentials<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        for values in self.values.chunks(RUN) {
            let mut sums = [0.0_f32; WIDTH];
            let (chunks, rest) = values.as_chunks::<WIDTH>();
            for chunk in chunks {
                for (sum, &value) in sums.iter_mut().zip(chunk) {
                    *sum += exp(value - self.most);
                }
            }
            let rest: f32 = rest.iter().map(|&value| exp(value - self.most)).sum();
            *self.sum += f64::from(sums.iter().sum::<f32>() + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The naive twin, in 64 bits.
    fn twin(values: &[f32]) -> f64 {
        let most = f64::from(values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        most + values.iter().map(|&value| (f64::from(value) - most).exp()).sum::<f64>().ln()
    }

    #[test]
    fn they_are_those_of_the_twin() {
        for count in [1, 5, 16, 40, 1024, 32_128] {
            for spread in [0.1, 3.0, 60.0] {
                let values: Vec<f32> =
                    (0..count).map(|i| ((i * 7919 % 10_007) as f32 / 5003.0 - 1.0) * spread + 4.0).collect();
                assert!((log_sum_exp(&values) - twin(&values)).abs() < 1e-6 * twin(&values).abs().max(1.0));
                let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                assert!((largest(&values) - most).abs() < f32::MIN_POSITIVE);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        let out = f32::NEG_INFINITY;
        for place in [0, 20, 39] {
            let mut values = [1.0; 40];
            values[place] = f32::NAN;
            assert!(log_sum_exp(&values).is_nan());
            assert!((largest(&values) - 1.0).abs() < f32::EPSILON);
            values[place] = f32::INFINITY;
            assert!(!log_sum_exp(&values).is_finite());
            values[place] = out;
            assert!((log_sum_exp(&values) - 1.0 - 39_f64.ln()).abs() < 1e-6);
        }
        assert!(!log_sum_exp(&[out; 40]).is_finite());
        for nothing in [largest(&[]), largest(&[f32::NAN; 17])] {
            assert!(nothing.is_infinite() && nothing < 0.0);
        }
    }
}
