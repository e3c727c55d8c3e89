//! `slm-train`: corpora, training stages, evaluation.

mod args;
mod default_device;
mod evaluate;

use std::fs;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::backend::{Backend, BackendError};
use slm_train::data::vocabulary;
use slm_train::steps::adapter::{AdapterStage, PartsPlace};
use slm_train::steps::{adapter, config, corpus, ctc, text};
use slm_train::training::{Outcome, Stopped};

use args::{Cli, Command, SynthArgs, TokenizerArgs};

/// Started, but did not get to the end.
const EXIT_STOPPED: u8 = 1;
/// Could not start.
const EXIT_START: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(code) => code,
        Err(error) => {
            let mut stderr = std::io::stderr().lock();
            // stderr may be closed; there is nobody left to tell then.
            let _ = writeln!(stderr, "error: {error}");
            for cause in error.chain().skip(1) {
                let _ = writeln!(stderr, "  caused by: {cause}");
            }
            if let Some(hint) = error.downcast_ref::<BackendError>().and_then(BackendError::hint) {
                let _ = writeln!(stderr, "hint: {hint}");
            }
            ExitCode::from(if error.is::<Stopped>() { EXIT_STOPPED } else { EXIT_START })
        }
    }
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
            if args.link {
                config.parts = PartsPlace::Link;
            }
            Ok(finish(&adapter::train(config, &stage.run, &stage.out, &device()?)?))
        }
        Command::Eval(args) => evaluate::run(args, &device()?),
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
    corpus::make(&args.out, args.split, args.count, args.seed, takes, &|done| bar.set_position(done as u64))?;
    bar.finish();
    Ok(ExitCode::SUCCESS)
}

fn tokenizer(args: &TokenizerArgs) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create `{}`", args.out.display()))?;
    vocabulary::train(
        &args.out.join(slm_core::text::FILE_NAME),
        args.purpose,
        args.size,
        args.items,
        args.seed,
    )?;
    Ok(ExitCode::SUCCESS)
}
