//! How long a cancel takes while the reference model loads, encodes and decodes. Fails where one takes [`LONGEST`] or more.
//!
//! ```console
//! $ cargo run --release -p slm-tests --example cancel_times -- weights/slm-tiny tests/audio/test/wav
//! ```

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that measures")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use slm_core::{Backend, BackendChoice, CancelToken, Model, OpenOptions, Task, audio};

/// Cancels at so many moments of each kind of work.
const MOMENTS: u32 = 12;
/// A cancel is to take less.
const LONGEST: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (path, dir) = (args.next().expect("MODEL"), args.next().expect("DIR"));
    let options = || OpenOptions::new().backend(BackendChoice::Named(Backend::Flex)).cache_bytes(0);
    let model = Model::open(&path, &options()).expect("model");
    let sounds = std::fs::read_dir(dir).expect("DIR").map(|entry| entry.expect("entry").path());
    let joined: Vec<f32> = sounds.flat_map(|path| audio::read(&path).expect("audio").samples).collect();
    let speech =
        |seconds: usize| -> Vec<f32> { joined.iter().copied().cycle().take(seconds * 16_000).collect() };

    let started = Instant::now();
    Model::open(&path, &options()).expect("model");
    let load = started.elapsed();
    let worst = (0..MOMENTS).map(|moment| {
        let token = CancelToken::default();
        let canceller = token.clone();
        let delay = load * moment / MOMENTS;
        let asked = thread::spawn(move || {
            sleep(delay);
            canceller.cancel();
            Instant::now()
        });
        let _ = Model::open(&path, &options().cancel(token));
        let ended = Instant::now();
        ended.saturating_duration_since(asked.join().expect("thread"))
    });
    let mut are_short = report("load", load, worst);

    for (name, task, seconds) in [
        ("transcribing 240 s", Task::Transcribe, 240),
        ("a question about 250 s", Task::Ask { question: "who is mentioned".into() }, 250),
    ] {
        let samples = speech(seconds);
        let started = Instant::now();
        let _ = model.answer(&samples, &model.request(task.clone()));
        let whole = started.elapsed();
        let worst = (0..MOMENTS).map(|moment| {
            let session = model.session(model.request(task.clone())).expect("session");
            let canceller = session.canceller();
            let delay = whole * moment / MOMENTS;
            let asked = thread::spawn(move || {
                sleep(delay);
                canceller.cancel();
                Instant::now()
            });
            let _ = session.push(&samples);
            let _ = session.wait();
            let ended = Instant::now();
            ended.saturating_duration_since(asked.join().expect("thread"))
        });
        are_short &= report(name, whole, worst);
    }
    if are_short { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what cancels of a kind of work took; whether all were short.
fn report(name: &str, whole: Duration, times: impl Iterator<Item = Duration>) -> bool {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{name}: takes {:.2} s; cancelled within {median:.3} s (median), {worst:.3} s (worst)",
        whole.as_secs_f64()
    );
    worst < LONGEST.as_secs_f64()
}
