//! Which checkpoints are the best by a figure of the evaluation, and when there is none better to hope for.

use serde::{Deserialize, Serialize};

use super::Metrics;

/// How far a figure that was saved may be off, as a part of it.
const SAVED_DIGITS: f64 = 1e-12;

/// How checkpoints are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The figure's name, as the evaluation has it, such as `wer`.
    pub metric: String,
    /// Which of two figures is the better one.
    #[serde(default)]
    pub better: Better,
    /// The best checkpoints that are kept.
    #[serde(default = "one")]
    pub keep: usize,
    /// Evaluations in a row without a better figure that end the run; absent, it takes all its steps.
    #[serde(default)]
    pub patience: Option<u64>,
    /// By how much a figure must be better to count as such for `patience`.
    #[serde(default)]
    pub least_change: f64,
}

/// Which of two figures is the better one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// As of a loss or an error rate.
    #[default]
    Lower,
    /// As of an accuracy.
    Higher,
}

fn one() -> usize {
    1
}

/// The best checkpoints of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    /// The best first.
    pub best: Vec<Ranked>,
    /// The figure that later ones must be better than.
    pub to_beat: Option<f64>,
    /// Evaluations in a row that were not.
    pub waited: u64,
}

/// A checkpoint and its figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranked {
    /// Its step.
    pub step: u64,
    /// Its figure.
    pub value: f64,
}

/// The evaluation has no such figure.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("`judge.metric` is `{metric}`, which the evaluation does not have; it has {known}")]
pub struct NoMetric {
    metric: String,
    known: String,
}

impl Judge {
    /// What is out of range, one text each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.keep == 0 {
            problems.push("`judge.keep` is 0".to_owned());
        }
        if self.patience == Some(0) {
            problems.push("`judge.patience` is 0".to_owned());
        }
        if !(self.least_change >= 0.0 && self.least_change.is_finite()) {
            problems.push(format!("`judge.least_change` is {}, must be 0 or more", self.least_change));
        }
        problems
    }

    /// Takes up what the evaluation after `step` found, and tells whether its checkpoint is one of the best.
    ///
    /// # Errors
    ///
    /// Figures without the judge's.
    pub fn rank(&self, ranking: &mut Ranking, step: u64, found: &Metrics) -> Result<bool, NoMetric> {
        let Some(&value) = found.get(&self.metric) else {
            let known: Vec<String> = found.keys().map(|name| format!("`{name}`")).collect();
            return Err(NoMetric { metric: self.metric.clone(), known: known.join(", ") });
        };
        // What is no number is worse than any.
        let worth = if value.is_finite() { self.worth(value) } else { f64::NEG_INFINITY };
        // Of a figure that was saved and read again the last digit may be another.
        let is_better = |old: f64| worth > self.worth(old) + self.least_change + SAVED_DIGITS * old.abs();
        if ranking.to_beat.is_none_or(is_better) && value.is_finite() {
            ranking.to_beat = Some(value);
            ranking.waited = 0;
        } else {
            ranking.waited += 1;
        }
        if !value.is_finite() {
            return Ok(false);
        }
        let place = ranking.best.partition_point(|ranked| self.worth(ranked.value) >= worth);
        ranking.best.insert(place, Ranked { step, value });
        ranking.best.truncate(self.keep);
        Ok(place < self.keep)
    }

    /// Whether no better figure came for so long that the run is over.
    pub fn has_enough(&self, ranking: &Ranking) -> bool {
        self.patience.is_some_and(|patience| ranking.waited >= patience)
    }

    /// The figure, the better the higher.
    fn worth(&self, value: f64) -> f64 {
        match self.better {
            Better::Lower => -value,
            Better::Higher => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(better: Better) -> Judge {
        Judge { metric: "wer".into(), better, keep: 2, patience: Some(3), least_change: 0.05 }
    }

    fn rank(judge: &Judge, values: &[f64]) -> (Ranking, Vec<bool>) {
        let mut ranking = Ranking::default();
        let taken = (1..)
            .zip(values)
            .map(|(step, &value)| {
                judge.rank(&mut ranking, step, &Metrics::from([("wer".into(), value)])).unwrap()
            })
            .collect();
        (ranking, taken)
    }

    #[test]
    fn the_best_are_kept_and_waiting_ends() {
        let lower = judge(Better::Lower);
        let (ranking, taken) = rank(&lower, &[0.9, 0.5, 0.48, f64::NAN, 0.7]);
        assert_eq!(taken, [true, true, true, false, false]);
        assert_eq!(ranking.best, [Ranked { step: 3, value: 0.48 }, Ranked { step: 2, value: 0.5 }]);
        // 0.48 is among the best, but not by so much that the waiting would begin again.
        assert_eq!((ranking.to_beat, ranking.waited), (Some(0.5), 3));
        assert!(lower.has_enough(&ranking));
        let (ranking, _) = rank(&judge(Better::Higher), &[0.1, 0.2, 0.3]);
        assert_eq!((ranking.best[0].step, ranking.waited), (3, 0));
        // Of equal figures the earlier checkpoint stays first.
        assert_eq!(rank(&lower, &[0.5, 0.5]).0.best[0].step, 1);
    }

    #[test]
    fn an_unknown_figure_is_named() {
        let found = Metrics::from([("cer".into(), 1.0), ("loss".into(), 1.0)]);
        let error = judge(Better::Lower).rank(&mut Ranking::default(), 1, &found).unwrap_err().to_string();
        assert!(error.contains("`wer`") && error.contains("`cer`, `loss`"), "{error}");
    }
}
