//! A suite of recordings from its file to its reports, run in part.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use slm_train::eval::suite::Suite;

const SUITE: &str = r#"
bundle = "slm-tiny"
work = "work"
[[corpus]]
name = "test"
manifest = "test/manifest.jsonl"
[[corpus]]
name = "pairs"
recordings = { from = "test", count = 2, layout = { pairs = { gap = 0.5 } } }
[[corpus]]
name = "around"
recordings = { from = "test", count = 1, layout = { padded = { before = 1, after = 1, sound = "pink" } } }
[[run]]
corpus = "test"
tasks = ["all"]
[[run]]
corpus = "pairs"
tasks = ["recordings"]
limit = 1
[[run]]
corpus = "around"
tasks = ["recordings"]
"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap()
}

/// The suite in `dir`, with the committed model and utterances.
fn suite(dir: &Path) -> PathBuf {
    let path = dir.join("eval.toml");
    let root = repository().display().to_string();
    let text = SUITE
        .replace("\"slm-tiny\"", &format!("'{root}/weights/slm-tiny'"))
        .replace("\"test/manifest.jsonl\"", &format!("'{root}/tests/audio/test/manifest.jsonl'"));
    fs::write(&path, text).unwrap();
    path
}

fn eval(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slm-train")).arg("eval").args(arguments).output().unwrap()
}

#[test]
fn a_part_of_a_suite_compares_recordings_with_their_utterances() {
    let dir = tempfile::tempdir().unwrap();
    let path = suite(dir.path());
    let out = dir.path().join("report");
    let [suite, out_text] = [&path, &out].map(|path| path.to_str().unwrap());
    let output = eval(&["--suite", suite, "--only", "pairs", "--json", "--beam", "1", "--out", out_text]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["results"].as_array().unwrap().len(), 0);
    let all = report["recordings"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{report}");
    let pairs = &all[0];
    assert_eq!(
        (&pairs["manifest"], &pairs["recordings"], &pairs["utterances"]),
        (&"pairs".into(), &1.into(), &2.into())
    );
    let number = |key: &str| pairs[key].as_f64().unwrap();
    assert!((number("wer") - number("one_by_one_wer") - number("difference")).abs() < 1e-9, "{pairs}");
    assert!(number("one_by_one_wer") < 0.3, "{pairs}");
    assert!((0.0..=1.0 + 1e-6).contains(&number("accounted")) && number("real_time_factor") > 0.0, "{pairs}");
    assert!((pairs["by_sound"]["pause"]["seconds"].as_f64().unwrap() - 0.5).abs() < 1e-6, "{pairs}");
    let table = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(table.starts_with("| recordings | files |") && table.contains("\n| pairs | 1 |"), "{table}");
    let lines = fs::read_to_string(out.join("hypotheses.jsonl")).unwrap();
    let answer: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!(answer["task"], "recordings");
    assert!(!answer["one_by_one"].as_str().unwrap().is_empty());
    // What was not asked for was not made.
    assert!(
        dir.path().join("work/pairs/manifest.jsonl").exists() && !dir.path().join("work/around").exists()
    );

    // What was made is a manifest like any other.
    let manifest = dir.path().join("work/pairs/manifest.jsonl");
    let bundle = repository().join("weights/slm-tiny");
    let [bundle, manifest] = [&bundle, &manifest].map(|path| path.to_str().unwrap());
    let output = eval(&[
        "--bundle",
        bundle,
        "--manifest",
        manifest,
        "--task",
        "recordings",
        "--json",
        "--beam",
        "1",
        "--limit",
        "1",
    ]);
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["wer", "one_by_one_wer", "errors", "accounted"] {
        assert_eq!(again[key], pairs[key], "{key}");
    }
}

#[test]
fn what_a_suite_does_not_have_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = suite(dir.path());
    let output = eval(&["--suite", path.to_str().unwrap(), "--only", "trios"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("named `trios`; it has around, ask,"), "{stderr}");
    let root = repository();
    let [bundle, manifest] = [root.join("weights/slm-tiny"), root.join("tests/audio/test/manifest.jsonl")]
        .map(|path| path.display().to_string());
    let output = eval(&["--bundle", &bundle, "--manifest", &manifest, "--task", "recordings"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("12 of 12 rows have no `utterances`"), "{stderr}");
}

/// The committed suite is one that can be read, and its parts have their names.
#[test]
fn the_suite_of_the_reference_model_has_recordings() {
    let mut suite = Suite::read(&repository().join("weights/slm-tiny/eval.toml")).unwrap();
    suite.keep_only(&["recordings".to_owned()]).unwrap();
    assert_eq!(suite.runs.len(), 10);
}
