//! `slm-train`: corpora, training stages, evaluation.

mod args;
mod default_device;
mod evaluate;
mod messages;
mod validate;

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::{Backend, BackendError};
use slm_train::data::synth::SynthError;
use slm_train::data::{corpus, vocabulary};
use slm_train::steps::adapter::{AdapterStage, Encode, PartsPlace};
use slm_train::steps::{adapter, ctc, text};
use slm_train::stopped::Stopped;
use slm_train::training::Outcome;
use slm_train::{config, failures};

use args::{Cache, Cli, Command, SynthArgs, TokenizerArgs};
use messages::to_stderr;

/// Started, but did not get to the end, or not with all items.
const EXIT_STOPPED: u8 = 1;
/// Could not start.
const EXIT_START: u8 = 2;

fn main() -> ExitCode {
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
    let device = || -> anyhow::Result<Device> { Ok(Backend::from_name(&cli.backend)?.device()?) };
    if let Command::Ctc(_) | Command::Text(_) | Command::Adapter(_) = &cli.command {
        let backend = Backend::from_name(&cli.backend)?;
        backend.device()?;
        if let Some(code) = default_device::ensure(backend)? {
            return Ok(code);
        }
    }
    match &cli.command {
        Command::Synth(args) => synth(args),
        Command::Validate(args) => validate::run(args),
        Command::Tokenizer(args) => tokenizer(args),
        Command::Ctc(args) => {
            let config = config::read(&args.config, &args.overrides)?;
            Ok(finish(&ctc::train(config, &args.run, &args.out, &device()?)?))
        }
        Command::Text(args) => {
            let config = config::read(&args.config, &args.overrides)?;
            Ok(finish(&text::train(config, &args.run, &args.out, &device()?)?))
        }
        Command::Adapter(args) => {
            let stage = &args.stage;
            let mut config: AdapterStage = config::read(&stage.config, &stage.overrides)?;
            config.encoder = args.encoder.clone().unwrap_or(config.encoder);
            config.llm = args.llm.clone().unwrap_or(config.llm);
            config.encode = match args.cache {
                None => config.encode,
                Some(Cache::On) => Encode::Once,
                Some(Cache::Off) => Encode::EachStep,
            };
            if args.link {
                config.parts = PartsPlace::Link;
            }
            Ok(finish(&adapter::train(config, &stage.run, &stage.out, &device()?)?))
        }
        Command::Eval(args) => evaluate::run(args, Backend::from_name(&cli.backend)?),
    }
}

/// 0 after a full run, 128 + signal after an orderly stop.
fn finish<M>(outcome: &Outcome<M>) -> ExitCode {
    match outcome {
        Outcome::Finished { .. } => ExitCode::SUCCESS,
        Outcome::Interrupted { signal } => ExitCode::from(128 + *signal as u8),
    }
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
    vocabulary::train(&path, args.purpose, args.size, args.items, args.seed)?;
    Ok(ExitCode::SUCCESS)
}
