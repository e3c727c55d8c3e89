//! The rules of texts with times: a time at the start, times in pairs, none earlier than the one before.
//!
//! Paper: arXiv 2212.04356, section 4.5. Reference: transformers 5.23.0, `WhisperTimeStampLogitsProcessor`.

use crate::decode::{StepProcessor, StepText};

const OUT: f32 = f32::NEG_INFINITY;

/// Which times and words may follow. Times are the ids after that of no times, 20 ms apart.
#[derive(Debug, Clone, Copy)]
pub struct TimeRules {
    /// The id that says that a text has no times.
    pub no_times: u32,
    /// The id that ends a text; words are the ids before it.
    pub end: u32,
    /// The latest time that a text begins with, in steps of 20 ms.
    pub first_at_most: Option<u32>,
}

impl StepProcessor for TimeRules {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        let first = (self.no_times as usize + 1).min(logits.len());
        let is_time = |id: &u32| *id > self.no_times;
        if let Some(logit) = logits.get_mut(self.no_times as usize) {
            *logit = OUT;
        }
        let ids = step.ids();
        let ends_in_time = ids.last().is_some_and(is_time);
        // A text of one id counts as if a time came before it.
        let is_second = ids.len() < 2 || ids.get(ids.len() - 2).is_some_and(is_time);
        match (ends_in_time, is_second) {
            // A pair is followed by words.
            (true, true) => logits[first..].fill(OUT),
            // The end of a stretch is followed by the start of the next one, or by nothing.
            (true, false) => {
                let words = (self.end as usize).min(logits.len());
                logits[..words].fill(OUT);
            }
            (false, _) => {}
        }
        if let Some(&last) = ids.iter().rev().find(|id| is_time(id)) {
            // A stretch may begin where the last one ended, and ends after it began.
            let least = if ends_in_time && !is_second { last } else { last + 1 };
            let least = (least as usize).min(logits.len());
            logits[first..least].fill(OUT);
        }
        if ids.is_empty() {
            logits[..first].fill(OUT);
            if let Some(most) = self.first_at_most {
                let beyond = (first + most as usize + 1).min(logits.len());
                logits[beyond..].fill(OUT);
            }
        }
        // Where times together are more probable than any word, it is a time.
        let largest = |logits: &[f32]| logits.iter().copied().fold(OUT, f32::max);
        let (words, times) = logits.split_at_mut(first);
        let top = largest(times);
        if top > OUT {
            let sum: f64 = times.iter().map(|&logit| f64::from(logit - top).exp()).sum();
            if f64::from(top) + sum.ln() > f64::from(largest(words)) {
                words.fill(OUT);
            }
        }
    }
}
