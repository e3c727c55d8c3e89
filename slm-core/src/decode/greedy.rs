//! Greedy decoding, and the loop that it shares with sampling: one id a row and step.

use super::step::{StepLogits, Stepper};
use super::{DecodeConfig, DecodeError, Finish, Hypothesis};
use crate::batch::PaddedBatch;
use crate::llm::LanguageModel;

/// The most probable id at each step.
pub(super) fn generate(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
) -> Result<Vec<Hypothesis>, DecodeError> {
    generate_with(model, memory, config, |_, logits| best(logits))
}

/// One id a row and step, as `choose` picks it from the row's number in `memory` and its logits.
///
/// A row that is finished leaves the batch.
pub(super) fn generate_with(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    mut choose: impl FnMut(usize, &[f32]) -> u32,
) -> Result<Vec<Hypothesis>, DecodeError> {
    let mut stepper = Stepper::new(model, memory, config);
    let rows = memory.lengths().len();
    let mut hypotheses = vec![Hypothesis { ids: Vec::new(), score: 0.0, finish: Finish::Length }; rows];
    // The rows still in the batch, and the last id of each.
    let mut open: Vec<usize> = (0..rows).collect();
    let mut last = vec![stepper.start_id(); rows];
    for step in 0..config.max_new_tokens {
        let logits: StepLogits = stepper.advance(&last)?;
        let mut kept = Vec::with_capacity(open.len());
        last.clear();
        for (position, &row) in open.iter().enumerate() {
            let id = choose(row, logits.row(position));
            let hypothesis = &mut hypotheses[row];
            hypothesis.score += logits.log_prob(position, id);
            if model.ends().contains(&id) {
                hypothesis.finish = Finish::Eos;
            } else {
                hypothesis.ids.push(id);
                kept.push(position);
                last.push(id);
            }
        }
        if kept.is_empty() || step + 1 == config.max_new_tokens {
            break;
        }
        if kept.len() < open.len() {
            stepper.select(&kept);
            open = kept.into_iter().map(|position| open[position]).collect();
        }
    }
    Ok(hypotheses)
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
