//! An evaluation loses nothing to a row that fails: the others are scored, and the failure is told and counted.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::prelude::*;
use serde_json::Value;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::speech::SpeechModel;
use slm_train::data::manifest::{self, QuestionAnswer, Utterance};
use slm_train::eval::hypotheses::Hypothesis;
use slm_train::eval::normalise::Normaliser;
use slm_train::eval::report::{self, EvalRun, evaluate};
use slm_train::eval::tasks::EvalTask;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn bundle() -> PathBuf {
    repository().join("weights/slm-tiny")
}

/// The first committed recording, copied into `dir`.
fn recording(dir: &Path) -> Utterance {
    let rows = manifest::read(repository().join("tests/audio/test/manifest.jsonl")).unwrap();
    let mut row = rows.into_iter().next().unwrap();
    let path = dir.join("a.wav");
    fs::copy(&row.audio_filepath, &path).unwrap();
    row.audio_filepath = path;
    row
}

#[test]
fn a_recording_that_cannot_be_read_is_one_failed_row() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let good = recording(dir);
    // Shorter than the good one, so that it comes first.
    let bad = Utterance {
        audio_filepath: dir.join("b.wav"),
        duration: 0.5,
        text: "hello".into(),
        ..Utterance::default()
    };
    fs::write(&bad.audio_filepath, "no audio").unwrap();
    manifest::write(dir.join("manifest.jsonl"), &[bad, good]).unwrap();
    let out = dir.join("report");
    let output = Command::new(env!("CARGO_BIN_EXE_slm-train"))
        .args(["eval", "--task", "transcribe", "--json", "--bundle"])
        .arg(bundle())
        .arg("--manifest")
        .arg(dir.join("manifest.jsonl"))
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: cannot read audio `") && stderr.contains("b.wav"), "{stderr}");

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cases"], 1);
    assert_eq!(report["failed"], 1);
    assert!(report["speech_score"].as_f64().unwrap() > 0.5, "{report}");
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(out.join("report.json")).unwrap()).unwrap(), report);
    let table = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(table.contains("1 of 2 cases of `transcribe`"), "{table}");

    let lines = fs::read_to_string(out.join("hypotheses.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["error"].as_str().unwrap().contains("b.wav"), "{lines:?}");
    assert!(lines[1].get("error").is_none());
    assert!(!lines[1]["speech"].as_str().unwrap().is_empty());
}

#[test]
fn texts_are_compared_as_asked_and_lists_have_scores_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let row = Utterance { names: vec!["jam".into()], ..recording(dir) };
    assert!(row.text.contains("jam"));
    manifest::write(dir.join("manifest.jsonl"), &[row]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_slm-train"))
        .args([
            "eval",
            "--task",
            "transcribe",
            "--json",
            "--normaliser",
            "whisper-english",
            "--phrases",
            "100",
        ])
        .arg("--bundle")
        .arg(bundle())
        .arg("--manifest")
        .arg(dir.join("manifest.jsonl"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let [alone, listed] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!((&alone["task"], &alone["normaliser"]), (&"transcribe".into(), &"whisper-english".into()));
    assert_eq!(
        (&listed["task"], &listed["context"]["phrases"]),
        (&"transcribe+100-names".into(), &100.into())
    );
    for report in [alone, listed] {
        assert_eq!(report["biased_wer"], 0.0);
        assert!(report["unbiased_wer"].is_number() && report["biased_recall"] == 1.0, "{report}");
    }
}

fn model() -> SpeechModel {
    SpeechModel::load(&Bundle::open(&bundle()).unwrap(), &Device::flex()).unwrap()
}

#[test]
fn a_question_that_is_too_long_fails_alone_and_answers_come_as_they_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut row = recording(dir.path());
    let pair = |question: String| QuestionAnswer { question, answer: "yes".into() };
    row.questions = (0..17).map(|_| pair("who is it".into())).collect();
    row.questions.insert(3, pair("who ".repeat(600)));
    let rows = [row];
    let model = model();
    let run = EvalRun {
        task: EvalTask::Ask,
        context: None,
        manifest: "one".into(),
        trained: false,
        normaliser: Normaliser::Basic,
    };
    let request = report::request(&model, &rows, &run, Some(1)).unwrap();

    let mut batches = Vec::new();
    let mut on_answers = |answers: &[Hypothesis]| batches.push(answers.len());
    let (report, hypotheses) = evaluate(&model, &rows, &run, &request, &mut on_answers).unwrap();
    assert_eq!(batches, [16, 2]);
    assert_eq!((report.cases, report.failed), (17, 1));
    assert_eq!(hypotheses.len(), 18);
    for (index, answer) in hypotheses.iter().enumerate() {
        assert_eq!(answer.error.is_some(), index == 3, "{answer:?}");
    }
    let error = hypotheses[3].error.as_ref().unwrap();
    assert!(error.contains("a.wav") && error.contains("tokens"), "{error}");
    // The same question has the same answer, with whomever it is asked.
    assert!(hypotheses.iter().filter(|answer| answer.error.is_none()).all(|answer| *answer == hypotheses[0]));
}

#[test]
fn what_a_bundle_cannot_be_asked_is_told_before_the_first_answer() {
    let dir = tempfile::tempdir().unwrap();
    let mut row = recording(dir.path());
    row.fields.insert("flavour".into(), "vanilla".into());
    row.reply = None;
    let rows = [row];
    let model = model();
    let refused = |task: EvalTask, beams: Option<usize>| {
        let run = EvalRun {
            task,
            context: None,
            manifest: "one".into(),
            trained: false,
            normaliser: Normaliser::Basic,
        };
        format!("{:#}", report::request(&model, &rows, &run, beams).unwrap_err())
    };
    assert!(refused(EvalTask::Field, None).contains("field.flavour"));
    assert!(refused(EvalTask::Reply, None).contains("manifest `one` has no reference for task `reply`"));
    assert!(refused(EvalTask::Transcribe, Some(0)).contains("beam"));
}
