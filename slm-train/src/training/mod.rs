//! The training loop that all stages share: schedule, accumulation, clipping, guard, checkpoints, log.
//!
//! A stage is a [`Job`]: its batches, its loss, its evaluation. Everything random in a step derives from
//! the seed and the step, and the order of an epoch from the seed and the epoch, so that a run that was
//! stopped and resumed takes exactly the steps of one that was not.

mod batches;
pub mod checkpoint;
pub mod clip;
mod encoding;
pub mod estimate;
pub mod feed;
pub mod guard;
pub mod judge;
pub mod log;
mod memory;
pub mod optimizer;
mod place;
pub mod run;
pub mod schedule;
pub mod settings;
mod step;
mod tensorboard;
pub mod weights;

use std::collections::BTreeMap;

use burn::prelude::*;
use rand_chacha::ChaCha8Rng;

pub use crate::random::rng_for;
pub use encoding::Encoding;
pub use feed::{Draw, Source};
pub use run::{Outcome, run};
pub use settings::{Activations, LoopConfig, Purpose};

pub use crate::history::Sample;

/// Named numbers of an evaluation, such as `wer`.
pub type Metrics = BTreeMap<String, f64>;

/// What a step of a job reads of its data.
pub type BatchOf<J> = <<J as Job>::Source as Source>::Batch;

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
    fn weight(&self, batch: &BatchOf<Self>) -> f64;

    /// The loss of a batch, summed over what [`Self::weight`] counts.
    ///
    /// # Errors
    ///
    /// When it cannot be computed, such as a device that cannot be read.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &BatchOf<Self>,
        rng: &mut ChaCha8Rng,
    ) -> anyhow::Result<Tensor<1>>;

    /// Figures on held-out data; `model` is without autodiff.
    ///
    /// # Errors
    ///
    /// When the evaluation itself fails, such as a device that cannot be read.
    fn evaluate(&self, model: &Self::Model) -> anyhow::Result<Metrics>;

    /// What the model makes of the first `count` held-out examples; `model` is without autodiff.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    fn samples(&self, model: &Self::Model, count: usize) -> anyhow::Result<Vec<Sample>>;

    /// Parameters that are used and not trained.
    fn frozen_parameters(&self) -> usize;

    /// Bytes of these, each in its type.
    fn frozen_bytes(&self) -> u64 {
        4 * self.frozen_parameters() as u64
    }

    /// What the batch of these items will count for, see [`Self::weight`].
    ///
    /// # Errors
    ///
    /// Data that cannot be read.
    fn weight_of(&self, items: &[usize]) -> anyhow::Result<f64> {
        Ok(self.weight(&self.source().load(Draw { step: 0, epoch: 0, items: items.to_vec() })?))
    }

    /// Makes ready what steps with these batches need, and no others will be taken: for an estimate, before which a job does
    /// not make ready all of its data.
    ///
    /// # Errors
    ///
    /// Data that cannot be read.
    fn prepare(&self, _batches: &[Vec<usize>]) -> anyhow::Result<()> {
        Ok(())
    }

    /// What a frozen encoder takes before the first step, by what [`Self::prepare`] took.
    ///
    /// # Errors
    ///
    /// Files that are gone.
    fn encoding(&self) -> anyhow::Result<Option<Encoding>> {
        Ok(None)
    }

    /// Hashes of what the run depends on (data, frozen parts, shapes): a checkpoint of other ones is not
    /// resumed.
    fn fingerprint(&self) -> String;
}
