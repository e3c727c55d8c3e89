//! One file a verb. Those that answer say what they ask as a `Job`, which [`answer::answer`] does.

mod answer;
mod ask;
mod chat;
mod completions;
mod continue_speech;
mod devices;
mod doctor;
mod examine;
mod fetch;
#[cfg(all(test, feature = "flex"))]
pub(crate) mod harness;
mod info;
mod job;
mod man;
mod models;
#[cfg(all(test, feature = "flex"))]
mod pairs;
mod quantize;
mod run;
#[cfg(all(test, feature = "flex"))]
mod samples;
mod transcribe;
mod translate;
mod warmup;

use std::process::ExitCode;

use answer::answer;

use crate::args::{Cli, Command};
use crate::interrupt::Interrupt;
use crate::report::Stop;

/// Follows the command line.
pub(crate) fn execute(cli: &Cli, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    cli.check()?;
    match &cli.command {
        Command::Transcribe(args) => answer(&cli.model, &transcribe::job(args)?, interrupt),
        Command::Translate(args) => answer(&cli.model, &translate::job(args), interrupt),
        Command::Ask(args) => answer(&cli.model, &ask::job(args), interrupt),
        Command::Continue(args) => answer(&cli.model, &continue_speech::job(args), interrupt),
        Command::Run(args) => answer(&cli.model, &run::job(args), interrupt),
        Command::Chat(args) => chat::execute(&cli.model, args, interrupt),
        Command::Devices => devices::execute(),
        Command::Doctor(args) => match &args.dir {
            Some(dir) => examine::execute(&cli.model, dir, args.json, interrupt),
            None => doctor::execute(&cli.model, args.json, interrupt),
        },
        Command::Warmup => warmup::execute(&cli.model, interrupt),
        Command::Fetch(args) => fetch::execute(args),
        Command::Info(args) => info::execute(&cli.model, args, interrupt),
        Command::Quantize(args) => quantize::execute(&cli.model, args, interrupt),
        Command::Models(args) => models::execute(&cli.model, args, interrupt),
        Command::Completions(args) => completions::execute(args),
        Command::Man(args) => man::execute(args),
    }
}
