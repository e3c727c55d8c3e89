//! Comparing what a module needs with what weight files have.

use std::collections::BTreeSet;

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;

use super::Placement;
use super::kept::{Candidate, Role};
use super::path::ModulePath;
use crate::checkpoint::tensors::{TensorProblem, WeightFiles};

/// Compares what the module needs with what the files have.
pub(super) struct Check<'a, F> {
    pub(super) path: ModulePath,
    pub(super) hf_name: &'a F,
    pub(super) files: &'a WeightFiles,
    pub(super) placement: &'a Placement,
    pub(super) used: BTreeSet<String>,
    /// Bytes that the module will take.
    pub(super) total: u64,
    pub(super) problems: Vec<TensorProblem>,
}

impl<F: Fn(&str) -> String> ModuleMapper for Check<'_, F> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = (self.hf_name)(&self.path.text());
        let mut expected: Vec<usize> = param.lazy_shape().to_vec();
        if self.path.is_transposed() {
            expected.reverse();
        }
        match self.files.entry(&name) {
            None => self.problems.push(TensorProblem::Missing { name, expected, nearest: None }),
            Some(entry) => {
                if entry.shape != expected {
                    let (found, expected) = (entry.shape.clone(), expected.clone());
                    self.problems.push(TensorProblem::Shape { name: name.clone(), expected, found });
                } else if !entry.is_float() {
                    let found = entry.dtype.clone();
                    self.problems.push(TensorProblem::Type { name: name.clone(), found });
                }
                let (role, stored) = (Role::of(&self.path), entry.few_bits());
                let candidate = Candidate { role, shape: expected, stored };
                self.total += candidate.bytes(self.placement.asked());
                if let Some(plan) = &self.placement.plan {
                    plan.add(name.clone(), candidate);
                }
                self.used.insert(name);
            }
        }
        param
    }
}

/// Gives each missing tensor the unused one with the most similar name.
pub(super) fn suggest(problems: &mut [TensorProblem], unused: &[&String]) {
    for problem in problems {
        if let TensorProblem::Missing { name, nearest, .. } = problem {
            *nearest = unused
                .iter()
                .map(|candidate| (common_affixes(name, candidate), *candidate))
                .filter(|(common, _)| 2 * common > name.len())
                .max_by_key(|(common, _)| *common)
                .map(|(_, candidate)| candidate.clone());
        }
    }
}

/// How many bytes two names share at their start and end: enough for prefixes and renamed parts.
fn common_affixes(a: &str, b: &str) -> usize {
    let start = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
    (start + end).min(a.len().min(b.len()))
}
