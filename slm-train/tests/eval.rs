//! An evaluation loses nothing to a row that fails: the others are scored, and the failure is told and counted.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::prelude::*;
use serde_json::{Value, json};
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

/// What the program says about a manifest and the committed bundle.
fn eval(manifest: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slm-train"))
        .args(["eval", "--json", "--bundle"])
        .arg(bundle())
        .arg("--manifest")
        .arg(manifest)
        .args(options)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write_lines(path: &Path, rows: &[Value]) {
    fs::write(path, rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")).unwrap();
}

fn read_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that of a manifest with one good recording the files `bad` fail alone.
fn only_fail(manifest: &Path, bad: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let hypotheses = dir.path().join("hypotheses.jsonl");
    let output = eval(manifest, &["--task", "transcribe", "--hypotheses", hypotheses.to_str().unwrap()]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let is_told = |name: &&&str| {
        told.lines().any(|line| line.starts_with("error: cannot read audio `") && line.contains(**name))
    };
    assert_eq!(bad.iter().filter(is_told).count(), bad.len(), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["cases"], &report["failed"]), (&1.into(), &bad.len().into()), "{report}");
    assert!(report["speech_score"].as_f64().unwrap() > 0.5, "{report}");
    assert!(report["audio_seconds"].as_f64().unwrap() > 1.0, "{report}");
    let answers = read_lines(&hypotheses);
    let failed = answers.iter().filter(|answer| answer["error"].is_string()).count();
    assert_eq!((answers.len(), failed), (bad.len() + 1, bad.len()), "{answers:?}");
}

#[test]
fn files_that_are_missing_or_no_audio_fail_alone_whatever_their_rows_state() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = recording(dir).text;
    fs::write(dir.join("b.wav"), "no audio").unwrap();
    let rows = [
        json!({"audio_filepath": "gone.wav", "duration": 0.5, "text": "hello"}),
        json!({"audio_filepath": "lost.wav", "text": "hello"}),
        json!({"audio_filepath": "a.wav", "text": text}),
    ];
    write_lines(&dir.join("rows.jsonl"), &rows);
    only_fail(&dir.join("rows.jsonl"), &["gone.wav", "lost.wav"]);

    // Tables and folders state no durations.
    let table = format!("client_id\tpath\tsentence\nx\tb.wav\thello\ny\ta.wav\t{text}\n");
    fs::write(dir.join("rows.tsv"), table).unwrap();
    only_fail(&dir.join("rows.tsv"), &["b.wav"]);
    let chapter = dir.join("corpus/1/2");
    fs::create_dir_all(&chapter).unwrap();
    fs::copy(dir.join("a.wav"), chapter.join("1-2-0001.wav")).unwrap();
    fs::write(chapter.join("1-2-0000.flac"), "no audio").unwrap();
    fs::write(chapter.join("1-2.trans.txt"), format!("1-2-0000 hello\n1-2-0001 {text}\n")).unwrap();
    only_fail(&dir.join("corpus"), &["1-2-0000.flac"]);
}

#[test]
fn a_recording_of_several_utterances_fails_alone_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let Utterance { text, duration, .. } = recording(dir);
    let row = |path: &str| {
        let spoken = json!([{"start": 0.0, "end": duration, "text": text}]);
        json!({"audio_filepath": path, "text": text, "utterances": spoken})
    };
    let manifest = dir.join("rows.jsonl");
    write_lines(&manifest, &[row("gone.wav"), row("a.wav")]);
    let output = eval(&manifest, &["--task", "recordings"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("gone.wav"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["recordings"], &report["failed"]), (&1.into(), &1.into()), "{report}");
    assert!((report["audio_seconds"].as_f64().unwrap() - duration).abs() < 0.1, "{report}");
}

#[test]
fn audio_lies_below_the_data_root() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let root = dir.join("audio");
    fs::create_dir(&root).unwrap();
    let text = recording(&root).text;
    let manifest = dir.join("rows.jsonl");
    let options = ["--task", "transcribe", "--data-root", root.to_str().unwrap()];
    write_lines(&manifest, &[json!({"audio_filepath": "a.wav", "text": text})]);
    let output = eval(&manifest, &options);
    assert!(output.status.success(), "{}", stderr(&output));
    write_lines(&manifest, &[json!({"audio_filepath": "../rows.jsonl", "text": text})]);
    let output = eval(&manifest, &options);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("leaves the data root"), "{}", stderr(&output));
}

const TASKS: &str = r#"
[[task]]
name = "say.{target_language}"
target = "translation"
phrasings = [": translate to {target_language}", ": in {target_language}"]

[[task]]
name = "translate.{target_language}"
target = "translation"
phrasings = [": translate to {target_language}"]

[[task]]
name = "heard"
target = "text"
phrasings = [": repeat the text"]

[[task]]
name = "where"
target = "spot"
metric = "exact-match"
phrasings = [": which {detail} is mentioned"]

[[task]]
name = "about"
target = "answer"
unfit = "skip"
phrasings = [": {question}"]
"#;

#[test]
fn tasks_of_a_file_are_asked_of_a_bundle_that_does_not_know_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let good = recording(dir);
    let row = json!({
        "audio_filepath": "a.wav", "text": good.text, "lang": "en", "target_lang": "de",
        "translation": good.german, "spot": "market", "detail": "place",
    });
    let (manifest, tasks, hypotheses) =
        (dir.join("rows.jsonl"), dir.join("tasks.toml"), dir.join("hypotheses.jsonl"));
    write_lines(&manifest, &[row]);
    fs::write(&tasks, TASKS).unwrap();
    let of_file = ["--tasks", tasks.to_str().unwrap(), "--hypotheses", hypotheses.to_str().unwrap()];
    let output = eval(&manifest, &of_file);
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("task `about` leaves out: 1 (no `answer`)"), "{told}");
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let [say, translate, heard, place] = reports.as_slice() else { panic!("{reports:?}") };
    for (report, name, metric) in [
        (say, "say.german", "chrf"),
        (translate, "translate.german", "chrf"),
        (heard, "heard", "word_accuracy"),
        (place, "where", "exact_match"),
    ] {
        assert_eq!((&report["task"], &report["metric"]), (&name.into(), &metric.into()));
        assert_eq!(report["cases"], 1, "{report}");
    }
    // Known by its name or not, what is asked in the same words has the same answer.
    let answers = read_lines(&hypotheses);
    assert_eq!(answers[0]["reference"], json!(good.german));
    assert_eq!(answers[0]["text"], answers[1]["text"]);
    assert_eq!((&say["trained"], &translate["trained"]), (&false.into(), &true.into()));
    assert!(say["text_score"].as_f64().unwrap() > 30.0 && say["bleu"].is_number(), "{say}");
    assert!(heard["speech_score"].as_f64().unwrap() > 0.5 && heard["wer"].is_number(), "{heard}");
    assert!(place["f1"].is_number(), "{place}");

    let output = eval(&manifest, &["--tasks", tasks.to_str().unwrap(), "--task", "translate.german"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["task"], "translate.german");
    let output = eval(&manifest, &["--tasks", tasks.to_str().unwrap(), "--task", "sing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("there is no task `sing`; there are about, heard,"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_list_of_phrases_may_come_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let row = recording(dir);
    assert!(row.text.contains("jam"));
    let (manifest, names) = (dir.join("rows.jsonl"), dir.join("names.txt"));
    write_lines(&manifest, &[json!({"audio_filepath": "a.wav", "text": row.text})]);
    fs::write(&names, "jam\nanna\nottokar\n").unwrap();
    let options = ["--task", "transcribe", "--phrases-file", names.to_str().unwrap()];
    let output = eval(&manifest, &options);
    assert!(output.status.success(), "{}", stderr(&output));
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let [alone, listed] = reports.as_slice() else { panic!("{reports:?}") };
    assert!(alone.get("biased_wer").is_none() && alone.get("context").is_none(), "{alone}");
    assert_eq!((&listed["task"], &listed["context"]["phrases"]), (&"transcribe+names.txt".into(), &3.into()));
    assert!(listed["biased_wer"] == 0.0 && listed["biased_recall"] == 1.0, "{listed}");
    assert!(listed["unbiased_wer"].is_number(), "{listed}");
    fs::write(&names, "\n").unwrap();
    let output = eval(&manifest, &options);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the file has none"), "{}", stderr(&output));
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
