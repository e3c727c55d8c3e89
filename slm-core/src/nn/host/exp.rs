//! The exponential and what is made of it, without branches, so that a loop over values uses whole registers.

/// Below, the exponential is 0: of what is left out, none is above 1.7e-38.
const LOWEST: f32 = -87.0;
/// Above, it is that of this.
const HIGHEST: f32 = 88.0;
/// `ln 2` in two parts: a product of a small whole number with the first is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Added and taken away, it rounds to a whole number; the low bits of the sum are that number.
const ROUND: f32 = 12_582_912.0;

/// Twice the root of `2 / pi`.
const TWICE_ROOT: f32 = 1.595_769;

/// `e` to the power of `x`, to two units in the last place.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let clamped = x.clamp(LOWEST, HIGHEST);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // [-ln 2 / 2, ln 2 / 2]
    let rest = clamped - whole * LN2_HIGH - whole * LN2_LOW;
    // Taylor's series: the next term is below 6e-9 of the result.
    let series = 1.0 / 5040.0;
    let series = series * rest + 1.0 / 720.0;
    let series = series * rest + 1.0 / 120.0;
    let series = series * rest + 1.0 / 24.0;
    let series = series * rest + 1.0 / 6.0;
    let series = series * rest + 0.5;
    let series = series * rest + 1.0;
    let series = series * rest + 1.0;
    // The exponent's bits, from the low bits of the shifted number.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let result = series * power;
    if x < LOWEST { 0.0 } else { result }
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x * sigmoid(x)`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// GELU's tanh form: `(1 + tanh(u)) / 2` is `sigmoid(2 u)`.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    x * sigmoid(TWICE_ROOT * (x + 0.044_715 * x * x * x))
}

/// GELU by the error function, whose complement is that of Abramowitz and Stegun, 7.1.26: within 1.5e-7.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let tail = x * normal_tail(x);
    if x < 0.0 { tail } else { x - tail }
}

/// The part of the normal distribution that is farther from its middle than `x`, on one side.
#[inline(always)]
fn normal_tail(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = 1.061_405_4 * t - 1.453_152;
    let series = series * t + 1.421_413_7;
    let series = series * t - 0.284_496_74;
    let series = series * t + 0.254_829_6;
    0.5 * series * t * exp(-z * z)
}

/// The slope of [`sigmoid`].
#[inline(always)]
pub(super) fn sigmoid_slope(x: f32) -> f32 {
    let sigmoid = sigmoid(x);
    sigmoid * (1.0 - sigmoid)
}

/// The slope of [`silu`].
#[inline(always)]
pub(super) fn silu_slope(x: f32) -> f32 {
    let sigmoid = sigmoid(x);
    sigmoid * (1.0 + x * (1.0 - sigmoid))
}

/// The slope of [`gelu_tanh`].
#[inline(always)]
pub(super) fn gelu_tanh_slope(x: f32) -> f32 {
    let cubic = 0.044_715 * x * x;
    let sigmoid = sigmoid(TWICE_ROOT * x * (1.0 + cubic));
    sigmoid + x * sigmoid * (1.0 - sigmoid) * TWICE_ROOT * (1.0 + 3.0 * cubic)
}

/// The slope of [`gelu`]: the normal distribution and `x` times its density.
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    const DENSITY: f32 = 0.398_942_3;
    let tail = normal_tail(x);
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    below + x * DENSITY * exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worst distance to `expected`, over what rounding to f32 allows at such a size.
    fn worst(found: impl Fn(f32) -> f32, expected: impl Fn(f64) -> f64, size: impl Fn(f64) -> f64) -> f64 {
        (-120_000..=100_000)
            .map(|i| i as f32 * 0.001)
            .map(|x| (f64::from(found(x)) - expected(f64::from(x))).abs() / size(f64::from(x)))
            .fold(0.0, f64::max)
    }

    #[test]
    fn they_are_what_the_library_of_the_language_computes() {
        let below_88 = |x: f64| x.min(88.0).exp();
        // What is taken for 0 is below 1.7e-38.
        assert!(worst(exp, below_88, |x| below_88(x).max(1e-31)) < 4e-7);
        let sigmoid_of = |x: f64| 1.0 / (1.0 + (-x).exp());
        assert!(worst(sigmoid, sigmoid_of, |_| 1.0) < 3e-7);
        assert!(worst(silu, |x| x * sigmoid_of(x), |x| x.abs().max(1.0)) < 4e-7);
        let tanh_form = |x: f64| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        assert!(worst(gelu_tanh, tanh_form, |x| x.abs().max(1.0)) < 4e-7);
    }

    /// The error function by its series, for what the polynomial is to be near.
    #[test]
    fn gelu_is_that_of_the_error_function() {
        let erf = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            sum * 2.0 / std::f64::consts::PI.sqrt()
        };
        for i in -5000..=5000 {
            let x = i as f32 * 0.001;
            let wide = f64::from(x);
            let expected = 0.5 * wide * (1.0 + erf(wide / std::f64::consts::SQRT_2));
            assert!((f64::from(gelu(x)) - expected).abs() < 6e-7, "{x}");
        }
        assert!((gelu(40.0) - 40.0).abs() < f32::MIN_POSITIVE && gelu(-40.0).abs() < f32::MIN_POSITIVE);
    }

    /// In f64, by differences over a step whose error is far below f32's.
    #[test]
    fn slopes_are_those_of_the_functions() {
        let sigmoid_of = |x: f64| 1.0 / (1.0 + (-x).exp());
        let tanh_form = |x: f64| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        };
        let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let slope = |of: &dyn Fn(f64) -> f64, x: f64| (of(x + 1e-5) - of(x - 1e-5)) / 2e-5;
        for i in -9000..=9000 {
            let x = i as f32 * 0.001;
            let wide = f64::from(x);
            for (found, expected) in [
                (sigmoid_slope(x), slope(&sigmoid_of, wide)),
                (silu_slope(x), slope(&|x| x * sigmoid_of(x), wide)),
                (gelu_tanh_slope(x), slope(&tanh_form, wide)),
            ] {
                assert!((f64::from(found) - expected).abs() < 2e-6, "{x}: {found}, expected {expected}");
            }
            // The slope of the density's integral is the density: GELU's by differences of its own slope.
            let bend = (f64::from(gelu_slope(x + 0.05)) - f64::from(gelu_slope(x - 0.05))) / 0.1;
            let expected = (2.0 - wide * wide) * normal(wide);
            assert!((bend - expected).abs() < 3e-3, "{x}: {bend}, expected {expected}");
        }
        assert!((gelu_slope(0.0) - 0.5).abs() < 1e-6 && (gelu_slope(20.0) - 1.0).abs() < 1e-6);
        assert!(gelu_slope(-20.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for of in [exp, sigmoid, silu, gelu_tanh, gelu, silu_slope, gelu_tanh_slope, gelu_slope] {
            assert!(of(f32::NAN).is_nan());
        }
        assert!(exp(f32::NEG_INFINITY) == 0.0 && exp(-1e9) == 0.0);
    }
}
