//! `slm-train`: corpora, training stages, evaluation.

mod args;
mod default_device;
mod evaluate;
mod messages;
mod stages;
mod validate;

use std::fs;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::{Backend, BackendError};
use slm_train::data::synth::SynthError;
use slm_train::data::{corpus, vocabulary};
use slm_train::failures;
use slm_train::history::{compare, report};
use slm_train::stopped::Stopped;

use args::{Cli, Command, CompareArgs, SynthArgs, TokenizerArgs};
use messages::to_stderr;

/// Started, but did not get to the end, or not with all items.
const EXIT_STOPPED: u8 = 1;
/// Could not start.
const EXIT_START: u8 = 2;

fn main() -> ExitCode {
    slm_core::keep_freed_memory();
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(code) => code,
        Err(error) => {
            to_stderr(&format!("error: {error}"));
            for cause in error.chain().skip(1) {
                to_stderr(&format!("  caused by: {cause}"));
            }
            if let Some(hint) = hint(&error) {
                to_stderr(&format!("hint: {hint}"));
            }
            ExitCode::from(if error.is::<Stopped>() { EXIT_STOPPED } else { EXIT_START })
        }
    }
}

/// One next step, of the errors that know one.
fn hint(error: &anyhow::Error) -> Option<String> {
    let of_backend = error.downcast_ref::<BackendError>().and_then(BackendError::hint);
    of_backend.or_else(|| error.downcast_ref::<SynthError>()?.hint().map(str::to_owned))
}

fn execute(cli: &Cli) -> anyhow::Result<ExitCode> {
    let backend = || Backend::from_name(&cli.backend);
    if let Command::Ctc(_)
    | Command::CtcLayers(_)
    | Command::Text(_)
    | Command::Adapter(_)
    | Command::Average(_) = &cli.command
    {
        backend()?.device()?;
        if let Some(code) = default_device::ensure(backend()?)? {
            return Ok(code);
        }
    }
    match &cli.command {
        Command::Synth(args) => synth(args),
        Command::Validate(args) => validate::run(args),
        Command::Tokenizer(args) => tokenizer(args),
        Command::Ctc(args) => stages::ctc(args, backend()?),
        Command::CtcLayers(args) => stages::ctc_layers(args, backend()?),
        Command::Text(args) => stages::text(args, backend()?),
        Command::Adapter(args) => stages::adapter(args, backend()?),
        Command::Average(args) => stages::average(args, backend()?),
        Command::Compare(args) => compare(args),
        Command::Report(args) => {
            args.runs.iter().try_for_each(|run| report::write(run))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Eval(args) => evaluate::run(args, backend()?),
    }
}

fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let comparison = compare::compare(&args.runs)?;
    let text = if args.json { serde_json::to_string_pretty(&comparison)? } else { comparison.markdown() };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn synth(args: &SynthArgs) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(args.count);
    bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {per_sec} left {eta_precise}")?);
    let takes = if args.clean { corpus::Takes::Clean } else { corpus::Takes::Augmented };
    let progress = |done: usize| bar.set_position(done as u64);
    let made = corpus::make(&args.out, args.split, args.count, args.seed, takes, &progress)?;
    bar.finish();
    if made.failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let summary = failures::summary("sentences", made.utterances + made.failures.len(), &made.failures);
    to_stderr(&format!("error: {summary}"));
    to_stderr("the others are in the manifest; the same command tries these again");
    Ok(ExitCode::from(EXIT_STOPPED))
}

fn tokenizer(args: &TokenizerArgs) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create `{}`", args.out.display()))?;
    let path = args.out.join(vocabulary::FILE_NAME);
    let texts = match &args.manifest {
        Some(manifest) => vocabulary::texts_of(manifest)?,
        None => vocabulary::texts(args.purpose, args.items, args.seed),
    };
    vocabulary::train(&path, args.purpose, args.size, &texts)?;
    Ok(ExitCode::SUCCESS)
}
