//! Answers a task for each input, one after the other, and goes on after a failure.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use slm_core::audio::{self, Audio, AudioError, AudioWarning};
use slm_core::context::{ContextError, PhraseList};
use slm_core::task::{Request, Response, SpeechModel, Task};

use crate::args::{ContextArgs, InputArgs, ModelArgs};
use crate::model;
use crate::report::{self, Doubt, FailedInput, Failure, Form, Stop};

/// Answers `task` for all inputs.
pub(super) fn answer(
    model_args: &ModelArgs,
    inputs: &InputArgs,
    task: Task,
    context: Option<&ContextArgs>,
) -> Result<ExitCode, Stop> {
    let (model, request) = start(model_args, inputs, task, context)?;
    let form = Form::of(inputs);
    let mut out = io::stdout().lock();
    let (mut done, mut failed) = (0, 0);
    for path in &inputs.files {
        match answer_one(&model, path, &request, inputs, &mut out) {
            Ok(Answer { response, warnings, doubts }) => {
                for warning in &warnings {
                    report::to_stderr(&report::warning(path, warning));
                }
                for doubt in &doubts {
                    report::to_stderr(&report::warning(path, doubt));
                }
                if !inputs.json
                    && let Some(found) = report::phrases(path, &response)
                {
                    report::to_stderr(&found);
                }
                report::write_answer(&mut out, path, &response, form)?;
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
fn start(
    model_args: &ModelArgs,
    inputs: &InputArgs,
    task: Task,
    context: Option<&ContextArgs>,
) -> anyhow::Result<(SpeechModel, Request)> {
    // A list that cannot be read is told before a large model is loaded.
    let context = context.filter(|args| args.is_given());
    let phrases = context.map(phrases).transpose()?;
    let model = model::load(model_args)?;
    let mut request = model.request(task);
    request.decode = inputs.decode.apply(request.decode);
    request.stop = inputs.decode.stop.iter().filter(|text| !text.is_empty()).cloned().collect();
    if let (Some(phrases), Some(args)) = (phrases, context) {
        let mut context = model.context(&phrases)?;
        context.top = args.context_top.into();
        context.boost = args.context_boost;
        context.respelling = args.context_respell.into();
        request.context = Some(context);
    }
    model.check(&request)?;
    Ok((model, request))
}

/// The phrases of the command line, then those of the file.
fn phrases(args: &ContextArgs) -> Result<PhraseList, ContextError> {
    let named = PhraseList::new(&args.phrases)?;
    match &args.context {
        Some(path) => named.with(PhraseList::read(path)?),
        None => Ok(named),
    }
}

/// The answer to one input, and what is odd about either.
struct Answer {
    response: Response,
    warnings: Vec<AudioWarning>,
    doubts: Vec<Doubt>,
}

/// Answers one input. A panic is its failure, not the end of the others.
fn answer_one(
    model: &SpeechModel,
    path: &Path,
    request: &Request,
    inputs: &InputArgs,
    out: &mut impl Write,
) -> Result<Answer, FailedInput> {
    let attempt = || -> Result<Answer, Failure> {
        let Audio { samples, mut warnings } = read(path)?;
        let refuse = |warnings: &[AudioWarning]| match warnings.first() {
            Some(warning) if inputs.strict => Err(Failure::Warning(warning.clone())),
            _ => Ok(()),
        };
        refuse(&warnings)?;
        let response = if inputs.stream {
            let mut write = |text: &str| match write!(out, "{text}").and_then(|()| out.flush()) {
                Ok(()) => ControlFlow::Continue(()),
                // What cannot be written is told when the line is ended.
                Err(_) => ControlFlow::Break(()),
            };
            model.respond_streaming(&samples, request, &mut write)?
        } else {
            model.respond(&[&samples], request)?.into_iter().next().unwrap_or_default()
        };
        if response.no_speech && !samples.is_empty() {
            warnings.push(AudioWarning::NoSpeech);
        }
        refuse(&warnings)?;
        let doubts = report::doubts(&response);
        match doubts.first() {
            Some(doubt) if inputs.strict => Err(Failure::Doubt(doubt.clone())),
            _ => Ok(Answer { response, warnings, doubts }),
        }
    };
    panic::catch_unwind(AssertUnwindSafe(attempt))
        .unwrap_or_else(|payload| Err(Failure::Panic(report::panic_message(&*payload))))
        .map_err(|failure| FailedInput { path: path.to_owned(), failure })
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Audio, AudioError> {
    if path == Path::new("-") { audio::read_stream(io::stdin().lock(), path) } else { audio::read(path) }
}
