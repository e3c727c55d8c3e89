//! The guard against NaN and infinity: a step with a gradient norm that is not finite is not taken, and
//! a run that keeps having them stops before it can spoil a checkpoint.

use std::collections::VecDeque;

/// So many in a row stop the run.
const MAX_IN_A_ROW: usize = 3;
/// So many among the last [`WINDOW`] steps stop it too.
const MAX_IN_WINDOW: usize = 10;
/// Steps that are looked back on.
const WINDOW: u64 = 1000;
/// Norms that a message shows.
const NORMS_SHOWN: usize = 5;

/// Steps whose gradients were not finite.
#[derive(Debug, Default)]
pub struct Guard {
    bad: VecDeque<u64>,
    in_a_row: usize,
    norms: VecDeque<f64>,
}

/// The run cannot go on.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "training stopped at step {step}: {count} steps with non-finite gradients (learning rate {rate:.3e}, last norms {norms:?})"
)]
pub struct NonFinite {
    /// The step.
    pub step: u64,
    /// How many were seen.
    pub count: usize,
    /// The rate at the step.
    pub rate: f64,
    /// The last gradient norms.
    pub norms: Vec<f64>,
}

impl Guard {
    /// Tells whether to take the step with this gradient norm.
    ///
    /// # Errors
    ///
    /// [`NonFinite`] when there were too many.
    pub fn admit(&mut self, step: u64, norm: f64, rate: f64) -> Result<bool, NonFinite> {
        self.norms.push_back(norm);
        if self.norms.len() > NORMS_SHOWN {
            self.norms.pop_front();
        }
        if norm.is_finite() {
            self.in_a_row = 0;
            return Ok(true);
        }
        self.in_a_row += 1;
        self.bad.push_back(step);
        while self.bad.front().is_some_and(|&old| old + WINDOW < step) {
            self.bad.pop_front();
        }
        if self.in_a_row >= MAX_IN_A_ROW || self.bad.len() >= MAX_IN_WINDOW {
            let norms = self.norms.iter().copied().collect();
            return Err(NonFinite { step, count: self.bad.len(), rate, norms });
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_a_row_stop() {
        let mut guard = Guard::default();
        assert_eq!(guard.admit(1, f64::NAN, 0.1), Ok(false));
        assert_eq!(guard.admit(2, 1.0, 0.1), Ok(true));
        assert_eq!(guard.admit(3, f64::INFINITY, 0.1), Ok(false));
        assert_eq!(guard.admit(4, f64::NAN, 0.1), Ok(false));
        assert_eq!(guard.admit(5, f64::NAN, 0.1).unwrap_err().step, 5);
    }

    #[test]
    fn ten_in_a_thousand_stop() {
        let mut guard = Guard::default();
        for i in 0..9 {
            assert_eq!(guard.admit(i * 100, f64::NAN, 0.1), Ok(false));
            assert_eq!(guard.admit(i * 100 + 1, 1.0, 0.1), Ok(true));
        }
        assert!(guard.admit(900, f64::NAN, 0.1).is_err());
    }
}
