//! The learning rate at a step: a linear warm-up, then a cosine down to a twentieth of the peak.

use super::LoopConfig;

/// The rate at the end, as a share of the peak.
const FLOOR: f64 = 0.05;

/// The rate for the step after `step` steps were made.
pub fn learning_rate(config: &LoopConfig, step: u64) -> f64 {
    if step < config.warmup_steps {
        return config.learning_rate * (step + 1) as f64 / config.warmup_steps as f64;
    }
    let rest = config.steps.saturating_sub(config.warmup_steps).max(1);
    let done = ((step - config.warmup_steps) as f64 / rest as f64).min(1.0);
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    config.learning_rate * (FLOOR + (1.0 - FLOOR) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_the_floor() {
        let config =
            LoopConfig { steps: 1000, warmup_steps: 100, learning_rate: 2.0, ..LoopConfig::default() };
        assert!((learning_rate(&config, 0) - 0.02).abs() < 1e-12);
        assert!((learning_rate(&config, 99) - 2.0).abs() < 1e-12);
        assert!((learning_rate(&config, 100) - 2.0).abs() < 1e-12);
        assert!((learning_rate(&config, 1000) - 0.1).abs() < 1e-12);
        assert!((learning_rate(&config, 5000) - 0.1).abs() < 1e-12);
    }
}
