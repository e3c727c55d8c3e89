//! The loop itself.

use std::fs::{self, File};
use std::path::Path;
use std::thread;

use anyhow::{Context, ensure};
use burn::prelude::*;

use super::checkpoint::{self, Resumed, State};
use super::estimate::{self, Estimate};
use super::feed::Feed;
use super::guard::Guard;
use super::log::RunLog;
use super::place::Place;
use super::step::Stepper;
use super::weights::Weights;
use super::{Job, LoopConfig, Metrics, Purpose};
use crate::file_lock;
use crate::history::{History, StepRecord};
use crate::signals::{Interrupted, Signals};
use crate::stopped::Stopped;

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
    /// A signal asked for an orderly stop; what was made is kept.
    Interrupted {
        /// The signal's number.
        signal: usize,
    },
    /// What training would take; nothing was written.
    Estimated(Estimate),
}

impl<M> Outcome<M> {
    /// What ended work by `error` is: a signal's stop is an end in order.
    ///
    /// # Errors
    ///
    /// Any other error.
    pub fn of_error(error: anyhow::Error) -> anyhow::Result<Self> {
        if let Some(&Interrupted { signal }) = error.downcast_ref::<Interrupted>() {
            return Ok(Self::Interrupted { signal });
        }
        Err(error)
    }
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
    let signals = Signals::watch()?;
    if config.purpose == Purpose::DryRun {
        let estimate = estimate::estimate(job, model, config, device, &signals);
        return estimate.map(Outcome::Estimated).or_else(Outcome::of_error);
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
    let _lock = lock(dir)?;
    let mut warnings = Vec::new();
    let resumed = checkpoint::resume(dir, model, config.new_optimizer(), &job.fingerprint(), &mut |text| {
        warnings.push(text);
    })?;
    if let Some(record) = &config.record {
        record.write(dir)?;
    }
    let mut log = RunLog::open(dir, config.steps, resumed.state.step)?;
    for text in warnings {
        log.note(&text);
    }
    if resumed.state.step > 0 {
        log.note(&format!("resumed at step {}", resumed.state.step));
    }
    let made = thread::scope(|scope| {
        let Resumed { model, optimizer, state } = resumed;
        let place = Place { step: state.step, epoch: state.epoch, batch: state.batch };
        let feed = Feed::start(scope, job, config, place);
        let stepper = Stepper::new(job, config, device, optimizer, feed, place.step);
        steps(stepper, model, state, dir, &mut log, &signals)
    });
    made.map_err(|error| {
        let text = format!("the run in `{}` stopped; it goes on from its last checkpoint", dir.display());
        Stopped::because(error, text)
    })
}

/// Takes the steps that are left.
fn steps<J: Job>(
    mut stepper: Stepper<J>,
    mut model: J::Model,
    mut state: State,
    dir: &Path,
    log: &mut RunLog,
    signals: &Signals,
) -> anyhow::Result<Outcome<J::Model>> {
    let (job, config) = (stepper.job, stepper.config);
    let mut guard = Guard::default();
    if let Some(signal) = signals.seen() {
        log.note(&format!("stopped before step {}; the same command goes on from there", state.step + 1));
        return Ok(Outcome::Interrupted { signal });
    }
    if state.owes_evaluation && config.purpose != Purpose::Finish {
        evaluate(job, &model, config, dir, &mut state, log)?;
        checkpoint::save(dir, &model, stepper.optimizer(), &state, config.keep)?;
    }
    // Summed on the device and read only when logged: a read waits for the device.
    let mut window = Window { began: log.seconds(), ..Window::default() };
    let mut is_over = has_enough(config, &state);
    while state.step < config.steps && !is_over && config.purpose != Purpose::Finish {
        let taken = stepper.take(model, &mut guard)?;
        model = taken.model;
        if !taken.norm.is_finite() {
            log.note(&format!("warning: step {} skipped, gradient norm is {}", state.step, taken.norm));
        }
        let Place { step, epoch, batch } = stepper.place();
        (state.step, state.epoch, state.batch) = (step, epoch, batch);
        window.add(taken.loss, taken.weight);
        log.advance(state.step);

        if state.step.is_multiple_of(config.log_every) || state.step == config.steps {
            let seconds = log.seconds();
            let record = StepRecord {
                step: state.step,
                epoch: state.epoch,
                loss: window.mean(),
                grad_norm: taken.norm,
                learning_rate: config.learning_rate_at(state.step - 1),
                per_second: window.weight / (seconds - window.began).max(1e-9),
                seconds,
            };
            log.step(&record)?;
            window = Window { began: seconds, ..Window::default() };
        }
        let is_due = state.step.is_multiple_of(config.eval_every) || state.step == config.steps;
        let mut evaluated = Ok(());
        if is_due && signals.seen().is_none() {
            evaluated = evaluate(job, &model, config, dir, &mut state, log);
            state.owes_evaluation = evaluated.is_err();
            window.began = log.seconds();
        } else {
            // Who asks for a stop does not wait for it: it is made when the run goes on.
            state.owes_evaluation = is_due;
        }
        let stop = signals.seen();
        is_over = has_enough(config, &state);
        // A failed evaluation ends the run, and must not take the steps along.
        let is_end = state.step == config.steps || is_over || stop.is_some() || evaluated.is_err();
        if state.step.is_multiple_of(config.save_every) || is_end {
            checkpoint::save(dir, &model, stepper.optimizer(), &state, config.keep)?;
        }
        evaluated?;
        if let Some(signal) = stop {
            let step = state.step;
            log.note(&format!(
                "stopped at step {step}, checkpoint saved; the same command goes on from there"
            ));
            log.report();
            return Ok(Outcome::Interrupted { signal });
        }
    }
    if is_over && state.step < config.steps {
        log.note(&format!(
            "over at step {}: {} evaluations were no better",
            state.step, state.ranking.waited
        ));
    }
    finish(job, &model, config, dir, state, log)
}

/// The weights that the result is to have, with their figures.
fn finish<J: Job>(
    job: &J,
    model: &J::Model,
    config: &LoopConfig,
    dir: &Path,
    mut state: State,
    log: &RunLog,
) -> anyhow::Result<Outcome<J::Model>> {
    let model = config.weights.of_run(dir, model, &state)?;
    if config.weights != Weights::Last {
        state.metrics = finite(job.evaluate(&model).context("cannot evaluate the result")?);
        let figures: Vec<String> =
            state.metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        log.note(&format!("result: {}", figures.join(", ")));
    }
    if let Some(text) = config.overfit.and_then(|count| learnt_by_heart(dir, count)) {
        log.note(&text);
    }
    log.report();
    Ok(Outcome::Finished { model, state })
}

/// What it says of a pipeline how `count` examples were learnt.
fn learnt_by_heart(dir: &Path, count: usize) -> Option<String> {
    /// The share of the first loss below which the last one is that of a text known by heart.
    const SHARE: f64 = 0.1;
    let history = History::read(dir).ok()?;
    let (first, last) = (history.steps.values().next()?.loss, history.steps.values().next_back()?.loss);
    let verdict = if last < SHARE * first {
        "the pipeline learns"
    } else {
        "they are not known by heart: more steps, or something in the pipeline is wrong"
    };
    Some(format!("{count} examples: loss {first:.4} at first, {last:.4} at last; {verdict}"))
}

/// Whether the judge has seen no better figure for long enough.
fn has_enough(config: &LoopConfig, state: &State) -> bool {
    config.judge.as_ref().is_some_and(|judge| judge.has_enough(&state.ranking))
}

/// Judges the model, writes the figures to the log and into the state, and keeps the weights if they are among the best.
fn evaluate<J: Job>(
    job: &J,
    model: &J::Model,
    config: &LoopConfig,
    dir: &Path,
    state: &mut State,
    log: &mut RunLog,
) -> anyhow::Result<()> {
    let fail = || format!("cannot evaluate the model of step {}", state.step);
    let judged = model.valid();
    let metrics = job.evaluate(&judged).with_context(fail)?;
    let samples = if config.samples > 0 { job.samples(&judged, config.samples) } else { Ok(Vec::new()) };
    log.eval(state.step, &metrics, samples.with_context(fail)?)?;
    log.report();
    if let Some(judge) = &config.judge
        && judge.rank(&mut state.ranking, state.step, &metrics)?
    {
        checkpoint::save_best(dir, model, state)?;
    }
    state.metrics = finite(metrics);
    state.owes_evaluation = false;
    Ok(())
}

/// JSON has no NaN: such a figure would come back as null and end the resumption.
fn finite(metrics: Metrics) -> Metrics {
    metrics.into_iter().filter(|(_, value)| value.is_finite()).collect()
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
    fn add(&mut self, loss: Tensor<1>, weight: f64) {
        self.weight += weight;
        self.steps += 1;
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
    let failed = || format!("cannot write `{}`", path.display());
    let file = File::create(&path).with_context(failed)?;
    ensure!(file_lock::take(&file).with_context(failed)?, "`{}` is in use by another trainer", dir.display());
    Ok(file)
}
