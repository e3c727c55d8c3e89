//! `slm-cli ask QUESTION FILE...`: an answer to a question about what is said.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{AskArgs, ModelArgs};
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &AskArgs) -> Result<ExitCode, Stop> {
    let question = args.question.clone();
    answer(model, &args.inputs, Task::Ask { question }, None)
}
