//! One file a verb; those that answer share [`answer`].

mod answer;
mod ask;
mod chat;
mod continue_speech;
mod devices;
mod doctor;
mod fetch;
mod info;
mod run;
mod transcribe;
mod translate;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::report::Stop;

/// Follows the command line.
pub(crate) fn execute(cli: &Cli) -> Result<ExitCode, Stop> {
    match &cli.command {
        Command::Transcribe(args) => transcribe::execute(&cli.model, args),
        Command::Translate(args) => translate::execute(&cli.model, args),
        Command::Ask(args) => ask::execute(&cli.model, args),
        Command::Continue(args) => continue_speech::execute(&cli.model, args),
        Command::Chat(args) => chat::execute(&cli.model, args),
        Command::Run(args) => run::execute(&cli.model, args),
        Command::Devices => devices::execute(),
        Command::Doctor(args) => doctor::execute(&cli.model, args),
        Command::Fetch(args) => fetch::execute(args),
        Command::Info(args) => info::execute(&cli.model, args),
    }
}
