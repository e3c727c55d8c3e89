//! `slm-cli transcribe FILE...`: what is said, or another task of the bundle.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{ModelArgs, TranscribeArgs};
use crate::report::{Stop, UsageError};

pub(super) fn execute(model: &ModelArgs, args: &TranscribeArgs) -> Result<ExitCode, Stop> {
    answer(model, &args.inputs, task(args)?)
}

fn task(args: &TranscribeArgs) -> anyhow::Result<Task> {
    let task = match &args.task {
        Some(name) => Task::from_key(name).ok_or_else(|| UsageError {
            message: format!("unknown task `{name}`"),
            hint: Some("`slm-cli info` lists the tasks of the model".into()),
        })?,
        None if args.phrases.is_empty() => Task::Transcribe,
        None => Task::Spell { phrases: args.phrases.clone() },
    };
    Ok(task)
}
