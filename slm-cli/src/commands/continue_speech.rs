//! `slm-cli continue FILE...`: what the speaker would say next.

use slm_core::Task;

use super::job::Job;
use crate::args::ContinueArgs;

pub(super) fn job(args: &ContinueArgs) -> Job<'_> {
    Job::new(Task::Continue, &args.inputs)
}
