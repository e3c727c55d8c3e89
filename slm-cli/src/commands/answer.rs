//! Answers a task for each input, one after the other, and goes on after a failure.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use slm_core::audio::{self, Audio, AudioError, AudioWarning};
use slm_core::task::{Request, Response, SpeechModel, Task};

use crate::args::{InputArgs, ModelArgs};
use crate::model;
use crate::report::{self, FailedInput, Failure, Stop};

/// Answers `task` for all inputs.
pub(super) fn answer(model_args: &ModelArgs, inputs: &InputArgs, task: Task) -> Result<ExitCode, Stop> {
    let (model, request) = start(model_args, inputs, task)?;
    let mut out = io::stdout().lock();
    let (mut done, mut failed) = (0, 0);
    for path in &inputs.files {
        match answer_one(&model, path, &request, inputs.strict) {
            Ok((response, warnings)) => {
                for warning in &warnings {
                    report::to_stderr(&report::warning(path, warning));
                }
                report::write_answer(&mut out, path, &response, inputs.json)?;
                done += 1;
            }
            Err(failure) => {
                report::to_stderr(&report::render(&failure));
                if inputs.json {
                    report::write_failure(&mut out, &failure)?;
                }
                failed += 1;
            }
        }
        out.flush()?;
        if failed > 0 && inputs.fail_fast {
            break;
        }
    }
    let all = inputs.files.len();
    if all > 1 {
        report::to_stderr(&report::summary(done, failed, all - done - failed));
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Loads the model and checks the request, before any input is read.
fn start(model_args: &ModelArgs, inputs: &InputArgs, task: Task) -> anyhow::Result<(SpeechModel, Request)> {
    let model = model::load(model_args)?;
    let mut request = model.request(task);
    request.decode = inputs.decode(request.decode);
    model.check(&request)?;
    Ok((model, request))
}

/// Answers one input. A panic is its failure, not the end of the others.
fn answer_one(
    model: &SpeechModel,
    path: &Path,
    request: &Request,
    strict: bool,
) -> Result<(Response, Vec<AudioWarning>), FailedInput> {
    let attempt = || -> Result<(Response, Vec<AudioWarning>), Failure> {
        let Audio { samples, mut warnings } = read(path)?;
        let refuse = |warnings: &[AudioWarning]| match warnings.first() {
            Some(warning) if strict => Err(Failure::Warning(warning.clone())),
            _ => Ok(()),
        };
        refuse(&warnings)?;
        let response = model.respond(&[&samples], request)?.into_iter().next().unwrap_or_default();
        if response.no_speech && !samples.is_empty() {
            warnings.push(AudioWarning::NoSpeech);
        }
        refuse(&warnings)?;
        Ok((response, warnings))
    };
    panic::catch_unwind(AssertUnwindSafe(attempt))
        .unwrap_or_else(|payload| Err(Failure::Panic(report::panic_message(&*payload))))
        .map_err(|failure| FailedInput { path: path.to_owned(), failure })
}

/// Reads a file, or standard input for `-`.
fn read(path: &Path) -> Result<Audio, AudioError> {
    if path == Path::new("-") { audio::read_stream(io::stdin().lock(), path) } else { audio::read(path) }
}
