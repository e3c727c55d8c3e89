//! Greedy decoding, and the loop that it shares with sampling: one id a row and step.

use super::config::DecodeConfig;
use super::error::DecodeError;
use super::hooks::Hooks;
use super::hypothesis::{Finish, Hypothesis};
use super::processors::Processors;
use super::step::Stepper;
use crate::llm::Drafts;
use crate::nn::host::largest;

/// The most probable id at each step.
pub(super) fn generate(
    drafts: Drafts<'_>,
    config: &DecodeConfig,
    hooks: &mut Hooks,
) -> Result<Vec<Hypothesis>, DecodeError> {
    generate_with(drafts, config, hooks, |_, logits| best(logits))
}

/// One id a row and step, as `choose` picks it from the row's number in `drafts` and its processed logits; `None` ends
/// the row. Each row of the caller's batch is there [`DecodeConfig::num_hypotheses`] times, one after the other.
///
/// A row that is finished leaves the batch.
pub(super) fn generate_with(
    drafts: Drafts<'_>,
    config: &DecodeConfig,
    hooks: &mut Hooks,
    mut choose: impl FnMut(usize, &[f32]) -> Option<u32>,
) -> Result<Vec<Hypothesis>, DecodeError> {
    let processors = Processors::new(&drafts, config, hooks.prompts, hooks.processors);
    let (rows, ends) = (drafts.rows(), drafts.ends);
    let mut stepper = Stepper::new(drafts);
    let begun = Hypothesis { ids: Vec::new(), score: 0.0, log_prob: 0.0, finish: Finish::Length };
    let mut hypotheses = vec![begun; rows];
    // The rows still in the batch, and the last id of each.
    let mut open: Vec<usize> = (0..rows).collect();
    let mut last = Vec::with_capacity(rows);
    let mut processed = Vec::new();
    for step in 0..config.max_new_tokens {
        hooks.check_watch()?;
        let logits = stepper.advance(&last)?;
        let is_last = step + 1 == config.max_new_tokens;
        let mut kept = Vec::with_capacity(open.len());
        last.clear();
        for (position, &row) in open.iter().enumerate() {
            let hypothesis = &mut hypotheses[row];
            let given = logits.row(position);
            let chosen = if processors.is_empty() {
                choose(row, given)
            } else {
                processed.clear();
                processed.extend_from_slice(given);
                processors.process(row / config.num_hypotheses, &hypothesis.ids, 0.0, &mut processed);
                choose(row, &processed)
            };
            if let Some(id) = chosen {
                // The score is what the model says, whatever made the choice.
                hypothesis.log_prob += f64::from(given[id as usize]) - logits.normaliser(position);
                hypothesis.score = hypothesis.log_prob;
                hypothesis.finish = if ends.contains(&id) {
                    Finish::Eos
                } else {
                    hypothesis.ids.push(id);
                    if hooks.is_complete(&hypothesis.ids) { Finish::Stop } else { Finish::Length }
                };
            } else {
                hypothesis.finish = Finish::NoChoice;
            }
            let goes_on = hypothesis.finish == Finish::Length;
            let wants_more = hooks.settle(row, &hypothesis.ids, is_last || !goes_on);
            if goes_on && !wants_more {
                hypothesis.finish = Finish::Cancelled;
            } else if goes_on {
                kept.push(position);
                last.extend(hypothesis.ids.last());
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

/// The id with the largest logit, of equals the lowest; `None` where all are ruled out.
pub(super) fn best(logits: &[f32]) -> Option<u32> {
    let most = largest(logits);
    let mut ids = (0..).zip(logits);
    ids.find(|(_, logit)| **logit >= most && most > f32::NEG_INFINITY).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_id() {
        assert_eq!(best(&[0.0, 2.0, 1.0, 2.0]), Some(1));
        assert_eq!(best(&[f32::NEG_INFINITY, -5.0]), Some(1));
    }

    #[test]
    fn what_is_ruled_out_is_not_chosen() {
        assert_eq!(best(&[f32::NEG_INFINITY; 3]), None);
        assert_eq!(best(&[f32::NAN, f32::NEG_INFINITY]), None);
    }
}
