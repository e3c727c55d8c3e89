//! `slm-cli transcribe FILE...`: what is said, or another task of the bundle.

use slm_core::Task;

use super::job::Job;
use crate::args::{TranscribeArgs, UsageError};

pub(super) fn job(args: &TranscribeArgs) -> Result<Job<'_>, UsageError> {
    let language = args.language.as_deref();
    Ok(Job { context: Some(&args.context), language, ..Job::new(task(args)?, &args.inputs) })
}

fn task(args: &TranscribeArgs) -> Result<Task, UsageError> {
    let Some(name) = &args.task else { return Ok(Task::Transcribe) };
    Task::from_key(name).ok_or_else(|| UsageError {
        message: format!("unknown task `{name}`"),
        hint: Some("`slm-cli info` lists the tasks of the model".into()),
    })
}
