//! What lowers the score of ids that a text already has.
//!
//! Reference: transformers 5.23.0, `RepetitionPenaltyLogitsProcessor` and `NoRepeatNGramLogitsProcessor`. As there,
//! the start token is part of the text, and beams are penalised on log-probabilities, the other strategies on logits.

use super::DecodeConfig;

/// The penalties of a configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Penalty {
    repetition: Option<f64>,
    ngram: Option<usize>,
}

impl Penalty {
    /// `None` when the configuration penalises nothing.
    pub(super) fn of(config: &DecodeConfig) -> Option<Self> {
        let penalty = Self { repetition: config.repetition_penalty, ngram: config.no_repeat_ngram };
        (penalty.repetition.is_some() || penalty.ngram.is_some()).then_some(penalty)
    }

    /// Lowers the `logits` of ids by what `history`, the start token and all ids so far, holds. The scores that are
    /// penalised are the logits less `offset`.
    pub(super) fn apply(self, history: &[u32], offset: f64, logits: &mut [f32]) {
        if let Some(repetition) = self.repetition {
            let mut seen = history.to_vec();
            seen.sort_unstable();
            seen.dedup();
            for id in seen {
                if let Some(logit) = logits.get_mut(id as usize) {
                    let score = f64::from(*logit) - offset;
                    let factor = if score < 0.0 { repetition } else { 1.0 / repetition };
                    *logit = (score * factor + offset) as f32;
                }
            }
        }
        for id in self.ngram.map_or_else(Vec::new, |size| repeating(history, size)) {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// The ids that would end an n-gram of `size` that `history` has already.
fn repeating(history: &[u32], size: usize) -> Vec<u32> {
    let Some(start) = (history.len() + 1).checked_sub(size) else { return Vec::new() };
    let prefix = &history[start..];
    history
        .windows(size)
        .filter(|gram| gram.starts_with(prefix))
        .filter_map(|gram| gram.last().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ngram_is_not_repeated() {
        assert_eq!(repeating(&[0, 5, 6, 7, 5, 6], 3), [7]);
        assert_eq!(repeating(&[0, 5, 6, 5], 2), [6]);
        assert_eq!(repeating(&[0, 5], 1), [0, 5]);
        assert_eq!(repeating(&[0, 5], 4), [] as [u32; 0]);
    }

    #[test]
    fn repetition_moves_scores_down_on_both_sides_of_zero() {
        let penalty = Penalty { repetition: Some(2.0), ngram: None };
        let mut logits = [1.0, -1.0, 3.0];
        penalty.apply(&[0, 1, 1], 0.0, &mut logits);
        assert_eq!(logits.map(|x| (x * 10.0) as i32), [5, -20, 30]);
        let mut logits = [1.0, -1.0, 3.0];
        penalty.apply(&[0], 2.0, &mut logits);
        assert_eq!(logits.map(|x| (x * 10.0) as i32), [0, -10, 30]);
    }
}
