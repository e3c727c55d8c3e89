//! Lowers the scores of ids that a text already has.
//!
//! Paper: Keskar et al. 2019, *CTRL*, section 4.1. Reference: transformers 5.23.0, `RepetitionPenaltyLogitsProcessor`.

use super::{StepProcessor, StepText};

/// Divides positive scores of ids that the text has by the penalty, and multiplies negative ones by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RepetitionPenalty {
    pub(super) penalty: f64,
}

impl StepProcessor for RepetitionPenalty {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        let mut said = step.history.to_vec();
        said.sort_unstable();
        said.dedup();
        for id in said {
            if let Some(logit) = logits.get_mut(id as usize) {
                let score = f64::from(*logit) - step.offset;
                let factor = if score < 0.0 { self.penalty } else { 1.0 / self.penalty };
                *logit = (score * factor + step.offset) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn repetition_moves_scores_down_on_both_sides_of_zero() {
        let penalty = RepetitionPenalty { penalty: 2.0 };
        let mut logits = [1.0, -1.0, 3.0];
        penalty.process(&text(&[0, 1, 1], 0.0), &mut logits);
        assert_eq!(logits.map(|x| (x * 10.0) as i32), [5, -20, 30]);
        let mut logits = [1.0, -1.0, 3.0];
        penalty.process(&text(&[0], 2.0), &mut logits);
        assert_eq!(logits.map(|x| (x * 10.0) as i32), [0, -10, 30]);
    }

    #[test]
    fn what_is_ruled_out_stays_so() {
        let mut logits = [f32::NEG_INFINITY; 2];
        RepetitionPenalty { penalty: 1.5 }.process(&text(&[0, 9], -3.0), &mut logits);
        assert!(logits.iter().all(|logit| *logit == f32::NEG_INFINITY));
    }
}
