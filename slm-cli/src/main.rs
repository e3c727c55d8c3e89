//! `slm-cli`: transcribe, translate and ask questions of speech with an SLM bundle.
//!
//! Results go to stdout, all else to stderr. Exit codes: 0 all done, 1 an input failed, 2 could not
//! start, 130 Ctrl-C, 143 asked to end, 101 a bug.

mod args;
mod capable;
mod colour;
mod commands;
mod console;
mod disk;
mod embedded;
mod fetch;
mod input;
mod interrupt;
mod model;
mod offset;
mod preparation;
mod progress;
mod published;
mod quiet;
mod report;
mod scratch;
mod session;
mod typed;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use interrupt::Interrupt;
use report::Stop;

fn main() -> ExitCode {
    slm_core::keep_freed_memory();
    quiet::without_display();
    let cli = Cli::parse();
    // Panics are reported where they are caught, as the failure of an input or of the whole run.
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        panic::set_hook(Box::new(|_| {}));
    }
    // Where signals cannot be taken they end the program at once, as they do by themselves.
    let interrupt = Interrupt::listen().unwrap_or_default();
    let ended = panic::catch_unwind(AssertUnwindSafe(|| commands::execute(&cli, &interrupt)));
    match (ended, interrupt.exit_code()) {
        // It was asked to end, and what failed to start meanwhile was stopped by that.
        (Ok(Ok(_) | Err(Stop::Start(_))), Some(code)) => ExitCode::from(code),
        (Ok(Ok(code)), None) => code,
        (Ok(Err(Stop::Output(error))), _) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        (Ok(Err(Stop::Output(error))), _) => {
            report::to_stderr(&format!("error: cannot write the output\n  caused by: {error}"));
            ExitCode::from(1)
        }
        (Ok(Err(Stop::Start(error))), None) => {
            report::to_stderr(&report::render(&*error));
            ExitCode::from(2)
        }
        (Err(payload), _) => {
            let message = report::panic_message(&*payload);
            report::to_stderr(&format!(
                "error: internal error: {message}\nhint: this is a bug in slm-cli, please report it"
            ));
            ExitCode::from(101)
        }
    }
}
