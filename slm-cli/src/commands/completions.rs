//! `slm-cli completions SHELL`: what a shell needs to complete command lines.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::args::{Cli, CompletionsArgs};
use crate::report::Stop;

pub(super) fn execute(args: &CompletionsArgs) -> Result<ExitCode, Stop> {
    let mut out = io::stdout().lock();
    out.write_all(&script(args.shell))?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The script, which is made in memory as making it ends the program where it cannot be written.
fn script(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "slm-cli", &mut text);
    text
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_has_a_script_with_verbs_and_options() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(script(*shell)).unwrap();
            for word in ["transcribe", "recursive", "max-segment-s"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }
}
