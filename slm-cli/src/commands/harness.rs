//! Follows command lines in process, with one model for many: for tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::Path;

use clap::Parser;
use slm_core::{Backend, BackendChoice, Model, OpenOptions};

use super::answer::{Plan, answer_all};
use super::job::Job;
use super::{ask, chat, continue_speech, run, transcribe, translate};
use crate::args::{Cli, ColorChoice, Command, UsageError};
use crate::colour::Colours;
use crate::console::{Console, Manner};
use crate::interrupt::Interrupt;
use crate::report::{self, Stop};

/// What a command line came to.
pub(super) enum Ended {
    /// It was refused before anything was written, by this message; the exit code is 2.
    Refused(String),
    /// It was followed.
    Answered {
        /// What was written to stdout.
        out: String,
        /// What was written to stderr.
        err: String,
        /// Whether no input failed: the exit code is 0, else 1.
        is_whole: bool,
    },
}

/// The reference model on the processor.
pub(crate) fn model() -> Model {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/slm-tiny");
    Model::open(bundle, &OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))).unwrap()
}

/// A committed recording.
pub(crate) fn recording(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/audio/test/wav");
    folder.join(name).display().to_string()
}

/// Follows a line without the program's name; options that say how a model is opened do nothing.
pub(super) fn run(model: &Model, line: &[&str]) -> Ended {
    let cli = match parse(line) {
        Ok(cli) => cli,
        Err(message) => return Ended::Refused(message),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let manners = job(&cli.command).map(|job| job.inputs.manners.clone()).unwrap_or_default();
    let is_coloured = manners.color == Some(ColorChoice::Always);
    let colours = if is_coloured { Colours::ByAgreement } else { Colours::Plain };
    let manner = Manner { level: manners.level(), colours, ..Manner::default() };
    let followed = follow(model, &cli, &mut Console { out: &mut out, err: &mut err, manner });
    let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
    match followed {
        Ok(is_whole) => Ended::Answered { out, err, is_whole },
        Err(error) => {
            assert_eq!((out.as_str(), err.as_str()), ("", ""), "{line:?}");
            Ended::Refused(report::render(&*error))
        }
    }
}

/// Checks a line as the verbs do before there is an input, `chat` among them; the message where it is refused.
pub(super) fn accept(model: &Model, line: &[&str]) -> Result<(), String> {
    let cli = parse(line)?;
    let checked = || -> anyhow::Result<()> {
        cli.check()?;
        if let Command::Chat(args) = &cli.command {
            chat::check(args)?;
            return chat::try_first(model, args);
        }
        let job = job(&cli.command)?;
        job.check()?;
        job.inputs.outputs.check(job.inputs.files.len(), job.inputs.n_best)?;
        job.request(model, job.phrases()?.as_ref())?;
        Ok(())
    };
    checked().map_err(|error| report::render(&*error))
}

/// What the parser makes of a line; its message where it refuses it.
fn parse(line: &[&str]) -> Result<Cli, String> {
    Cli::try_parse_from(std::iter::once("slm-cli").chain(line.iter().copied())).map_err(|error| {
        assert_eq!(error.exit_code(), 2, "{line:?}");
        error.to_string()
    })
}

fn follow(model: &Model, cli: &Cli, console: &mut Console) -> anyhow::Result<bool> {
    cli.check()?;
    let job = job(&cli.command)?;
    job.check()?;
    let plan = match Plan::of(job.inputs) {
        Ok(plan) => plan,
        Err(Stop::Start(error)) => return Err(error),
        Err(Stop::Output(error)) => return Err(error.into()),
    };
    let request = job.request(model, job.phrases()?.as_ref())?;
    Ok(answer_all(model, &request, job.inputs, plan, &Interrupt::default(), console)?)
}

fn job(command: &Command) -> Result<Job<'_>, UsageError> {
    Ok(match command {
        Command::Transcribe(args) => transcribe::job(args)?,
        Command::Translate(args) => translate::job(args),
        Command::Ask(args) => ask::job(args),
        Command::Continue(args) => continue_speech::job(args),
        Command::Run(args) => run::job(args),
        other => panic!("{other:?} asks nothing about files"),
    })
}
