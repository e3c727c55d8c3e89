//! Rules out ids that would say an n-gram again.
//!
//! Reference: transformers 5.23.0, `NoRepeatNGramLogitsProcessor`.

use super::{StepProcessor, StepText};

/// No sequence of `size` ids occurs twice in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoRepeatNgram {
    pub(super) size: usize,
}

impl StepProcessor for NoRepeatNgram {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        for id in repeating(step.history, self.size) {
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
        assert_eq!(repeating(&[0, 5], usize::MAX), [] as [u32; 0]);
    }
}
