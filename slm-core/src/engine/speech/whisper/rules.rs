//! What is never written: marks that a transcript has no use for, and texts that are over before they begin.
//!
//! Reference: transformers 5.23.0, `SuppressTokensLogitsProcessor` and `SuppressTokensAtBeginLogitsProcessor`.

use crate::decode::{StepProcessor, StepText};

/// Ids that are never chosen.
#[derive(Debug, Clone, Copy)]
pub struct Suppressed<'a> {
    /// The ids.
    pub ids: &'a [u32],
}

/// Ids that no text begins with.
#[derive(Debug, Clone, Copy)]
pub struct SuppressedAtBegin<'a> {
    /// The ids.
    pub ids: &'a [u32],
}

fn rule_out(ids: &[u32], logits: &mut [f32]) {
    for &id in ids {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

impl StepProcessor for Suppressed<'_> {
    fn process(&self, _: &StepText<'_>, logits: &mut [f32]) {
        rule_out(self.ids, logits);
    }
}

impl StepProcessor for SuppressedAtBegin<'_> {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        if step.ids().is_empty() {
            rule_out(self.ids, logits);
        }
    }
}
