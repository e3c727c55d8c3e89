//! Greedy decoding, and the loop that it shares with sampling: one id a row and step.

use super::hooks::Hooks;
use super::penalty::Penalty;
use super::step::Stepper;
use super::{Boost, DecodeConfig, DecodeError, Finish, Hypothesis};
use crate::batch::PaddedBatch;
use crate::llm::LanguageModel;

/// The most probable id at each step.
pub(super) fn generate(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    hooks: &mut Hooks,
) -> Result<Vec<Hypothesis>, DecodeError> {
    generate_with(model, memory, config, hooks, |_, logits| best(logits))
}

/// One id a row and step, as `choose` picks it from the row's number in `memory` and its logits.
///
/// A row that is finished leaves the batch.
pub(super) fn generate_with(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    hooks: &mut Hooks,
    mut choose: impl FnMut(usize, &[f32]) -> u32,
) -> Result<Vec<Hypothesis>, DecodeError> {
    let mut stepper = Stepper::new(model, memory, config);
    let rows = memory.lengths().len();
    let mut hypotheses = vec![Hypothesis { ids: Vec::new(), score: 0.0, finish: Finish::Length }; rows];
    let adjust = Adjust { start: stepper.start_id(), penalty: Penalty::of(config), boosts: hooks.boosts };
    // The rows still in the batch, and the last id of each.
    let mut open: Vec<usize> = (0..rows).collect();
    let mut last = vec![stepper.start_id(); rows];
    for step in 0..config.max_new_tokens {
        let mut logits = stepper.advance(&last)?;
        let is_last = step + 1 == config.max_new_tokens;
        let mut kept = Vec::with_capacity(open.len());
        last.clear();
        for (position, &row) in open.iter().enumerate() {
            let hypothesis = &mut hypotheses[row];
            let unchanged = adjust.is_needed(row).then(|| logits.row(position).to_vec());
            adjust.apply(row, &hypothesis.ids, 0.0, logits.row_mut(position));
            let id = choose(row, logits.row(position));
            // The score is what the model says, whatever made the choice.
            let logit = unchanged.as_deref().unwrap_or(logits.row(position))[id as usize];
            hypothesis.score += f64::from(logit) - logits.normaliser(position);
            if model.ends().contains(&id) {
                hypothesis.finish = Finish::Eos;
            } else {
                hypothesis.ids.push(id);
                if hooks.is_complete(&hypothesis.ids) {
                    hypothesis.finish = Finish::Stop;
                }
            }
            let goes_on = hypothesis.finish == Finish::Length;
            let told = hooks.settle(row, &hypothesis.ids, is_last || !goes_on);
            if goes_on && !told {
                hypothesis.finish = Finish::Cancelled;
            } else if goes_on {
                kept.push(position);
                last.push(id);
            }
        }
        if kept.is_empty() || is_last {
            break;
        }
        if kept.len() < open.len() {
            stepper.select(&kept);
            open = kept.into_iter().map(|position| open[position]).collect();
        }
    }
    Ok(hypotheses)
}

/// What changes the logits of a row by the text that it has.
pub(super) struct Adjust<'a> {
    pub(super) start: u32,
    pub(super) penalty: Option<Penalty>,
    /// One entry a row, or none.
    pub(super) boosts: &'a [Boost],
}

impl Adjust<'_> {
    /// Whether anything changes the logits of `row`.
    pub(super) fn is_needed(&self, row: usize) -> bool {
        self.penalty.is_some() || self.boosts.get(row).is_some_and(|boost| !boost.is_empty())
    }

    /// Changes the logits of `row`, whose text has `ids`; scores are the logits less `offset`.
    pub(super) fn apply(&self, row: usize, ids: &[u32], offset: f64, logits: &mut [f32]) {
        if let Some(penalty) = self.penalty {
            let history: Vec<u32> = std::iter::once(self.start).chain(ids.iter().copied()).collect();
            penalty.apply(&history, offset, logits);
        }
        if let Some(boost) = self.boosts.get(row) {
            boost.apply(ids, logits);
        }
    }
}

/// The id with the largest logit; of equals, the lowest.
pub(super) fn best(logits: &[f32]) -> u32 {
    let start = (0, f32::NEG_INFINITY);
    let (id, _) = logits
        .iter()
        .copied()
        .enumerate()
        .fold(start, |best, (id, logit)| if logit > best.1 { (id, logit) } else { best });
    id as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_id() {
        assert_eq!(best(&[0.0, 2.0, 1.0, 2.0]), 1);
        assert_eq!(best(&[f32::NEG_INFINITY, -5.0]), 1);
    }
}
