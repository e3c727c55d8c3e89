//! The learning rate at a step: a linear warm-up to the peak, then what a [`Schedule`] says.

use serde::{Deserialize, Serialize};

/// How the rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// It stays at the peak.
    Constant,
    /// It falls in a straight line.
    Linear {
        /// The rate at the last step, as a share of the peak.
        #[serde(default = "floor")]
        floor: f64,
    },
    /// It falls like the first half of a cosine.
    Cosine {
        /// The rate at the last step, as a share of the peak.
        #[serde(default = "floor")]
        floor: f64,
    },
    /// It falls with the square root of the steps, whatever their number in all (Vaswani et al. 2017, arXiv 1706.03762,
    /// section 5.3).
    InverseSquareRoot,
}

/// A twentieth of the peak.
fn floor() -> f64 {
    0.05
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Cosine { floor: floor() }
    }
}

impl Schedule {
    /// What is out of range, one text each.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Linear { floor } | Self::Cosine { floor } if !(0.0..=1.0).contains(floor) => {
                vec![format!("`schedule.floor` is {floor}, must be 0 to 1")]
            }
            _ => Vec::new(),
        }
    }

    /// The rate for the step after `step` steps were made, of `steps` in all, as a share of the peak.
    pub fn share(self, step: u64, warmup: u64, steps: u64) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / warmup as f64;
        }
        let rest = steps.saturating_sub(warmup).max(1);
        let done = ((step - warmup) as f64 / rest as f64).min(1.0);
        match self {
            Self::Constant => 1.0,
            Self::Linear { floor } => floor + (1.0 - floor) * (1.0 - done),
            Self::Cosine { floor } => {
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
            Self::InverseSquareRoot => (warmup.max(1) as f64 / step.max(1) as f64).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rises_to_the_peak_and_falls_in_its_way() {
        let share = |schedule: Schedule, step: u64| schedule.share(step, 100, 1000);
        let (linear, cosine) = (Schedule::Linear { floor: 0.1 }, Schedule::default());
        let all = [Schedule::Constant, linear, cosine, Schedule::InverseSquareRoot];
        for schedule in all {
            for (step, expected) in [(0, 0.01), (99, 1.0), (100, 1.0)] {
                assert!((share(schedule, step) - expected).abs() < 1e-12, "{schedule:?} at {step}");
            }
        }
        let at = |step: u64| all.map(|schedule| share(schedule, step));
        for (step, expected) in [
            (550, [1.0, 0.55, 0.525, 1.0 / 5.5_f64.sqrt()]),
            (1000, [1.0, 0.1, 0.05, 1.0 / 10.0_f64.sqrt()]),
            (10_000, [1.0, 0.1, 0.05, 0.1]),
        ] {
            for (found, expected) in at(step).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found}, expected {expected} at {step}");
            }
        }
    }

    #[test]
    fn a_schedule_is_a_table() {
        let read = |text: &str| toml::from_str::<Schedule>(text);
        assert_eq!(read("kind = \"inverse-square-root\"").unwrap(), Schedule::InverseSquareRoot);
        assert_eq!(read("kind = \"linear\"").unwrap(), Schedule::Linear { floor: 0.05 });
        assert!(read("kind = \"zigzag\"").is_err());
        assert_eq!(Schedule::Linear { floor: 2.0 }.problems().len(), 1);
    }
}
