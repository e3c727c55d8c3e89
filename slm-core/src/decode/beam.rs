//! Beam search, with the semantics of transformers 5.23.0, `GenerationMixin._beam_search` with
//! `early_stopping=False`.
//!
//! A row keeps `size` running beams and banks up to `size` finished ones. Of the best `2 * size`
//! continuations (more where several ids end a text), those among the first `size` that end go to the bank with their score over their
//! length to the power of the penalty; the best `size` that do not end run on. A row is done when its
//! bank is full and its best beam, scored at its present length, is not better than the bank's worst.

use super::greedy::Adjust;
use super::hooks::Hooks;
use super::penalty::Penalty;
use super::step::{StepLogits, Stepper};
use super::{DecodeConfig, DecodeError, Finish, Hypothesis};
use crate::batch::PaddedBatch;
use crate::llm::LanguageModel;

/// The best hypotheses of each row, as many as the configuration wants, the best first.
pub(super) fn generate(
    model: &LanguageModel,
    memory: &PaddedBatch,
    config: &DecodeConfig,
    hooks: &mut Hooks,
    size: usize,
    length_penalty: f64,
) -> Result<Vec<Vec<Hypothesis>>, DecodeError> {
    let mut stepper = Stepper::new(model, memory, config);
    let start = stepper.start_id();
    let adjust = Adjust { start, penalty: Penalty::of(config), boosts: hooks.boosts };
    let rules = Rules { size, length_penalty, ends: model.ends(), adjust };
    let rows = memory.lengths().len();
    // All beams of a row would begin alike, so it begins with one.
    let mut searches: Vec<Search> = (0..rows).map(|_| Search::new()).collect();
    let mut last = vec![start; rows];
    for length in 1..=config.max_new_tokens {
        let mut logits = stepper.advance(&last)?;
        let is_last = length == config.max_new_tokens;
        let mut sources = Vec::new();
        last.clear();
        let mut first = 0;
        for (row, search) in searches.iter_mut().enumerate().filter(|(_, search)| search.is_open()) {
            let beams = search.running.len();
            search.adjust(row, &mut logits, first, &rules);
            let mut kept = search.step(&logits, first, length, is_last, &rules, hooks);
            if !search.tell(row, hooks) {
                search.cancel(length, &rules);
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
    adjust: Adjust<'a>,
}

impl Rules<'_> {
    /// Continuations that are looked at: as many that do not end as there are beams are among them.
    fn candidates(&self) -> usize {
        (1 + self.ends.len()).max(2) * self.size
    }

    /// The score of `length` tokens whose log-probabilities sum up to `sum`.
    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length as f64).powf(self.length_penalty)
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

    /// Changes the logits of the beams by their texts; log-probabilities are what is penalised.
    fn adjust(&self, row: usize, logits: &mut StepLogits, first: usize, rules: &Rules) {
        if rules.adjust.is_needed(row) {
            for (beam, running) in self.running.iter().enumerate() {
                let normaliser = logits.normaliser(first + beam);
                rules.adjust.apply(row, &running.ids, normaliser, logits.row_mut(first + beam));
            }
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

    /// Ends the search: what runs counts as it is.
    fn cancel(&mut self, length: usize, rules: &Rules) {
        for Beam { ids, sum } in std::mem::take(&mut self.running) {
            let score = rules.score(sum, length);
            self.deposit(Hypothesis { ids, score, finish: Finish::Cancelled }, rules.size);
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
                self.deposit(Hypothesis { ids, score, finish }, rules.size);
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
            for (id, &logit) in (0..).zip(logits.row(row)) {
                let sum = base + f64::from(logit);
                let enters = match best.last() {
                    Some(worst) if best.len() == count => sum > worst.sum,
                    _ => sum > f64::NEG_INFINITY,
                };
                if enters {
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

    /// The best `count` of the bank, one at least. Only a model whose every logit is `-inf` leaves the bank empty.
    fn into_best(mut self, count: usize) -> Vec<Hypothesis> {
        if self.bank.is_empty() {
            let score = f64::NEG_INFINITY;
            self.bank.push(Hypothesis { ids: Vec::new(), score, finish: Finish::Length });
        }
        self.bank.truncate(count);
        self.bank
    }
}
