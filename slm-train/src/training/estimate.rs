//! What training would take: parameters, memory, steps and time, from a few real steps.

use std::fmt;
use std::thread;
use std::time::Instant;

use anyhow::Context;
use burn::prelude::*;

use super::feed::{Draw, Feed, Source};
use super::guard::Guard;
use super::memory;
use super::optimizer::OptimizerKind;
use super::place::Place;
use super::step::Stepper;
use super::{BatchOf, Encoding, Job, LoopConfig};
use crate::signals::Signals;

/// Batches of which the heaviest is looked for.
const LOOKED_AT: usize = 64;
/// Steps that are taken to measure the time of one; the first one, which also warms up, does not count.
const MEASURED: usize = 4;
/// Bytes of a value that is trained.
const BYTES: u64 = 4;

/// What training would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Parameters that are trained.
    pub trained: usize,
    /// Parameters that are used and not trained.
    pub frozen: usize,
    /// Bytes of these, each in its type.
    pub frozen_bytes: u64,
    /// Bytes of the trained parameters, of a gradient for each, and of what the optimizer keeps of them.
    pub training_bytes: u64,
    /// The most memory that the process held, the heaviest of some batches of the first epoch included, and not the encoding,
    /// where that is told apart; of the machine's own memory, where that can be told.
    pub peak_bytes: Option<u64>,
    /// Bytes that the steps took beside all parameters, gradients and the optimizer; not known of steps on a graphics card.
    pub activation_bytes: Option<u64>,
    /// What the frozen encoder takes before the first step, where its outputs are kept.
    pub encoding: Option<Encoding>,
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

/// What some steps took.
struct Measured {
    step_seconds: f64,
    longest_step_seconds: f64,
    peak_bytes: Option<u64>,
    activation_bytes: Option<u64>,
}

/// Takes a few steps and the one with the heaviest batch. Evaluations are not in the time, nor is what is encoded once.
///
/// # Errors
///
/// Data that cannot be read, a job without batches, or gradients that stay non-finite; a signal as
/// [`Interrupted`](crate::signals::Interrupted).
pub(super) fn estimate<J: Job>(
    job: &J,
    model: J::Model,
    config: &LoopConfig,
    device: &Device,
    signals: &Signals,
) -> anyhow::Result<Estimate> {
    let trained = model.num_params();
    let training_bytes = training_bytes(trained as u64, config.optimizer);
    thread::scope(|scope| {
        let feed = Feed::start(scope, job, config, Place::default());
        let mut needed = feed.upcoming((1 + MEASURED) * config.accumulate);
        let stepper = Stepper::new(job, config, device, config.new_optimizer(), feed, 0);
        let batches = stepper.batches().to_vec();
        let heavy = heavy(job, &batches)?;
        needed.extend(heavy.map(<[usize]>::to_vec));
        job.prepare(&needed)?;
        let encoding = job.encoding()?;
        if encoding.is_some() {
            // It took memory that the steps do not take.
            memory::forget_peak();
        }
        // The weights are there before the first step, what else training needs is not.
        let arising = training_bytes - BYTES * trained as u64;
        let held = memory::held().filter(|_| memory::has_tensors_of(device)).map(|held| held + arising);
        let measured = measure(model, stepper, heavy, held, signals)?;
        Ok(Estimate {
            trained,
            frozen: job.frozen_parameters(),
            frozen_bytes: job.frozen_bytes(),
            training_bytes,
            peak_bytes: measured.peak_bytes,
            activation_bytes: measured.activation_bytes,
            encoding,
            batches: batches.len(),
            steps: config.steps,
            epochs: config.steps as f64 * config.accumulate as f64 / batches.len() as f64,
            step_seconds: measured.step_seconds,
            longest_step_seconds: measured.longest_step_seconds,
        })
    })
}

/// Takes the steps. `held` are the bytes that these need for all but activations, where that is known.
fn measure<J: Job>(
    mut model: J::Model,
    mut stepper: Stepper<J>,
    heavy: [&[usize]; 2],
    held: Option<u64>,
    signals: &Signals,
) -> anyhow::Result<Measured> {
    let (job, config) = (stepper.job, stepper.config);
    let before = memory::peak();
    let mut guard = Guard::default();
    let mut seconds = Vec::new();
    for _ in 0..=MEASURED {
        signals.check()?;
        let began = Instant::now();
        let taken = stepper.take(model, &mut guard)?;
        // The read waits for the device.
        let _: f32 = taken.loss.try_into_scalar().context("cannot read the loss")?;
        model = taken.model;
        seconds.push(began.elapsed().as_secs_f64());
    }
    let mut longest_step_seconds = 0.0_f64;
    for items in heavy {
        signals.check()?;
        let micro: Vec<BatchOf<J>> =
            (0..config.accumulate).map(|_| load(job, items)).collect::<anyhow::Result<_>>()?;
        let began = Instant::now();
        let taken = stepper.take_with(model, &micro, &mut guard)?;
        let _: f32 = taken.loss.try_into_scalar().context("cannot read the loss")?;
        model = taken.model;
        longest_step_seconds = longest_step_seconds.max(began.elapsed().as_secs_f64());
    }
    let peak_bytes = memory::peak();
    // A peak that is none of these steps says nothing of them.
    let of_steps = peak_bytes.filter(|_| peak_bytes > before);
    let measured = &seconds[1..];
    Ok(Measured {
        step_seconds: measured.iter().sum::<f64>() / measured.len() as f64,
        longest_step_seconds,
        peak_bytes,
        activation_bytes: of_steps.zip(held).map(|(peak, held)| peak.saturating_sub(held)),
    })
}

/// Two batches of an epoch, all of which are made for the same budget: the heaviest of some, and the one with the fewest
/// items, which are the longest.
fn heavy<'b, J: Job>(job: &J, batches: &'b [Vec<usize>]) -> anyhow::Result<[&'b [usize]; 2]> {
    let mut found: Option<(f64, &[usize])> = None;
    for batch in batches.iter().step_by(batches.len().div_ceil(LOOKED_AT).max(1)) {
        let weight = job.weight_of(batch)?;
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
    trained * BYTES * values
}

/// A table, a line a fact.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = |seconds: f64| format!("{:.2} hours", seconds / 3600.0);
        writeln!(f, "trained parameters   {}", self.trained)?;
        writeln!(f, "frozen parameters    {}", self.frozen)?;
        writeln!(
            f,
            "memory of training   {} for weights, gradients and optimizer",
            gib(self.training_bytes)
        )?;
        if let Some(peak) = self.peak_bytes {
            writeln!(
                f,
                "memory of the host   {} at most in these steps, which is not what a GPU needs",
                gib(peak)
            )?;
        }
        writeln!(f, "memory of a GPU      {}", self.of_gpu())?;
        if let Some(Encoding { sound_seconds, seconds, bytes }) = self.encoding {
            let (time, sound) = (hours(seconds), hours(sound_seconds));
            let disk = gib(bytes);
            writeln!(
                f,
                "encoding             {time} and {disk} on the disk for {sound} of sound, once, if none is kept"
            )?;
        }
        writeln!(f, "batches an epoch     {}", self.batches)?;
        writeln!(f, "steps                {} ({:.1} epochs)", self.steps, self.epochs)?;
        writeln!(
            f,
            "seconds a step       {:.3}, {:.3} with the heaviest batch",
            self.step_seconds, self.longest_step_seconds
        )?;
        let time = hours(self.steps as f64 * self.step_seconds);
        let and_encoding = if self.encoding.is_some() { " and encoding" } else { "" };
        write!(f, "time                 {time}, without evaluations{and_encoding}")
    }
}

impl Estimate {
    /// What a graphics card needs, in words: sums, and what the host's memory had beside them.
    fn of_gpu(&self) -> String {
        let known = self.frozen_bytes + self.training_bytes;
        let (frozen, training) = (gib(self.frozen_bytes), gib(self.training_bytes));
        match self.activation_bytes {
            Some(activations) => format!(
                "{} by computation: {frozen} frozen, {training} of training, {} of activations as on the host; its \
                 libraries come on top",
                gib(known + activations),
                gib(activations)
            ),
            None => format!(
                "{} by computation: {frozen} frozen, {training} of training; activations, which `--backend flex` \
                 measures, and its libraries come on top",
                gib(known)
            ),
        }
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_readable() {
        let estimate = Estimate {
            trained: 1000,
            frozen: 20,
            frozen_bytes: 1 << 29,
            training_bytes: training_bytes(1 << 28, OptimizerKind::AdamW),
            peak_bytes: Some(9 << 30),
            activation_bytes: Some(1 << 30),
            encoding: None,
            batches: 40,
            steps: 7200,
            epochs: 180.0,
            step_seconds: 0.5,
            longest_step_seconds: 0.75,
        };
        let text = estimate.to_string();
        for part in [
            "memory of training   4.00 GiB",
            "memory of the host   9.00 GiB",
            "memory of a GPU      5.50 GiB by computation: 0.50 GiB frozen, 4.00 GiB of training, 1.00 GiB of",
            "7200 (180.0 epochs)",
            "0.500, 0.750",
            "1.00 hours, without evaluations",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("encoding"), "{text}");

        let encoding = Encoding { sound_seconds: 36_000.0, seconds: 5400.0, bytes: 3 << 29 };
        let estimate = Estimate { encoding: Some(encoding), activation_bytes: None, ..estimate };
        let text = estimate.to_string();
        for part in [
            "encoding             1.50 hours and 1.50 GiB on the disk for 10.00 hours of sound, once, if none is kept",
            "memory of a GPU      4.50 GiB by computation: 0.50 GiB frozen, 4.00 GiB of training; activations",
            "without evaluations and encoding",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
