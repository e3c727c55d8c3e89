//! Mean 0 and deviation 1 for each bin over an utterance.

/// Added to a standard deviation before dividing by it.
const STD_GUARD: f64 = 1e-5;
/// Added to a variance before the root that is divided by.
const VARIANCE_GUARD: f64 = 1e-7;

/// How a division by zero is kept off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deviation {
    /// By the deviation and [`STD_GUARD`]: NeMo.
    Guarded,
    /// By the root of the variance and [`VARIANCE_GUARD`]: Seamless.
    GuardedVariance,
}

impl Deviation {
    fn of(self, variance: f64) -> f64 {
        match self {
            Self::Guarded => variance.sqrt() + STD_GUARD,
            Self::GuardedVariance => (variance + VARIANCE_GUARD).sqrt(),
        }
    }
}

/// Subtracts the mean of each bin and divides by its sample deviation (`T - 1`).
///
/// A single frame has deviation 0, so its values become 0.
pub(super) fn over_utterance(log_mels: &[f64], frames: usize, bins: usize, deviation: Deviation) -> Vec<f32> {
    let mut means = vec![0.0; bins];
    for frame in log_mels.chunks_exact(bins) {
        for (mean, value) in means.iter_mut().zip(frame) {
            *mean += value;
        }
    }
    for mean in &mut means {
        *mean /= frames as f64;
    }
    let mut scales = vec![0.0; bins];
    for frame in log_mels.chunks_exact(bins) {
        for ((square, mean), value) in scales.iter_mut().zip(&means).zip(frame) {
            *square += (value - mean).powi(2);
        }
    }
    let freedom = frames.saturating_sub(1).max(1) as f64;
    for scale in &mut scales {
        *scale = 1.0 / deviation.of(*scale / freedom);
    }
    let mut values = Vec::with_capacity(log_mels.len());
    for frame in log_mels.chunks_exact(bins) {
        let bins = frame.iter().zip(&means).zip(&scales);
        values.extend(bins.map(|((value, mean), scale)| ((value - mean) * scale) as f32));
    }
    values
}
