//! `slm-train`: corpora, training stages, evaluation.

mod args;

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::backend::Backend;
use slm_train::data::vocabulary;
use slm_train::steps::{adapter, config, corpus, ctc, text};
use slm_train::training::Outcome;

use args::{Cli, Command, SynthArgs, TokenizerArgs};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(code) => code,
        Err(error) => {
            use std::io::Write;
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "error: {error}");
            for cause in error.chain().skip(1) {
                let _ = writeln!(stderr, "  caused by: {cause}");
            }
            ExitCode::from(1)
        }
    }
}

fn execute(cli: &Cli) -> anyhow::Result<ExitCode> {
    let device = || -> anyhow::Result<Device> { Ok(Backend::from_name(&cli.backend)?.device()?) };
    match &cli.command {
        Command::Synth(args) => synth(args),
        Command::Tokenizer(args) => tokenizer(args),
        Command::Ctc(args) => {
            let config = config::read(&args.config, &args.overrides)?;
            finish(&ctc::train(config, &args.run, &args.out, &device()?)?)
        }
        Command::Text(args) => {
            let config = config::read(&args.config, &args.overrides)?;
            finish(&text::train(config, &args.run, &args.out, &device()?)?)
        }
        Command::Adapter(args) => {
            let config = config::read(&args.config, &args.overrides)?;
            finish(&adapter::train(config, &args.run, &args.out, &device()?)?)
        }
    }
}

/// 0 after a full run, 128 + signal after an orderly stop.
fn finish<M>(outcome: &Outcome<M>) -> anyhow::Result<ExitCode> {
    Ok(match outcome {
        Outcome::Finished { .. } => ExitCode::SUCCESS,
        Outcome::Interrupted { signal } => ExitCode::from(128 + *signal as u8),
    })
}

fn synth(args: &SynthArgs) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(args.count);
    bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {per_sec} left {eta_precise}")?);
    let made = corpus::make(&args.out, args.split, args.count, args.seed, !args.clean, &|done| {
        bar.set_position(done as u64);
    })?;
    bar.finish_with_message(format!("{made} utterances"));
    Ok(ExitCode::SUCCESS)
}

fn tokenizer(args: &TokenizerArgs) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create `{}`", args.out.display()))?;
    vocabulary::train(&args.out.join(slm_core::text::FILE_NAME), args.size, args.items, args.seed)?;
    Ok(ExitCode::SUCCESS)
}
