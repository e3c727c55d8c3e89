//! The seam between the scores of a model and the choice of an id, the same for every strategy.
//!
//! Reference: transformers 5.23.0, `generation/logits_process.py` and the order of
//! `GenerationMixin._get_logits_processor`: [`repetition`], [`ngram`], then the [`limits`], then the caller's own. As
//! there, the start token or the prompt is part of the text, and beams are processed as log-probabilities, the other strategies as
//! logits. What is specific to sampling (temperature, the most probable ids) follows in `sample`.
//! Shapes: `V` vocabulary rows.

mod joint;
mod limits;
mod ngram;
mod repetition;
mod spelled_ids;

use std::fmt;

pub use self::joint::{BoostedPhrases, JointCtc};
use self::limits::{MinimumLength, VocabularyLimit};
use self::ngram::NoRepeatNgram;
use self::repetition::RepetitionPenalty;
pub use self::spelled_ids::SpelledIds;
use super::config::DecodeConfig;
use crate::llm::Drafts;

/// The text that the next id is chosen for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StepText<'a> {
    /// The row of the batch that the text answers; its beams and its draws have the same.
    pub row: usize,
    /// What the text follows, a decoder's start token or the prompt of [`Hooks::prompts`](super::Hooks::prompts), then all ids so far.
    pub history: &'a [u32],
    /// How many of them the text follows.
    pub begins_at: usize,
    /// What an id's logit is lessened by to give its score: with beams, so that scores are log-probabilities; else 0.
    pub offset: f64,
}

impl<'a> StepText<'a> {
    /// The ids so far, without what they follow.
    pub fn ids(&self) -> &'a [u32] {
        self.history.get(self.begins_at..).unwrap_or_default()
    }
}

/// Changes how likely ids are to follow a text.
///
/// Greedy and sampled texts are scored by what the model says, whatever a processor changed; beams by what it left.
pub trait StepProcessor {
    /// Changes the logits `[V]` of all ids. `-inf` rules an id out; where all are ruled out, the text ends.
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]);
}

/// All processors of a generation, in their order.
pub(super) struct Processors<'a> {
    /// What every text begins with.
    start: Vec<u32>,
    /// What the text of each row follows, where that is known.
    prompts: &'a [Vec<u32>],
    own: Vec<Box<dyn StepProcessor + 'a>>,
    callers: &'a [&'a dyn StepProcessor],
}

impl<'a> Processors<'a> {
    /// Those that `config` asks for, then `callers`; `prompts` are those of [`Hooks`](super::Hooks).
    pub(super) fn new(
        drafts: &Drafts<'a>,
        config: &DecodeConfig,
        prompts: &'a [Vec<u32>],
        callers: &'a [&'a dyn StepProcessor],
    ) -> Self {
        let mut own: Vec<Box<dyn StepProcessor + 'a>> = Vec::new();
        if let Some(penalty) = config.repetition_penalty {
            own.push(Box::new(RepetitionPenalty { penalty }));
        }
        if let Some(size) = config.no_repeat_ngram {
            own.push(Box::new(NoRepeatNgram { size }));
        }
        if config.min_new_tokens > 0 {
            own.push(Box::new(MinimumLength { least: config.min_new_tokens, ends: drafts.ends }));
        }
        if let Some(limit) = config.vocab_limit {
            own.push(Box::new(VocabularyLimit { limit }));
        }
        Self { start: drafts.start.clone(), prompts, own, callers }
    }

    /// None.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { start: Vec::new(), prompts: &[], own: Vec::new(), callers: &[] }
    }

    /// Whether nothing changes the logits.
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.callers.is_empty()
    }

    /// Changes the logits of what may follow `ids`; scores are the logits less `offset`.
    pub(super) fn process(&self, row: usize, ids: &[u32], offset: f64, logits: &mut [f32]) {
        if self.is_empty() {
            return;
        }
        let prompt = self.prompts.get(row).map(Vec::as_slice).unwrap_or_default();
        let history = [&self.start, prompt, ids].concat();
        let begins_at = history.len() - ids.len();
        let step = StepText { row, history: &history, begins_at, offset };
        for processor in &self.own {
            processor.process(&step, logits);
        }
        for processor in self.callers {
            processor.process(&step, logits);
        }
    }
}

impl fmt::Debug for Processors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (own, callers) = (self.own.len(), self.callers.len());
        f.debug_struct("Processors").field("own", &own).field("callers", &callers).finish_non_exhaustive()
    }
}

/// A text of these ids, the first of which is the start token.
#[cfg(test)]
fn text(history: &[u32], offset: f64) -> StepText<'_> {
    StepText { row: 0, history, begins_at: 1, offset }
}
