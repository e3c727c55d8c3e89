//! `slm-cli run --instruction TEXT FILE...`: an instruction in the user's words.

use slm_core::Task;

use super::job::Job;
use crate::args::RunArgs;

pub(super) fn job(args: &RunArgs) -> Job<'_> {
    Job::new(Task::Instruction(args.instruction.clone()), &args.inputs)
}
