//! The training loop that all stages share: schedule, accumulation, clipping, guard, checkpoints, log.
//!
//! A stage is a [`Job`]: its batches, its loss, its evaluation. Everything random in a step derives from
//! the seed and the step, and the order of an epoch from the seed and the epoch, so that a run that was
//! stopped and resumed takes exactly the steps of one that was not.

pub mod checkpoint;
pub mod clip;
pub mod feed;
pub mod guard;
pub mod log;
pub mod run;
pub mod schedule;

use std::collections::BTreeMap;

use burn::prelude::*;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use crate::random::rng_for;
pub use feed::{Draw, Source};
pub use run::{Outcome, run};

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
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// AdamW's second moment decay.
    pub beta_2: f32,
    /// Largest norm of all gradients together; larger ones are scaled down to it.
    pub clip_norm: f64,
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
    /// Checkpoints that are kept.
    pub keep: usize,
    /// Threads that load batches ahead of their steps; what is learnt does not depend on it.
    pub workers: usize,
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
            accumulate: 1,
            seed: 1,
            log_every: 20,
            save_every: 500,
            eval_every: 500,
            keep: 2,
            workers: 2,
        }
    }
}

impl LoopConfig {
    /// What a checkpoint's optimizer state and place in the data depend on: for fingerprints.
    pub fn identity(&self) -> impl Serialize + use<> {
        (self.seed, self.accumulate, self.beta_2, self.weight_decay)
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
        problems
    }
}

/// Named numbers of an evaluation, such as `wer`.
pub type Metrics = BTreeMap<String, f64>;

/// What is trained, on what, and how it is judged.
pub trait Job {
    /// The trained module; nothing outside it gets a gradient.
    type Model: Module;

    /// Where its batches are loaded from.
    type Source: Source;

    /// The batches of an epoch, in order, as indices into the job's data; a function of `epoch` alone.
    fn batches(&self, epoch: u64) -> Vec<Vec<usize>>;

    /// What loads the batches.
    fn source(&self) -> &Self::Source;

    /// What a batch counts for: its target tokens, or its utterances.
    fn weight(&self, batch: &<Self::Source as Source>::Batch) -> f64;

    /// The loss of a batch, summed over what [`Self::weight`] counts.
    ///
    /// # Errors
    ///
    /// When it cannot be computed, such as a device that cannot be read.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &<Self::Source as Source>::Batch,
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<Tensor<1>>;

    /// Figures on held-out data; `model` is without autodiff.
    ///
    /// # Errors
    ///
    /// When the evaluation itself fails, such as a device that cannot be read.
    fn evaluate(&self, model: &Self::Model) -> anyhow::Result<Metrics>;

    /// Hashes of what the run depends on (data, frozen parts, shapes): a checkpoint of other ones is not
    /// resumed.
    fn fingerprint(&self) -> String;
}
