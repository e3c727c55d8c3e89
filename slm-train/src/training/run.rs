//! The loop itself.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Context;
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::prelude::*;

use super::checkpoint::{self, Resumed, State};
use super::feed::Feed;
use super::guard::Guard;
use super::log::{RunLog, StepRecord};
use super::{Job, LoopConfig, clip, rng_for, schedule};
use crate::stopped::Stopped;

/// The stream of random numbers that steps draw from.
const STEP_STREAM: u64 = 0x7374_6570;

/// How a run ended.
#[derive(Debug)]
pub enum Outcome<M> {
    /// All steps were made.
    Finished {
        /// The module, without autodiff.
        model: M,
        /// Where the run stands.
        state: State,
    },
    /// A signal asked for an orderly stop; a checkpoint was saved.
    Interrupted {
        /// The signal's number.
        signal: usize,
    },
}

/// The optimizer that a fresh run starts with.
pub fn optimizer(config: &LoopConfig) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_2(config.beta_2)
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .init()
}

/// Trains `model` in the folder `dir`, from its newest checkpoint if there is one.
///
/// `device` carries the autodiff that the module's parameters are on.
///
/// # Errors
///
/// A folder that is locked or cannot be written, a checkpoint that does not fit. As [`Stopped`], what ends a run that
/// had begun: gradients that stay non-finite, a failed evaluation, a checkpoint that cannot be written.
pub fn run<J: Job>(
    job: &J,
    model: J::Model,
    config: &LoopConfig,
    dir: &Path,
    device: &Device,
) -> anyhow::Result<Outcome<J::Model>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    let _lock = lock(dir)?;
    let signal = watch_signals()?;
    let mut warnings = Vec::new();
    let resumed = checkpoint::resume(dir, model, optimizer(config), &job.fingerprint(), &mut |text| {
        warnings.push(text);
    })?;
    let mut log = RunLog::open(dir, config.steps, resumed.state.step)?;
    for text in warnings {
        log.note(&text);
    }
    if resumed.state.step > 0 {
        log.note(&format!("resumed at step {}", resumed.state.step));
    }
    let made = thread::scope(|scope| {
        let feed = Feed::start(scope, job, &resumed.state, config);
        steps(feed, resumed, config, dir, device, &mut log, &signal)
    });
    made.map_err(|error| {
        let text = format!("the run in `{}` stopped; it goes on from its last checkpoint", dir.display());
        Stopped::because(error, text)
    })
}

/// Takes the steps that are left.
fn steps<J: Job>(
    mut feed: Feed<J>,
    resumed: Resumed<J::Model>,
    config: &LoopConfig,
    dir: &Path,
    device: &Device,
    log: &mut RunLog,
    signal: &AtomicUsize,
) -> anyhow::Result<Outcome<J::Model>> {
    let Resumed { mut model, mut optimizer, mut state } = resumed;
    let job = feed.job;

    let mut guard = Guard::default();
    // Summed on the device and read only when logged: a read waits for the device.
    let mut window = Window::default();
    while state.step < config.steps {
        let rate = schedule::learning_rate(config, state.step);
        device.seed(config.seed ^ state.step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut rng = rng_for(config.seed, STEP_STREAM, state.step);

        let mut micro = Vec::with_capacity(config.accumulate);
        while micro.len() < config.accumulate {
            micro.push(feed.next(&mut state)?);
        }
        let weight: f64 = micro.iter().map(|batch| job.weight(batch)).sum();

        let mut sums = GradientsAccumulator::new();
        for batch in &micro {
            let loss = job.loss(&model, batch, &mut rng)? / weight;
            window.add(loss.clone().inner());
            sums.accumulate(&model, GradientsParams::from_grads(loss.backward(), &model));
        }
        let mut grads = sums.grads();
        let norm = clip::global_norm(&model, &grads);
        if guard.admit(state.step, norm, rate)? {
            clip::clip(&model, &mut grads, norm, config.clip_norm);
            model = optimizer.step(rate, model, grads);
        } else {
            log.note(&format!("warning: step {} skipped, gradient norm is {norm}", state.step));
        }
        state.step += 1;
        window.weight += weight;
        window.steps += 1;
        log.advance(state.step);

        if state.step.is_multiple_of(config.log_every) || state.step == config.steps {
            let seconds = log.seconds();
            let record = StepRecord {
                step: state.step,
                epoch: state.epoch,
                loss: window.mean(),
                grad_norm: norm,
                learning_rate: rate,
                per_second: window.weight / (seconds - window.began).max(1e-9),
                seconds,
            };
            log.step(&record)?;
            window = Window { began: seconds, ..Window::default() };
        }
        let stop = signal.load(Ordering::Relaxed);
        let mut evaluated = Ok(());
        if state.step.is_multiple_of(config.eval_every) || state.step == config.steps {
            evaluated = evaluate(job, &model, &mut state, log);
            window.began = log.seconds();
        }
        // A failed evaluation ends the run, and must not take the steps along.
        let is_end = state.step == config.steps || stop != 0 || evaluated.is_err();
        if state.step.is_multiple_of(config.save_every) || is_end {
            checkpoint::save(dir, &model, &optimizer, &state, config.keep)?;
        }
        evaluated?;
        if stop != 0 {
            log.note(&format!("stopped at step {}, checkpoint saved", state.step));
            return Ok(Outcome::Interrupted { signal: stop });
        }
    }
    Ok(Outcome::Finished { model: model.valid(), state })
}

/// Judges the model, writes the figures to the log and into the state.
fn evaluate<J: Job>(job: &J, model: &J::Model, state: &mut State, log: &mut RunLog) -> anyhow::Result<()> {
    let metrics = job
        .evaluate(&model.valid())
        .with_context(|| format!("cannot evaluate the model of step {}", state.step))?;
    log.eval(state.step, &metrics)?;
    // JSON has no NaN: such a figure would come back as null and end the resumption.
    state.metrics = metrics.into_iter().filter(|(_, value)| value.is_finite()).collect();
    Ok(())
}

/// Loss and speed since the last log line.
#[derive(Default)]
struct Window {
    loss: Option<Tensor<1>>,
    weight: f64,
    steps: u64,
    began: f64,
}

impl Window {
    fn add(&mut self, loss: Tensor<1>) {
        self.loss = Some(match self.loss.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
    }

    fn mean(&self) -> f64 {
        let sum: f64 = self.loss.clone().map_or(0.0, |loss| loss.into_scalar::<f32>().into());
        sum / self.steps.max(1) as f64
    }
}

/// Keeps a second trainer out of the folder; the system releases the lock with the process.
fn lock(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    file.try_lock().with_context(|| format!("`{}` is in use by another trainer", dir.display()))?;
    Ok(file)
}

/// The number of the signal that asked for a stop, 0 before; a second signal ends the process at once.
fn watch_signals() -> anyhow::Result<Arc<AtomicUsize>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let seen = Arc::new(AtomicUsize::new(0));
    let armed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&armed))?;
        signal_hook::flag::register(signal, Arc::clone(&armed))?;
        signal_hook::flag::register_usize(signal, Arc::clone(&seen), signal as usize)?;
    }
    Ok(seen)
}
