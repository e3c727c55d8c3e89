//! `slm-train` killed in mid run goes on where it was and ends with the same weights; a polite signal saves
//! a checkpoint first.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{prepare, slm_train};

const STEPS: u64 = 40;

fn start(dir: &Path, name: &str) -> Child {
    slm_train()
        .args(["--backend", "flex", "text", "--config"])
        .arg(dir.join("text.toml"))
        .arg("--run")
        .arg(dir.join(format!("run-{name}")))
        .arg("--out")
        .arg(dir.join(format!("out-{name}")))
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_run_ends_with_the_weights_of_one_that_was_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    assert!(start(dir, "whole").wait().unwrap().success());

    let mut kills = 0;
    for attempt in 0_u64.. {
        let mut child = start(dir, "killed");
        // Longer each time, so that some kill falls into a save and the run gets to its end.
        thread::sleep(Duration::from_millis(60 + 90 * attempt));
        child.kill().unwrap();
        // The run may have come to its end just before the signal.
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "the run was over before it could be killed");
    for file in ["model.safetensors", "config.json", "tokenizer.json"] {
        let whole = fs::read(dir.join("out-whole").join(file)).unwrap();
        let killed = fs::read(dir.join("out-killed").join(file)).unwrap();
        assert!(whole == killed, "`{file}` differs after {kills} kills");
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_asked_to_stop_saves_a_checkpoint_and_says_so_by_its_code() {
    // Ctrl-C, and what a system sends before it ends.
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        check_stop(signal, code);
    }
}

#[cfg(unix)]
fn check_stop(signal: &str, code: i32) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    let mut child = slm_train()
        .args(["--backend", "flex", "text"])
        .args(["--set", "train.steps=1000000", "--set", "train.save_every=1000000"])
        .arg("--config")
        .arg(dir.join("text.toml"))
        .arg("--run")
        .arg(dir.join("run"))
        .arg("--out")
        .arg(dir.join("out"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = dir.join("run/metrics.jsonl");
    while !fs::read_to_string(&metrics).is_ok_and(|text| !text.is_empty()) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args(["-s", signal]).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "SIG{signal}: {told}");
    assert!(told.contains("checkpoint saved; the same command goes on from there"), "{told}");
    let checkpoints = fs::read_dir(dir.join("run"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("step-"))
        .count();
    assert_eq!(checkpoints, 1);
}

#[test]
fn settings_that_do_not_exist_are_named() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path(), STEPS);
    let output = Command::new(env!("CARGO_BIN_EXE_slm-train"))
        .args(["text", "--set", "train.learing_rate=1", "--config"])
        .arg(dir.path().join("text.toml"))
        .arg("--run")
        .arg(dir.path().join("run"))
        .arg("--out")
        .arg(dir.path().join("out"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("learing_rate"), "{stderr}");
}
