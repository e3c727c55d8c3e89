//! `slm-cli translate --to LANGUAGE FILE...`: what is said, in another language.

use slm_core::Task;

use super::job::Job;
use crate::args::TranslateArgs;

pub(super) fn job(args: &TranslateArgs) -> Job<'_> {
    let job = Job::new(Task::Translate { to: args.to.to_lowercase() }, &args.inputs);
    Job { language: args.language.as_deref(), ..job }
}
