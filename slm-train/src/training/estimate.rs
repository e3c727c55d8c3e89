//! What training would take: parameters, memory, steps and time, from a few real steps.

use std::fmt;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use burn::prelude::*;

use super::feed::{Draw, Feed, Source};
use super::guard::Guard;
use super::optimizer::OptimizerKind;
use super::step::{Place, Stepper};
use super::{BatchOf, Job, LoopConfig};

/// Batches of which the heaviest is looked for.
const LOOKED_AT: usize = 64;
/// Steps that are taken to measure the time of one; the first one, which also warms up, does not count.
const MEASURED: usize = 4;

/// What training would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Parameters that are trained.
    pub trained: usize,
    /// Parameters that are used and not trained.
    pub frozen: usize,
    /// Bytes of the trained parameters, of a gradient for each, and of what the optimizer keeps of them.
    pub training_bytes: u64,
    /// The most memory that the process held, the heaviest of some batches of the first epoch included; of the machine's own memory,
    /// where that can be told.
    pub peak_bytes: Option<u64>,
    /// Batches of the first epoch.
    pub batches: usize,
    /// Optimizer steps in all.
    pub steps: u64,
    /// Passes over the data that these are.
    pub epochs: f64,
    /// Seconds of a step.
    pub step_seconds: f64,
    /// Seconds of the step with the heaviest of some batches.
    pub longest_step_seconds: f64,
}

/// Takes a few steps and the one with the heaviest batch. Evaluations are not in the time.
///
/// # Errors
///
/// Data that cannot be read, a job without batches, or gradients that stay non-finite.
pub(super) fn estimate<J: Job>(
    job: &J,
    model: J::Model,
    config: &LoopConfig,
    device: &Device,
) -> anyhow::Result<Estimate> {
    thread::scope(|scope| {
        let feed = Feed::start(scope, job, config, Place::default());
        measure(job, model, config, Stepper::new(job, config, device, config.new_optimizer(), feed, 0))
    })
}

fn measure<J: Job>(
    job: &J,
    model: J::Model,
    config: &LoopConfig,
    mut stepper: Stepper<J>,
) -> anyhow::Result<Estimate> {
    let trained = model.num_params();
    let batches = stepper.batches().to_vec();
    let heavy = heavy(job, &batches)?;
    let mut guard = Guard::default();
    let mut model = model;
    let mut seconds = Vec::new();
    for _ in 0..=MEASURED {
        let began = Instant::now();
        let taken = stepper.take(model, &mut guard)?;
        // The read waits for the device.
        let _: f32 = taken.loss.try_into_scalar().context("cannot read the loss")?;
        model = taken.model;
        seconds.push(began.elapsed().as_secs_f64());
    }
    let mut longest_step_seconds = 0.0_f64;
    for items in heavy {
        let micro: Vec<BatchOf<J>> =
            (0..config.accumulate).map(|_| load(job, items)).collect::<anyhow::Result<_>>()?;
        let began = Instant::now();
        let taken = stepper.take_with(model, &micro, &mut guard)?;
        let _: f32 = taken.loss.try_into_scalar().context("cannot read the loss")?;
        model = taken.model;
        longest_step_seconds = longest_step_seconds.max(began.elapsed().as_secs_f64());
    }
    let measured = &seconds[1..];
    Ok(Estimate {
        trained,
        frozen: job.frozen_parameters(),
        training_bytes: training_bytes(trained as u64, config.optimizer),
        peak_bytes: peak_bytes(),
        batches: batches.len(),
        steps: config.steps,
        epochs: config.steps as f64 * config.accumulate as f64 / batches.len() as f64,
        step_seconds: measured.iter().sum::<f64>() / measured.len() as f64,
        longest_step_seconds,
    })
}

/// Two batches of an epoch, all of which are made for the same budget: the heaviest of some, and the one with the fewest
/// items, which are the longest.
fn heavy<'b, J: Job>(job: &J, batches: &'b [Vec<usize>]) -> anyhow::Result<[&'b [usize]; 2]> {
    let mut found: Option<(f64, &[usize])> = None;
    for batch in batches.iter().step_by(batches.len().div_ceil(LOOKED_AT).max(1)) {
        let weight = job.weight(&load(job, batch)?);
        if found.is_none_or(|(most, _)| weight > most) {
            found = Some((weight, batch));
        }
    }
    let longest = batches.iter().min_by_key(|batch| batch.len());
    let (_, heaviest) = found.context("no batches in epoch 0")?;
    Ok([heaviest, longest.map_or(heaviest, Vec::as_slice)])
}

fn load<J: Job>(job: &J, items: &[usize]) -> anyhow::Result<BatchOf<J>> {
    job.source().load(Draw { step: 0, epoch: 0, items: items.to_vec() })
}

/// Bytes for so many trained parameters, in f32.
fn training_bytes(trained: u64, optimizer: OptimizerKind) -> u64 {
    let values = match optimizer {
        // Weight, gradient and two moments.
        OptimizerKind::AdamW => 4,
        // Of each matrix a row and a column, which is next to nothing.
        OptimizerKind::Adafactor => 2,
    };
    trained * 4 * values
}

/// The most memory that this process has held.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// A table, a line a fact.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30));
        let hours = self.steps as f64 * self.step_seconds / 3600.0;
        writeln!(f, "trained parameters   {}", self.trained)?;
        writeln!(f, "frozen parameters    {}", self.frozen)?;
        writeln!(
            f,
            "memory of training   {} for weights, gradients and optimizer",
            gib(self.training_bytes)
        )?;
        if let Some(peak) = self.peak_bytes {
            writeln!(f, "memory of all        {} at most in these steps, without a GPU's", gib(peak))?;
        }
        writeln!(f, "batches an epoch     {}", self.batches)?;
        writeln!(f, "steps                {} ({:.1} epochs)", self.steps, self.epochs)?;
        writeln!(
            f,
            "seconds a step       {:.3}, {:.3} with the heaviest batch",
            self.step_seconds, self.longest_step_seconds
        )?;
        write!(f, "time                 {hours:.2} hours, without evaluations")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_readable() {
        let estimate = Estimate {
            trained: 1000,
            frozen: 20,
            training_bytes: training_bytes(1 << 28, OptimizerKind::AdamW),
            peak_bytes: peak_bytes(),
            batches: 40,
            steps: 7200,
            epochs: 180.0,
            step_seconds: 0.5,
            longest_step_seconds: 0.75,
        };
        let text = estimate.to_string();
        for part in ["4.00 GiB", "7200 (180.0 epochs)", "0.500, 0.750", "1.00 hours"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(cfg!(target_os = "linux"), estimate.peak_bytes.is_some_and(|bytes| bytes > 1 << 20));
    }
}
