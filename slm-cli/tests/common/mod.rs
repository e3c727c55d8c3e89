//! The built program, run as a user runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers outside of test functions")]
#![allow(dead_code, reason = "each test uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A committed recording with a long enough text, from the folder of the repository.
pub(crate) const FIRST: &str = "tests/audio/test/wav/000000-16147b07.wav";
/// Another one.
pub(crate) const SECOND: &str = "tests/audio/test/wav/000002-0e9c3d67.wav";

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program, in the repository, with kernels tuned as little as possible where there are any.
pub(crate) fn slm(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slm-cli"));
    command.current_dir(repository()).env("CUBECL_AUTOTUNE_LEVEL", "minimal").env_remove("RUST_BACKTRACE");
    command.args(args);
    command
}

pub(crate) fn run(args: &[&str]) -> Ran {
    slm(args).output().unwrap().into()
}

/// The same with `input` on standard input; fails where the program does not end.
pub(crate) fn run_with_input(args: &[&str], input: Vec<u8>) -> Ran {
    let mut child =
        slm(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read its input closes it: that is no fault of the test.
    let writer = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
    wait(&mut child, args);
    writer.join().unwrap();
    child.wait_with_output().unwrap().into()
}

/// Waits for the end, and ends a program that hangs. What it writes must fit into a pipe.
fn wait(child: &mut Child, args: &[&str]) {
    const PATIENCE: Duration = Duration::from_mins(2);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is written to stdout when all is well.
pub(crate) fn answer(args: &[&str]) -> String {
    let ran = run(args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.stdout
}

/// The same as a JSON record.
pub(crate) fn record(args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&answer(args)).unwrap()
}

/// Speech that the model knows nothing of, with what is said.
pub(crate) fn spoken(count: usize) -> Vec<(String, String)> {
    let folder = repository().join("tests/audio/test");
    fs::read_to_string(folder.join("manifest.jsonl"))
        .unwrap()
        .lines()
        .take(count)
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let path = folder.join(row["audio_filepath"].as_str().unwrap());
            (path.to_str().unwrap().to_owned(), row["text"].as_str().unwrap().to_owned())
        })
        .collect()
}
