//! `slm-cli run --instruction TEXT FILE...`: an instruction in the user's words.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{ModelArgs, RunArgs};
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &RunArgs) -> Result<ExitCode, Stop> {
    let task = Task::Instruction(args.instruction.clone());
    answer(model, &args.inputs, task, None)
}
