//! `slm-train validate`: every bad row is told with its place, and what the good ones have is summed up.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn validate(arguments: &[&Path], options: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_slm-train");
    Command::new(program).arg("validate").args(arguments).args(options).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn good_data_is_summed_up() {
    let manifest = repository().join("tests/audio/test/manifest.jsonl");
    let tiny = repository().join("weights/slm-tiny");
    let (llm, encoder) = (tiny.join("llm"), tiny.join("encoder"));
    let options = ["--llm", llm.to_str().unwrap(), "--encoder", encoder.to_str().unwrap(), "--json"];
    let output = validate(&[&manifest], &options);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let summary = &found["summary"];
    let lines = fs::read_to_string(&manifest).unwrap().lines().count();
    assert_eq!((summary["rows"].as_u64(), summary["bad"].as_u64()), (Some(lines as u64), Some(0)));
    let seconds = summary["seconds"].as_f64().unwrap();
    // 10 ms a frame.
    assert_eq!(summary["frames"].as_u64(), Some((100.0 * seconds).round() as u64));
    let (tokens, characters) = (summary["tokens"].as_u64().unwrap(), summary["characters"].as_u64().unwrap());
    assert!(tokens > lines as u64 && tokens < characters, "{summary}");
}

#[test]
fn bad_rows_are_told_with_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let audio = repository().join("tests/audio/test/wav/000010-9ff32614.wav");
    fs::copy(audio, dir.path().join("a.wav")).unwrap();
    let manifest = dir.path().join("rows.jsonl");
    let rows = concat!(
        r#"{"audio_filepath": "a.wav", "text": "one"}"#,
        "\n",
        r#"{"audio_filepath": "gone.wav", "text": "two"}"#,
        "\n{}\n",
        r#"{"audio_filepath": "a.wav", "text": "long", "duration": 60}"#,
        "\n",
    );
    fs::write(&manifest, rows).unwrap();
    let output = validate(&[&manifest], &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    let starts = [
        "rows.jsonl:2: audio file `gone.wav` is missing",
        "rows.jsonl:3: missing field `text`",
        "rows.jsonl:4: `duration` is 60, the file has",
    ];
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{told}");
    assert!(lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{told}");
    assert!(text(&output.stdout).contains("4, of which 3 cannot be used"), "{}", text(&output.stdout));

    let elsewhere = tempfile::tempdir().unwrap();
    let output = validate(&[&manifest], &["--data-root", elsewhere.path().to_str().unwrap()]);
    assert!(text(&output.stderr).contains("rows.jsonl:1: audio file `a.wav` is missing"));
    let output = validate(&[&dir.path().join("none.jsonl")], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
