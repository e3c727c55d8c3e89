//! `slm-cli quantize DIR`: a model stored with its large matrices in few bits.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use slm_core::{ComputeType, Error, Model, QuantizedPart};

use crate::args::{ModelArgs, QuantizeArgs, UsageError};
use crate::disk;
use crate::interrupt::Interrupt;
use crate::report::{self, Stop, to_stderr};

/// Matrices that a warning names at most.
const MOST_NAMED: usize = 20;

/// No room for the model.
#[derive(Debug, thiserror::Error)]
#[error("cannot write model `{out}`: no space left on device (need {} MB, {} MB free)", needed / 1_000_000, free / 1_000_000)]
struct NoRoom {
    out: String,
    needed: u64,
    free: u64,
}

pub(super) fn execute(
    model: &ModelArgs,
    args: &QuantizeArgs,
    interrupt: &Interrupt,
) -> Result<ExitCode, Stop> {
    let compute = model.dtype.ok_or_else(no_type)?;
    let _held = interrupt.hold();
    let quantization = Model::quantization(&args.dir, compute)?;
    quantization.check(&args.out)?;
    let needed = quantization.bytes();
    if let Some(free) = disk::free(&args.out).filter(|free| *free < needed) {
        return Ok(failed(&NoRoom { out: args.out.display().to_string(), needed, free }));
    }
    let (bar, token) = (bar(needed), interrupt.token());
    let written = quantization.write(&args.out, |progress| {
        bar.set_position(progress.done);
        if token.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    match written {
        Ok(()) => {}
        // The exit code is that of the signal.
        Err(error @ Error::Cancelled) => return Err(error.into()),
        Err(error) => return Ok(failed(&error)),
    }
    to_stderr(&summary(&quantization.parts(), needed, compute, &args.out));
    Ok(ExitCode::SUCCESS)
}

fn no_type() -> UsageError {
    let message = "`slm-cli quantize` needs `--dtype`".to_owned();
    UsageError { message, hint: Some("types are q8_0 (int8), q4_k and q4_0".to_owned()) }
}

/// A failure on the way, which leaves nothing.
fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    to_stderr(&report::render(error));
    ExitCode::from(1)
}

fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("writing {bar:24} {bytes}/{total_bytes} left {eta_precise}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What was written, and what stayed as it was.
fn summary(parts: &[QuantizedPart], bytes: u64, compute: ComputeType, out: &Path) -> String {
    let mut lines = Vec::new();
    for part in parts.iter().filter(|part| !part.left.is_empty()) {
        let named: Vec<String> =
            part.left.iter().take(MOST_NAMED).map(|name| format!("\n  `{name}`")).collect();
        let more = part.left.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!("\n  .. and {more} more") } else { String::new() };
        let (count, names) = (part.left.len(), named.join(""));
        lines.push(format!(
            "warning: {}: {count} matrices stay as they are, as their rows are no whole blocks:{names}{more}",
            part.name
        ));
    }
    for part in parts {
        let told = |(kind, count): &(&str, usize)| {
            format!("{count} {} in {kind}", if *count == 1 { "matrix" } else { "matrices" })
        };
        let counts: Vec<String> = part.matrices.iter().map(told).collect();
        let counts = if counts.is_empty() { "copied as it is".to_owned() } else { counts.join(", ") };
        lines.push(format!("{}: {counts}", part.name));
    }
    let out = out.display();
    lines.push(format!("{:.1} MB in {}, in `{out}`", bytes as f64 / 1e6, compute.name()));
    lines.push(format!(
        "hint: `slm-cli info {out}` describes it; it is used as it is stored where `--dtype` says nothing"
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_says_how_much_it_needs() {
        let error = NoRoom { out: "x".to_owned(), needed: 412_000_000, free: 90_000_000 };
        let expected = "cannot write model `x`: no space left on device (need 412 MB, 90 MB free)";
        assert_eq!(error.to_string(), expected);
    }
}
