//! The verbs around a run: an estimate before it, learning by heart, means of checkpoints, comparison and report after it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use common::{prepare, slm_train};

const STEPS: u64 = 12;

fn output(dir: &Path, arguments: &[&str]) -> Output {
    slm_train()
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .args(["--backend", "flex"])
        .args(arguments)
        .output()
        .unwrap()
}

fn stdout(dir: &Path, arguments: &[&str]) -> String {
    let output = output(dir, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_is_estimated_made_averaged_compared_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    let text = |run: &str, more: &[&str]| {
        let base = ["text", "--config", "text.toml", "--run", run, "--out", "out"];
        stdout(dir, &[&base, more].concat())
    };
    let estimate = text("run-a", &["--dry-run"]);
    for part in
        ["trained parameters", "frozen parameters    0\n", "steps                12 ", "seconds a step"]
    {
        assert!(estimate.contains(part), "{part}: {estimate}");
    }
    assert!(!dir.join("run-a").exists());

    let judge = ["--set", "train.judge={metric=\"loss\", keep=2}", "--set", "train.eval_every=3"];
    text("run-a", &judge);
    text("run-b", &["--overfit", "2", "--set", "train.learning_rate=0.01"]);

    let average = |arguments: &[&str]| output(dir, &[&["average", "run-a", "--out"], arguments].concat());
    for (out, kind) in [("last", "--last"), ("best", "--best")] {
        let made = average(&[out, kind, "2"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let weights = |out: &str| fs::read(dir.join(out).join("model.safetensors")).unwrap();
    assert!(weights("last") != weights("best") || weights("last") != weights("out"));
    let refused = average(&["nine", "--best", "9"]);
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("must be 1 to 2 (`judge.keep`)"), "{stderr}");

    let comparison: Value =
        serde_json::from_str(&stdout(dir, &["compare", "--json", "run-a", "run-b"])).unwrap();
    assert_eq!(comparison["settings"]["train.overfit"], serde_json::json!(["", "2"]));
    assert_eq!(comparison["settings"]["train.judge.metric"], serde_json::json!(["loss", ""]));
    assert!(comparison["settings"].get("train.steps").is_none());
    let table = stdout(dir, &["compare", "run-a", "run-b"]);
    assert!(table.starts_with("| | run-a | run-b |") && table.contains("| steps | 12 | 12 |"), "{table}");

    fs::remove_file(dir.join("run-a/report.html")).unwrap();
    stdout(dir, &["report", "run-a"]);
    let page = fs::read_to_string(dir.join("run-a/report.html")).unwrap();
    assert!(page.contains("run-a: text") && page.contains("held out: loss"), "{page}");
}
