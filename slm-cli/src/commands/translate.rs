//! `slm-cli translate --to LANGUAGE FILE...`: what is said, in another language.

use std::process::ExitCode;

use slm_core::task::Task;

use super::answer::answer;
use crate::args::{ModelArgs, TranslateArgs};
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &TranslateArgs) -> Result<ExitCode, Stop> {
    let to = args.to.to_lowercase();
    answer(model, &args.inputs, Task::Translate { to }, None)
}
