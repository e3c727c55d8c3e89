//! One step: its batches, their gradients, and what the optimizer makes of them.

use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::prelude::*;

use super::batches::Batches;
use super::guard::Guard;
use super::{Job, LoopConfig, clip, rng_for};

/// The stream of random numbers that steps draw from.
const STEP_STREAM: u64 = 0x7374_6570;

/// Where a run stands in its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Steps made.
    pub(super) step: u64,
    /// The epoch of the next batch.
    pub(super) epoch: u64,
    /// The next batch of the epoch.
    pub(super) batch: usize,
}

/// Takes the steps of a run, one after the other.
pub(super) struct Stepper<'a, J: Job> {
    job: &'a J,
    config: &'a LoopConfig,
    device: &'a Device,
    optimizer: ModuleOptimizer,
    source: Batches<'a, J>,
    batches: Vec<Vec<usize>>,
    place: Place,
}

/// What came of a step.
pub(super) struct Taken<M> {
    /// The module after it; as before, where the gradients were not finite.
    pub(super) model: M,
    /// The mean loss of its batches, on the device.
    pub(super) loss: Tensor<1>,
    /// What its batches count for.
    pub(super) weight: f64,
    /// The norm of the gradients before clipping.
    pub(super) norm: f64,
}

impl<'a, J: Job> Stepper<'a, J> {
    pub(super) fn new(
        job: &'a J,
        config: &'a LoopConfig,
        device: &'a Device,
        optimizer: ModuleOptimizer,
        place: Place,
    ) -> Self {
        let source = Batches::new(job, config.overfit);
        let batches = source.of(place.epoch);
        Self { job, config, device, optimizer, source, batches, place }
    }

    /// Where it stands after the steps that were taken.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The optimizer after the steps that were taken.
    pub(super) fn optimizer(&self) -> &ModuleOptimizer {
        &self.optimizer
    }

    /// The batches of the epoch.
    pub(super) fn batches(&self) -> &[Vec<usize>] {
        &self.batches
    }

    /// Takes the next step.
    ///
    /// # Errors
    ///
    /// An epoch without batches, or too many steps without finite gradients.
    pub(super) fn take(&mut self, model: J::Model, guard: &mut Guard) -> anyhow::Result<Taken<J::Model>> {
        let micro = self.next_batches()?;
        self.take_with(model, &micro, guard)
    }

    /// Takes a step with batches of the epoch that the place is in.
    ///
    /// # Errors
    ///
    /// Too many steps without finite gradients.
    pub(super) fn take_with(
        &mut self,
        mut model: J::Model,
        micro: &[(u64, Vec<usize>)],
        guard: &mut Guard,
    ) -> anyhow::Result<Taken<J::Model>> {
        let Self { job, config, .. } = *self;
        let step = self.place.step;
        let rate = config.learning_rate_at(step);
        self.device.seed(config.seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut rng = rng_for(config.seed, STEP_STREAM, step);
        let weight: f64 = micro.iter().map(|(epoch, batch)| job.weight(*epoch, batch)).sum();

        let mut sums = GradientsAccumulator::new();
        let mut total: Option<Tensor<1>> = None;
        for (epoch, batch) in micro {
            let loss = job.loss(&model, *epoch, batch, &mut rng) / weight;
            let plain = loss.clone().inner();
            total = Some(match total {
                Some(sum) => sum + plain,
                None => plain,
            });
            sums.accumulate(&model, GradientsParams::from_grads(loss.backward(), &model));
        }
        let mut grads = sums.grads();
        let norm = clip::global_norm(&model, &grads);
        if guard.admit(step, norm, rate)? {
            clip::clip(&model, &mut grads, norm, config.clip_norm);
            model = self.optimizer.step(rate, model, grads);
        }
        self.place.step += 1;
        let loss = total.unwrap_or_else(|| Tensor::zeros([1], &self.device.clone().without_autodiff()));
        Ok(Taken { model, loss, weight, norm })
    }

    /// The batches of the next step, each with the epoch of its data.
    fn next_batches(&mut self) -> anyhow::Result<Vec<(u64, Vec<usize>)>> {
        let mut micro = Vec::with_capacity(self.config.accumulate);
        while micro.len() < self.config.accumulate {
            while self.place.batch >= self.batches.len() {
                self.place.epoch += 1;
                self.place.batch = 0;
                self.batches = self.source.of(self.place.epoch);
                anyhow::ensure!(!self.batches.is_empty(), "no batches in epoch {}", self.place.epoch);
            }
            let epoch = self.source.data_epoch(self.place.epoch);
            micro.push((epoch, self.batches[self.place.batch].clone()));
            self.place.batch += 1;
        }
        Ok(micro)
    }
}
