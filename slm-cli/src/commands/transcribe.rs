//! `slm-cli transcribe FILE...`: what is said, or another task of the bundle.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{ModelArgs, TranscribeArgs};
use crate::report::{Stop, UsageError};

pub(super) fn execute(model: &ModelArgs, args: &TranscribeArgs) -> Result<ExitCode, Stop> {
    answer(model, &args.inputs, task(args)?, Some(&args.context))
}

fn task(args: &TranscribeArgs) -> anyhow::Result<Task> {
    let Some(name) = &args.task else { return Ok(Task::Transcribe) };
    let unknown = || UsageError {
        message: format!("unknown task `{name}`"),
        hint: Some("`slm-cli info` lists the tasks of the model".into()),
    };
    Ok(Task::from_key(name).ok_or_else(unknown)?)
}
