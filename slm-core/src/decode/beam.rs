//! Beam search, with the semantics of transformers 5.23.0, `GenerationMixin._beam_search` with
//! `early_stopping=False`.
//!
//! A row keeps `size` running beams and banks up to `size` finished ones. Of the best `2 * size` continuations (more
//! where several ids end a text), those among the first `size` that end go to the bank with their score over their
//! length to the power of the penalty; the best `size` that do not end run on. A row is done when its bank is full and
//! its best beam, scored at its present length, is not better than the bank's worst.

use super::config::DecodeConfig;
use super::error::DecodeError;
use super::hooks::Hooks;
use super::hypothesis::{Finish, Hypothesis};
use super::processors::Processors;
use super::step::{StepLogits, Stepper};
use crate::llm::Drafts;
use crate::nn::host::largest;

/// Logits that are passed over at once where none of them is large enough.
const RUN: usize = 256;

/// The best hypotheses of each row, as many as the configuration wants, the best first.
pub(super) fn generate(
    drafts: Drafts<'_>,
    config: &DecodeConfig,
    hooks: &mut Hooks,
    size: usize,
    length_penalty: f64,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    let processors = Processors::new(&drafts, config, hooks.prompts, hooks.processors);
    let rules = Rules { size, length_penalty, ends: drafts.ends, processors };
    let rows = drafts.rows();
    let mut stepper = Stepper::new(drafts);
    // All beams of a row would begin alike, so it begins with one.
    let mut searches: Vec<Search> = (0..rows).map(|_| Search::new()).collect();
    let mut last = Vec::with_capacity(rows * size);
    for length in 1..=config.max_new_tokens {
        hooks.check_watch()?;
        let mut logits = stepper.advance(&last)?;
        let is_last = length == config.max_new_tokens;
        let mut sources = Vec::new();
        last.clear();
        let mut first = 0;
        for (row, search) in searches.iter_mut().enumerate().filter(|(_, search)| search.is_open()) {
            let beams = search.running.len();
            search.process(row, &mut logits, first, &rules);
            let mut kept = search.step(&logits, first, length, is_last, &rules, hooks);
            if !search.tell(row, hooks) {
                search.end(length, Finish::Cancelled, &rules);
                kept.clear();
            }
            sources.extend(kept);
            last.extend(search.running.iter().filter_map(|beam| beam.ids.last()));
            first += beams;
        }
        if is_last || sources.is_empty() {
            break;
        }
        stepper.select(&sources);
    }
    Ok(searches.into_iter().map(|search| search.into_best(config.num_hypotheses)).collect())
}

/// What does not change during a search.
struct Rules<'a> {
    size: usize,
    length_penalty: f64,
    /// The ids that end a beam.
    ends: &'a [u32],
    processors: Processors<'a>,
}

impl Rules<'_> {
    /// Continuations that are looked at: as many that do not end as there are beams are among them.
    fn candidates(&self) -> usize {
        (1 + self.ends.len()).max(2) * self.size
    }

    /// The score of `length` tokens whose log-probabilities sum up to `sum`; that of no tokens is their sum, 0.
    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length.max(1) as f64).powf(self.length_penalty)
    }
}

/// Text that may go on.
#[derive(Debug, Clone)]
struct Beam {
    ids: Vec<u32>,
    /// The sum of its log-probabilities.
    sum: f64,
}

/// A beam with one id more.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    beam: usize,
    id: u32,
    sum: f64,
}

/// The search of one row. It is closed when nothing runs.
struct Search {
    /// The best first.
    running: Vec<Beam>,
    /// The best first, at most as many as the beam's size.
    bank: Vec<Hypothesis>,
    /// Ids that were told of.
    told: usize,
}

impl Search {
    fn new() -> Self {
        let beam = Beam { ids: Vec::new(), sum: 0.0 };
        Self { running: vec![beam], bank: Vec::new(), told: 0 }
    }

    fn is_open(&self) -> bool {
        !self.running.is_empty()
    }

    /// Processes the logits of the beams by their texts, as log-probabilities.
    fn process(&self, row: usize, logits: &mut StepLogits, first: usize, rules: &Rules) {
        for (beam, running) in self.running.iter().enumerate() {
            let normaliser = logits.normaliser(first + beam);
            rules.processors.process(row, &running.ids, normaliser, logits.row_mut(first + beam));
        }
    }

    /// Tells of ids that have become settled; whether the row goes on.
    fn tell(&mut self, row: usize, hooks: &mut Hooks) -> bool {
        if !self.is_open() {
            let best = self.bank.first().map_or(&[][..], |best| &best.ids);
            return hooks.settle(row, best, true);
        }
        let mut texts =
            self.running.iter().map(|beam| &beam.ids).chain(self.bank.iter().map(|text| &text.ids));
        let first = texts.next().map_or(&[][..], Vec::as_slice);
        let agreed = texts.fold(first, |agreed, text| {
            let same = agreed.iter().zip(text).take_while(|(a, b)| a == b).count();
            &agreed[..same]
        });
        if agreed.len() == self.told {
            return true;
        }
        self.told = agreed.len();
        hooks.settle(row, agreed, false)
    }

    /// Ends the search: what runs, of `length` tokens, counts as it is.
    fn end(&mut self, length: usize, finish: Finish, rules: &Rules) {
        for Beam { ids, sum } in std::mem::take(&mut self.running) {
            let score = rules.score(sum, length);
            self.deposit(Hypothesis { ids, score, log_prob: sum, finish }, rules.size);
        }
    }

    /// Extends the beams to `length` tokens, their logits being the rows of `logits` from `first` on;
    /// returns the row behind each new running beam.
    fn step(
        &mut self,
        logits: &StepLogits,
        first: usize,
        length: usize,
        is_last: bool,
        rules: &Rules,
        hooks: &Hooks,
    ) -> Vec<usize> {
        let candidates = self.candidates(logits, first, rules.candidates());
        if candidates.is_empty() {
            self.end(length - 1, Finish::NoChoice, rules);
            return Vec::new();
        }
        let mut kept: Vec<(Candidate, Beam)> = Vec::with_capacity(rules.size);
        for (rank, candidate) in candidates.into_iter().enumerate() {
            let mut ids = self.running[candidate.beam].ids.clone();
            let finish = if rules.ends.contains(&candidate.id) {
                Finish::Eos
            } else {
                ids.push(candidate.id);
                if hooks.is_complete(&ids) { Finish::Stop } else { Finish::Length }
            };
            let ends = finish != Finish::Length;
            if rank < rules.size && (ends || is_last) {
                let score = rules.score(candidate.sum, length);
                self.deposit(Hypothesis { ids, score, log_prob: candidate.sum, finish }, rules.size);
            } else if !ends && kept.len() < rules.size {
                kept.push((candidate, Beam { ids, sum: candidate.sum }));
            }
        }
        let can_improve = match (kept.first(), self.bank.last()) {
            (Some((best, _)), Some(worst)) if self.bank.len() == rules.size => {
                rules.score(best.sum, length) > worst.score
            }
            _ => true,
        };
        if is_last || !can_improve {
            self.running.clear();
            return Vec::new();
        }
        let (sources, running) =
            kept.into_iter().map(|(candidate, beam)| (first + candidate.beam, beam)).unzip();
        self.running = running;
        sources
    }

    /// The best `count` continuations, the best first; of equals, the earlier beam and the lower id.
    fn candidates(&self, logits: &StepLogits, first: usize, count: usize) -> Vec<Candidate> {
        let mut best: Vec<Candidate> = Vec::with_capacity(count + 1);
        for (beam, running) in self.running.iter().enumerate() {
            let row = first + beam;
            let base = running.sum - logits.normaliser(row);
            let enters = |best: &[Candidate], sum: f64| match best.last() {
                Some(worst) if best.len() == count => sum > worst.sum,
                _ => sum > f64::NEG_INFINITY,
            };
            for (run, logits) in logits.row(row).chunks(RUN).enumerate() {
                if !enters(&best, base + f64::from(largest(logits))) {
                    continue;
                }
                for (id, &logit) in (run as u32 * RUN as u32..).zip(logits) {
                    let sum = base + f64::from(logit);
                    if !enters(&best, sum) {
                        continue;
                    }
                    let place = best.partition_point(|other| other.sum >= sum);
                    best.insert(place, Candidate { beam, id, sum });
                    best.truncate(count);
                }
            }
        }
        best
    }

    /// Adds to the bank; of equals, the earlier one stays in front.
    fn deposit(&mut self, hypothesis: Hypothesis, size: usize) {
        let place = self.bank.partition_point(|other| other.score >= hypothesis.score);
        self.bank.insert(place, hypothesis);
        self.bank.truncate(size);
    }

    /// The best `count` of the bank. There is one at least: the best continuation of a row goes to the bank or runs on,
    /// and what runs goes there when the search ends.
    fn into_best(mut self, count: usize) -> Vec<Hypothesis> {
        self.bank.truncate(count);
        self.bank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: f32 = f32::NEG_INFINITY;

    fn rules(ends: &[u32]) -> Rules<'_> {
        Rules { size: 2, length_penalty: 1.0, ends, processors: Processors::none() }
    }

    /// A row's search over three ids, step by step: the logits of its beams, the last step being the last of all.
    fn search(rules: &Rules, steps: &[&[[f32; 3]]]) -> Vec<Hypothesis> {
        let mut search = Search::new();
        for (step, rows) in steps.iter().enumerate() {
            assert_eq!(search.running.len(), rows.len(), "step {step}");
            let logits = StepLogits::new(rows.as_flattened().to_vec(), 3);
            let kept = search.step(&logits, 0, step + 1, step + 1 == steps.len(), rules, &Hooks::default());
            assert_eq!(kept.len(), search.running.len());
        }
        assert!(!search.is_open());
        search.into_best(2)
    }

    #[test]
    fn without_end_tokens_a_search_runs_to_the_limit() {
        let found = search(&rules(&[]), &[&[[0.0, 1.0, 2.0]], &[[0.0, 0.0, 5.0], [0.0, 0.0, 5.0]]]);
        assert_eq!(found.iter().map(|text| text.ids.as_slice()).collect::<Vec<_>>(), [[2, 2], [1, 2]]);
        assert!(found.iter().all(|text| text.finish == Finish::Length && text.score < 0.0));
    }

    #[test]
    fn where_nothing_can_follow_the_text_so_far_counts() {
        let mut stuck = Search::new();
        let first = StepLogits::new(vec![0.0, 1.0, 2.0], 3);
        stuck.step(&first, 0, 1, false, &rules(&[]), &Hooks::default());
        // The model gives numbers, the processors leave none.
        let mut second = StepLogits::new(vec![0.0; 6], 3);
        (0..2).for_each(|row| second.row_mut(row).fill(OUT));
        assert!(stuck.step(&second, 0, 2, false, &rules(&[]), &Hooks::default()).is_empty());
        assert!(!stuck.is_open());
        let found = stuck.into_best(2);
        assert_eq!(found.iter().map(|text| text.ids.as_slice()).collect::<Vec<_>>(), [[2], [1]]);
        assert!(found.iter().all(|text| text.finish == Finish::NoChoice && text.score.is_finite()));

        let mut empty = Search::new();
        let mut logits = StepLogits::new(vec![0.0; 3], 3);
        logits.row_mut(0).fill(OUT);
        empty.step(&logits, 0, 1, false, &rules(&[1]), &Hooks::default());
        let found = empty.into_best(1);
        assert_eq!(
            found,
            [Hypothesis { ids: Vec::new(), score: 0.0, log_prob: 0.0, finish: Finish::NoChoice }]
        );
    }

    #[test]
    fn a_row_that_can_only_end_ends() {
        let found = search(&rules(&[1, 2]), &[&[[OUT, 1.0, 0.5]]]);
        assert_eq!((found[0].ids.len(), found[0].finish), (0, Finish::Eos));
        // Not the last step, and no beam left.
        let mut ended = Search::new();
        let logits = StepLogits::new(vec![OUT, 1.0, OUT], 3);
        assert!(ended.step(&logits, 0, 1, false, &rules(&[1]), &Hooks::default()).is_empty());
        assert_eq!(ended.into_best(2).len(), 1);
    }
}
