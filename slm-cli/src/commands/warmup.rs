//! `slm-cli warmup`: a backend's kernels are compiled, and tuned in a build that tunes, before anybody waits for them.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use slm_core::audio::SAMPLE_RATE;
use slm_core::{Error, Model, Request, Task, TokenLimit};

use crate::args::ModelArgs;
use crate::interrupt::Interrupt;
use crate::model;
use crate::report::Stop;

/// Seconds of the sounds that are answered, as kernels may differ with the length: these, as far as they are well below the
/// model's longest segment, and that.
const SECONDS: [f64; 3] = [1.5, 4.0, 10.0];
const WELL_BELOW: f64 = 0.7;
/// Tokens that are written of each.
const TOKENS: usize = 16;

pub(super) fn execute(args: &ModelArgs, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    let _held = interrupt.hold();
    let model = model::open(args, interrupt)?;
    let request = request(&model);
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}", model.backend().used.name(), model.backend().device)?;
    writeln!(out, "{:>9} {:>9} {:>9}", "audio, s", "first, s", "again, s")?;
    let longest = model.limits().segment_seconds;
    let shorter = SECONDS.into_iter().filter(|seconds| *seconds < WELL_BELOW * longest);
    for seconds in shorter.chain([longest]) {
        let first = answered(&model, &request, seconds, interrupt)?;
        let again = answered(&model, &request, seconds, interrupt)?;
        writeln!(out, "{seconds:>9.1} {first:>9.2} {again:>9.2}")?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked: some tokens about all of a sound, whatever it is.
fn request(model: &Model) -> Request {
    let mut request = model.request(Task::Transcribe);
    request.segmentation.finds_speech = false;
    request.token_limit = TokenLimit::AtMost(TOKENS);
    request
}

/// Seconds that the answer to so long a sound takes.
fn answered(model: &Model, request: &Request, seconds: f64, interrupt: &Interrupt) -> Result<f64, Error> {
    let samples = sound(seconds);
    let started = Instant::now();
    let session = model.session(request.clone())?;
    interrupt.ends(session.canceller());
    // Where it ended early, it says itself why.
    let _ = session.push(&samples);
    session.wait().map_err(|failure| failure.error)?;
    Ok(started.elapsed().as_secs_f64())
}

/// A tone that is loud and soft in turn, so that no part of it counts as silence for long.
fn sound(seconds: f64) -> Vec<f32> {
    let count = (seconds * f64::from(SAMPLE_RATE)) as usize;
    let at = |n: usize| n as f32 / SAMPLE_RATE as f32;
    (0..count).map(|n| 0.3 * (1_500.0 * at(n)).sin() * (12.0 * at(n)).sin()).collect()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::commands::harness;

    #[test]
    fn every_length_is_answered() {
        let model = harness::model();
        let request = request(&model);
        assert!(answered(&model, &request, SECONDS[0], &Interrupt::default()).unwrap() > 0.0);
        assert_eq!(sound(1.5).len(), 24_000);
    }
}
