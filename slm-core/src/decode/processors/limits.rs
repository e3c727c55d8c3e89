//! Rules out ids that must not be chosen yet, or never.
//!
//! Reference: transformers 5.23.0, `MinNewTokensLengthLogitsProcessor` and `SuppressTokensLogitsProcessor`.

use super::{StepProcessor, StepText};

/// No end token before a text has `least` ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct MinimumLength<'a> {
    pub(super) least: usize,
    /// The ids that end a text.
    pub(super) ends: &'a [u32],
}

impl StepProcessor for MinimumLength<'_> {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        if step.ids().len() >= self.least {
            return;
        }
        for &end in self.ends {
            if let Some(logit) = logits.get_mut(end as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// No id from `limit` on: rows of the vocabulary without a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct VocabularyLimit {
    pub(super) limit: usize,
}

impl StepProcessor for VocabularyLimit {
    fn process(&self, _: &StepText<'_>, logits: &mut [f32]) {
        if let Some(beyond) = logits.get_mut(self.limit..) {
            beyond.fill(f32::NEG_INFINITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    const OUT: f32 = f32::NEG_INFINITY;

    #[test]
    fn end_tokens_wait_for_the_minimum_length() {
        let minimum = MinimumLength { least: 2, ends: &[1, 3, 9] };
        for (history, expected) in
            [(&[0][..], [0.5, OUT, 0.5, OUT]), (&[0, 7], [0.5, OUT, 0.5, OUT]), (&[0, 7, 7], [0.5; 4])]
        {
            let mut logits = [0.5; 4];
            minimum.process(&text(history, 0.0), &mut logits);
            assert_eq!(logits[..], expected[..]);
        }
    }

    #[test]
    fn ids_without_a_token_are_never_chosen() {
        for (limit, expected) in [(2, [0.5, 0.5, OUT]), (3, [0.5; 3]), (9, [0.5; 3])] {
            let mut logits = [0.5; 3];
            VocabularyLimit { limit }.process(&text(&[0], 0.0), &mut logits);
            assert_eq!(logits[..], expected[..]);
        }
    }
}
