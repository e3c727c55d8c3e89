//! Which weights the result of a run has: those of one checkpoint, or the mean of several.
//!
//! A mean of checkpoints lies nearer to the middle of a flat valley than each of them (Izmailov et al. 2018, arXiv
//! 1803.05407; of the last checkpoints of a run, Vaswani et al. 2017, arXiv 1706.03762, section 6.1).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::checkpoint::{self, State};
use super::judge::Judge;

/// Which weights a result has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// Those after the last step.
    #[default]
    Last,
    /// Those of the best checkpoint.
    Best,
    /// The mean of so many last checkpoints, or of all where there are fewer.
    AverageOfLast(usize),
    /// The mean of so many best checkpoints, or of all where there are fewer.
    AverageOfBest(usize),
}

impl Weights {
    /// What cannot be had of a run that keeps so many last checkpoints and is judged so, one text each.
    pub fn problems(self, keep: usize, judge: Option<&Judge>) -> Vec<String> {
        let too_many = |count: usize, kept: usize, name: &str| {
            (count == 0 || count > kept).then(|| {
                format!("`weights` are those of {count} checkpoints, must be 1 to {kept} (`{name}`)")
            })
        };
        let problem = match (self, judge) {
            (Self::Last, _) | (Self::Best, Some(_)) => None,
            (Self::AverageOfLast(count), _) => too_many(count, keep, "keep"),
            (Self::Best | Self::AverageOfBest(_), None) => {
                Some("`weights` of the best checkpoints need a `judge`".to_owned())
            }
            (Self::AverageOfBest(count), Some(judge)) => too_many(count, judge.keep, "judge.keep"),
        };
        problem.into_iter().collect()
    }

    /// The weights of the run in `dir`, which ended with `last` in `state`, without autodiff.
    ///
    /// # Errors
    ///
    /// No checkpoint of the kind, or one that cannot be read.
    pub fn of_run<M: Module>(self, dir: &Path, last: &M, state: &State) -> anyhow::Result<M> {
        let best = |count: usize| -> Vec<PathBuf> {
            state
                .ranking
                .best
                .iter()
                .take(count)
                .map(|ranked| checkpoint::best_dir(dir, ranked.step))
                .collect()
        };
        let dirs = match self {
            Self::Last => return Ok(last.valid()),
            Self::Best => best(1),
            Self::AverageOfBest(count) => best(count),
            Self::AverageOfLast(count) => {
                checkpoint::list(dir)?.into_iter().rev().take(count).map(|(_, dir)| dir).collect()
            }
        };
        mean(&last.valid(), &dirs)
    }
}

/// The mean of the float parameters of checkpoints; all else is that of the first one.
fn mean<M: Module>(model: &M, dirs: &[PathBuf]) -> anyhow::Result<M> {
    let mut sums = Sums::default();
    let mut first = None;
    for dir in dirs {
        let loaded = checkpoint::load_model(dir, model.clone())
            .with_context(|| format!("cannot load `{}`", dir.display()))?;
        loaded.visit(&mut sums);
        first.get_or_insert(loaded);
    }
    let mut mean = Mean { sums: sums.0, count: dirs.len() };
    Ok(first.context("the run has no checkpoint of the kind that the result is to have")?.map(&mut mean))
}

/// Sums of parameters, each as a row.
#[derive(Default)]
struct Sums(HashMap<ParamId, Tensor<1>>);

impl ModuleVisitor for Sums {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = row(param.val());
        let sum = match self.0.remove(&param.id) {
            Some(sum) => sum + values,
            None => values,
        };
        self.0.insert(param.id, sum);
    }
}

struct Mean {
    sums: HashMap<ParamId, Tensor<1>>,
    count: usize,
}

impl ModuleMapper for Mean {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.sums.remove(&param.id) {
            Some(sum) => {
                let shape = param.val().shape();
                param.map(|_| (sum / self.count as f64).reshape(shape))
            }
            None => param,
        }
    }
}

/// All values in a row.
fn row<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let count = values.shape().num_elements();
    values.reshape([count])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::judge::Better;

    #[test]
    fn what_a_run_does_not_keep_is_refused() {
        let judge = Judge {
            metric: "wer".into(),
            better: Better::default(),
            keep: 3,
            patience: None,
            least_change: 0.0,
        };
        let problems = |weights: Weights, judge: Option<&Judge>| weights.problems(2, judge).len();
        assert_eq!(problems(Weights::AverageOfLast(2), None), 0);
        assert_eq!(problems(Weights::AverageOfLast(3), None), 1);
        assert_eq!(problems(Weights::Best, None), 1);
        assert_eq!(problems(Weights::AverageOfBest(3), Some(&judge)), 0);
        assert_eq!(problems(Weights::AverageOfBest(4), Some(&judge)), 1);
        assert_eq!(problems(Weights::AverageOfBest(0), Some(&judge)), 1);
    }
}
