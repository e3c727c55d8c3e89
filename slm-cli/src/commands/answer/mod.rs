//! Answers a task for each input, one after the other, and goes on after a failure.

mod one;
mod plan;
mod write;

use std::io;
use std::process::ExitCode;

use slm_core::{Model, Request};

pub(super) use plan::Plan;

use super::job::Job;
use crate::args::{InputArgs, Level, ModelArgs};
use crate::console::{Console, Manner};
use crate::interrupt::Interrupt;
use crate::model;
use crate::preparation::{self, DelayedNote};
use crate::progress::Progress;
use crate::report::{self, Counts, Stop};
use one::Work;

/// Does a job with the model that the arguments name.
pub(super) fn answer(model_args: &ModelArgs, job: &Job, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    job.check()?;
    let plan = Plan::of(job.inputs)?;
    // A list that cannot be read is told before a large model is loaded.
    let phrases = job.phrases().map_err(anyhow::Error::from)?;
    // From here on, what was begun is ended in order.
    let _held = interrupt.hold();
    let manner = Manner::of(&job.inputs.manners, plan.outputs.is_live());
    let (mut out, mut err) = (manner.colours.stdout(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err, manner };
    if plan.is_all_done() {
        // Nothing is left for a model.
        console.remark(&report::summary(Counts { kept: plan.inputs.len(), ..Counts::default() }));
        return Ok(ExitCode::SUCCESS);
    }
    let model = model::open(model_args, interrupt)?;
    let mut request = job.request(&model, phrases.as_ref())?;
    // What phrases were found is told of the segments at the end.
    if request.phrases.is_none() {
        request.keep = plan.outputs.keep(console.manner.colours);
    }
    let is_whole = answer_all(&model, &request, job.inputs, plan, interrupt, &mut console)?;
    Ok(ExitCode::from(u8::from(!is_whole)))
}

/// Answers all inputs; whether none failed.
pub(super) fn answer_all(
    model: &Model,
    request: &Request,
    inputs: &InputArgs,
    plan: Plan,
    interrupt: &Interrupt,
    console: &mut Console,
) -> io::Result<bool> {
    if let Some(warning) = request.phrases.as_ref().and_then(|list| report::unspellable(list.unspellable())) {
        console.remark(&warning);
    }
    let all = plan.inputs.len();
    let note = preparation::note(model.backend().used).filter(|_| console.manner.level != Level::Quiet);
    let mut work = Work {
        model,
        request,
        inputs,
        interrupt,
        progress: Progress::new(console.manner.bar),
        preparing: note.map(|text| DelayedNote::after(preparation::PATIENCE, text, report::to_stderr)),
    };
    let mut counts = Counts { skipped: all, ..Counts::default() };
    let is_done: Vec<bool> = (0..all).map(|index| plan.is_done(index)).collect();
    for ((index, input), is_done) in plan.inputs.into_iter().enumerate().zip(is_done) {
        if (counts.failed > 0 && inputs.fail_fast) || interrupt.is_asked() {
            break;
        }
        counts.skipped -= 1;
        if is_done {
            counts.kept += 1;
            continue;
        }
        let output = plan.outputs.of(index, plan::name(&input), request);
        if work.answer_one(input, output, (index + 1, all), console)? {
            counts.done += 1;
        } else {
            counts.failed += 1;
        }
    }
    let was_tried = counts.done + counts.failed > 0;
    if was_tried && (all > 1 || console.manner.level == Level::Verbose) {
        console.remark(&work.progress.summary());
    }
    if all > 1 || counts.kept > 0 {
        console.remark(&report::summary(counts));
    }
    Ok(counts.failed == 0)
}

#[cfg(all(test, feature = "flex"))]
mod tests;
