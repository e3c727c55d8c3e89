//! What modules keep in which form, found out while they are laid out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;

use super::ComputeType;
use super::kept::{Candidate, Kept, Role};
use super::path::ModulePath;

/// The tensors of the modules of one model, and what each is to its module. It is filled while these are loaded with a
/// [`Placement`](super::Placement) that has it, which need not read more than shapes, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoragePlan(Arc<Mutex<Vec<(String, Candidate)>>>);

impl StoragePlan {
    fn candidates(&self) -> MutexGuard<'_, Vec<(String, Candidate)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a tensor.
    pub(super) fn add(&self, name: String, candidate: Candidate) {
        self.candidates().push((name, candidate));
    }

    /// Bytes that the tensors take, large matrices in `compute`.
    pub(crate) fn bytes(&self, compute: ComputeType) -> u64 {
        self.candidates().iter().map(|(_, candidate)| candidate.bytes(compute.asked())).sum()
    }

    /// How each tensor is kept, by its name in the files. One that modules keep in several ways is as exact as the most
    /// exact of them.
    pub(crate) fn kept(&self, compute: ComputeType) -> BTreeMap<String, Kept> {
        let mut kept = BTreeMap::new();
        for (name, candidate) in self.candidates().iter() {
            let this = candidate.kept(compute.asked());
            kept.entry(name.clone())
                .and_modify(|before: &mut Kept| *before = before.more_exact(this))
                .or_insert(this);
        }
        kept
    }

    /// Embeddings and heads.
    pub(crate) fn of_tokens(&self) -> BTreeSet<String> {
        let candidates = self.candidates();
        let of_tokens = candidates.iter().filter(|(_, candidate)| candidate.role == Role::Tokens);
        of_tokens.map(|(name, _)| name.clone()).collect()
    }

    /// The large matrices that have floats though blocks are asked for: their rows are no whole blocks.
    pub(crate) fn left(&self, compute: ComputeType) -> BTreeSet<String> {
        let is_left = |candidate: &Candidate| {
            candidate.role != Role::Other && matches!(candidate.kept(compute.asked()), Kept::Floats(_))
        };
        let candidates = self.candidates();
        candidates.iter().filter(|(_, candidate)| is_left(candidate)).map(|(name, _)| name.clone()).collect()
    }
}

/// Tells a plan the tensors of modules by their shapes alone.
pub(super) struct LaidOut<'a> {
    path: ModulePath,
    plan: &'a StoragePlan,
}

impl<'a> LaidOut<'a> {
    pub(super) fn new(plan: &'a StoragePlan) -> Self {
        Self { path: ModulePath::default(), plan }
    }
}

impl ModuleMapper for LaidOut<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut shape = param.lazy_shape().to_vec();
        if self.path.is_transposed() {
            shape.reverse();
        }
        self.plan.add(self.path.text(), Candidate { role: Role::of(&self.path), shape, stored: None });
        param
    }
}
