//! One step: its batches, their gradients, and what the optimizer makes of them.

use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::prelude::*;

use super::feed::Feed;
use super::guard::Guard;
use super::place::Place;
use super::{BatchOf, Job, LoopConfig, clip, rng_for};

/// The stream of random numbers that steps draw from.
const STEP_STREAM: u64 = 0x7374_6570;

/// Takes the steps of a run, one after the other.
pub(super) struct Stepper<'a, J: Job> {
    /// What the steps are of.
    pub(super) job: &'a J,
    /// The settings that they are taken by.
    pub(super) config: &'a LoopConfig,
    device: &'a Device,
    optimizer: ModuleOptimizer,
    feed: Feed<'a, J>,
    step: u64,
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
        feed: Feed<'a, J>,
        step: u64,
    ) -> Self {
        Self { job, config, device, optimizer, feed, step }
    }

    /// Where it stands after the steps that were taken.
    pub(super) fn place(&self) -> Place {
        let (epoch, batch) = self.feed.place();
        Place { step: self.step, epoch, batch }
    }

    /// The optimizer after the steps that were taken.
    pub(super) fn optimizer(&self) -> &ModuleOptimizer {
        &self.optimizer
    }

    /// The batches of the epoch.
    pub(super) fn batches(&self) -> &[Vec<usize>] {
        self.feed.batches()
    }

    /// Takes the next step.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, an epoch without batches, or too many steps without finite gradients.
    pub(super) fn take(&mut self, model: J::Model, guard: &mut Guard) -> anyhow::Result<Taken<J::Model>> {
        let micro: Vec<BatchOf<J>> =
            (0..self.config.accumulate).map(|_| self.feed.next()).collect::<anyhow::Result<_>>()?;
        self.take_with(model, &micro, guard)
    }

    /// Takes a step with these batches.
    ///
    /// # Errors
    ///
    /// A loss that cannot be computed, or too many steps without finite gradients.
    pub(super) fn take_with(
        &mut self,
        mut model: J::Model,
        micro: &[BatchOf<J>],
        guard: &mut Guard,
    ) -> anyhow::Result<Taken<J::Model>> {
        let Self { job, config, .. } = *self;
        let step = self.step;
        let rate = config.learning_rate_at(step);
        self.device.seed(config.seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut rng = rng_for(config.seed, STEP_STREAM, step);
        let weight: f64 = micro.iter().map(|batch| job.weight(batch)).sum();

        let mut sums = GradientsAccumulator::new();
        let mut total: Option<Tensor<1>> = None;
        for batch in micro {
            let loss = job.loss(&model, batch, &mut rng)? / weight;
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
        self.step += 1;
        let loss = total.unwrap_or_else(|| Tensor::zeros([1], &self.device.clone().without_autodiff()));
        Ok(Taken { model, loss, weight, norm })
    }
}
