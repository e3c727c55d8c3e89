//! `slm-cli continue FILE...`: what the speaker would say next.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{ContinueArgs, ModelArgs};
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &ContinueArgs) -> Result<ExitCode, Stop> {
    answer(model, &args.inputs, Task::Continue, None)
}
