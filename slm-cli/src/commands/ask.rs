//! `slm-cli ask QUESTION FILE...`: an answer to a question about what is said.

use slm_core::Task;

use super::job::Job;
use crate::args::AskArgs;

pub(super) fn job(args: &AskArgs) -> Job<'_> {
    Job::new(Task::Ask { question: args.question.clone() }, &args.inputs)
}
