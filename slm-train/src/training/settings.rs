//! Settings of the loop.

use burn::optim::ModuleOptimizer;
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::optimizer::OptimizerKind;
use super::schedule::Schedule;
use super::weights::Weights;
use crate::history::RunRecord;

/// Threads that load batches at most.
const MAX_WORKERS: usize = 256;

/// Settings of the loop, the same for every stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Optimizer steps in all.
    pub steps: u64,
    /// Highest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Steps over which the rate rises from 0.
    pub warmup_steps: u64,
    /// How the rate goes on after that.
    pub schedule: Schedule,
    /// What turns gradients into steps.
    pub optimizer: OptimizerKind,
    /// The optimizer's weight decay.
    pub weight_decay: f32,
    /// AdamW's second moment decay.
    pub beta_2: f32,
    /// Largest norm of all gradients together; larger ones are scaled down to it.
    pub clip_norm: f64,
    /// What a step keeps of what it computed, for its way back.
    pub activations: Activations,
    /// Batches whose gradients are summed for a step.
    pub accumulate: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Steps between log lines.
    pub log_every: u64,
    /// Steps between checkpoints.
    pub save_every: u64,
    /// Steps between evaluations on held-out data.
    pub eval_every: u64,
    /// The last checkpoints that are kept.
    pub keep: usize,
    /// Threads that load batches ahead of their steps; what is learnt does not depend on it.
    pub workers: usize,
    /// What decides which checkpoints are the best, and when there is none better to hope for.
    pub judge: Option<Judge>,
    /// Which weights the result has.
    pub weights: Weights,
    /// Held-out examples that each evaluation writes down, with what the model makes of them.
    pub samples: usize,
    /// Learn these first examples only, again and again: a pipeline that is whole learns them by heart.
    pub overfit: Option<usize>,
    /// What the loop is run for.
    #[serde(skip)]
    pub purpose: Purpose,
    /// What is left in the run's folder of all settings.
    #[serde(skip)]
    pub record: Option<RunRecord>,
}

/// What a step keeps of what it computed, for its way back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activations {
    /// All that its gradients need.
    #[default]
    Kept,
    /// Of each layer of a frozen language model what it is given, and all within it is computed once more on the way back; of the
    /// rest the results of products. A step takes longer; `docs/benchmarks.md` says what memory it was measured to take.
    Recomputed,
}

impl Activations {
    /// `device` with autodiff.
    pub fn tracked(self, device: &Device) -> Device {
        let tracked = device.clone().autodiff();
        match self {
            Self::Kept => tracked,
            Self::Recomputed => tracked.gradient_checkpointing(),
        }
    }
}

/// What the loop is run for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To train.
    #[default]
    Train,
    /// To tell what training would take; nothing is written into the run's folder.
    DryRun,
    /// To write the result of the steps that were made.
    Finish,
}

/// What [`LoopConfig::identity`] is made of. Runs that were begun before there was a choice of optimizers go on.
#[derive(Serialize)]
#[serde(untagged)]
enum Identity {
    Plain(u64, usize, f32, f32),
    Other(u64, usize, f32, f32, OptimizerKind, Option<usize>),
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            learning_rate: 1e-3,
            warmup_steps: 100,
            weight_decay: 0.01,
            beta_2: 0.98,
            clip_norm: 1.0,
            activations: Activations::default(),
            accumulate: 1,
            seed: 1,
            log_every: 20,
            save_every: 500,
            eval_every: 500,
            keep: 2,
            workers: 2,
            schedule: Schedule::default(),
            optimizer: OptimizerKind::default(),
            judge: None,
            weights: Weights::default(),
            samples: 4,
            overfit: None,
            purpose: Purpose::default(),
            record: None,
        }
    }
}

impl LoopConfig {
    /// What a checkpoint's optimizer state and place in the data depend on: for fingerprints.
    pub fn identity(&self) -> impl Serialize + use<> {
        let Self { seed, accumulate, beta_2, weight_decay, optimizer, overfit, .. } = *self;
        if optimizer == OptimizerKind::default() && overfit.is_none() {
            Identity::Plain(seed, accumulate, beta_2, weight_decay)
        } else {
            Identity::Other(seed, accumulate, beta_2, weight_decay, optimizer, overfit)
        }
    }

    /// The learning rate of the step after `step` steps were made.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        self.learning_rate * self.schedule.share(step, self.warmup_steps, self.steps)
    }

    /// The optimizer that a fresh run starts with.
    pub fn new_optimizer(&self) -> ModuleOptimizer {
        self.optimizer.init(self.beta_2, self.weight_decay)
    }

    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in [
            ("steps", self.steps),
            ("accumulate", self.accumulate as u64),
            ("log_every", self.log_every),
            ("save_every", self.save_every),
            ("eval_every", self.eval_every),
            ("keep", self.keep as u64),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        if self.workers > MAX_WORKERS {
            problems.push(format!("`workers` is {}, must be {MAX_WORKERS} at most", self.workers));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            problems.push(format!("`learning_rate` {} is not positive", self.learning_rate));
        }
        if !(self.clip_norm > 0.0 && self.clip_norm.is_finite()) {
            problems.push(format!("`clip_norm` {} is not positive", self.clip_norm));
        }
        if self.overfit == Some(0) {
            problems.push("`overfit` is 0".to_owned());
        }
        problems.extend(self.schedule.problems());
        problems.extend(self.judge.iter().flat_map(Judge::problems));
        problems.extend(self.weights.problems(self.keep, self.judge.as_ref()));
        problems
    }
}
