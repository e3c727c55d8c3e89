//! What is written and told, line by line, by the reference model.

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::harness::{self, Ended, recording};
use crate::commands::transcribe;
use crate::interrupt::Interrupt;

#[test]
fn what_is_done_needs_no_model() {
    let dir = tempfile::tempdir().unwrap();
    let (file, folder) = (recording("000000-16147b07.wav"), dir.path().to_str().unwrap());
    let line = ["slm-cli", "--bundle", "no/such/folder", "transcribe", "--format", "srt,json"];
    let line = [&line[..], &["--output-dir", folder, "--resume", &file]].concat();
    let answered = || {
        let cli = Cli::parse_from(&line);
        let Command::Transcribe(args) = &cli.command else { panic!("expected transcribe") };
        super::answer(&cli.model, &transcribe::job(args).unwrap(), &Interrupt::default()).ok()
    };
    std::fs::write(dir.path().join("000000-16147b07.srt"), "").unwrap();
    assert_eq!(answered(), None);
    std::fs::write(dir.path().join("000000-16147b07.json"), "").unwrap();
    assert_eq!(answered(), Some(ExitCode::SUCCESS));
}

#[test]
fn a_line_that_was_begun_is_ended_before_the_next_input() {
    let (first, second) = (recording("000000-16147b07.wav"), recording("000002-0e9c3d67.wav"));
    // Texts that were cut are failures under `--strict`, but their beginnings are written already.
    let line = ["transcribe", "--stream", "--strict", "--max-new-tokens", "3", &first, &second];
    let Ended::Answered { out, err, is_whole } = harness::run(&harness::model(), &line) else {
        panic!("it was refused");
    };
    assert!(!is_whole);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.ends_with('\n') && out.lines().all(|line| !line.is_empty()), "{out}");
    assert_eq!(err.matches("error: cannot answer `").count(), 2, "{err}");
    assert_eq!(err.matches("the text was cut at 3 tokens").count(), 2, "{err}");
}

#[test]
fn times_of_a_part_are_those_of_the_whole_also_where_they_come_early() {
    let (model, file) = (harness::model(), recording("000000-16147b07.wav"));
    let records = |form: &[&str]| -> Vec<serde_json::Value> {
        let line = [&["transcribe", "--start", "0.5"][..], form, &[&file]].concat();
        let Ended::Answered { out, .. } = harness::run(&model, &line) else { panic!("it was refused") };
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (early, whole) = (records(&["--format", "jsonl"]), records(&["--json"]));
    let segment = &whole[0]["segments"][0];
    assert!(segment["start"].as_f64().unwrap() >= 0.5, "{segment}");
    assert_eq!(
        (&early[0]["kind"], &early[0]["start"], &early[0]["end"], &early[0]["words"][0]["start"]),
        (&"segment".into(), &segment["start"], &segment["end"], &segment["words"][0]["start"]),
    );
}

#[test]
fn phrases_replace_nothing_that_was_heard_and_what_they_replace_is_told() {
    let model = harness::model();
    let run = |line: &[&str]| match harness::run(&model, line) {
        Ended::Answered { out, err, .. } => (out, err),
        Ended::Refused(error) => panic!("{error}"),
    };
    let (jam, freya) = (recording("000000-16147b07.wav"), recording("000009-b75a123a.wav"));
    let (out, err) = run(&["transcribe", "--phrase", "jama", &jam]);
    assert_eq!((out.trim_end(), err.as_str()), ("i forgot to buy jam at the market", ""));
    let (out, _) = run(&["transcribe", "--phrase", "vera", &freya]);
    assert_eq!(out.trim_end(), "good morning my name is freya");
    // As the user writes it; a name in letters that the labels lack is told once.
    let line = ["transcribe", "--phrase", "Fréya", "--phrase", "Фрея", &freya, &freya];
    let (out, err) = run(&line);
    assert_eq!(out.matches("good morning my name is Fréya").count(), 2, "{out}");
    let warning = "warning: phrase list: 1 phrase cannot be spelled by the model's labels: Фрея";
    assert_eq!((err.lines().next(), err.matches("warning: ").count()), (Some(warning), 1), "{err}");
    assert_eq!(err.matches("phrases found in the sound: Fréya").count(), 2, "{err}");
    let (out, _) = run(&["transcribe", "--json", "--phrase", "Fréya", &freya]);
    let record: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = record["text"].as_str().unwrap();
    assert!(text.ends_with("is Fréya"), "{record}");
    if let Some(one) = record["segments"][0]["respelled"].get(0) {
        assert_eq!(one["phrase"], "Fréya", "{record}");
        assert!(one["start"].as_f64() < one["end"].as_f64(), "{record}");
    }
}

#[test]
fn a_text_that_ran_into_its_limit_is_told_in_every_form() {
    let model = harness::model();
    let file = recording("000000-16147b07.wav");
    let file = file.as_str();
    for form in [
        &["--stream"][..],
        &["--timestamps", "segments"],
        &["--timestamps", "words"],
        &["--n-best", "2"],
        &["--json"],
        &[],
    ] {
        let line = [&["transcribe", "--max-new-tokens", "3"][..], form, &[file]].concat();
        let Ended::Answered { out, err, is_whole } = harness::run(&model, &line) else {
            panic!("{form:?} was refused");
        };
        assert!(is_whole && !out.is_empty(), "{form:?}: {err}");
        let warning = err.lines().next().unwrap_or_default();
        assert!(warning.starts_with("warning: `"), "{form:?}: {err}");
        assert!(warning.ends_with("s the text was cut at 3 tokens"), "{form:?}: {err}");
        if form == ["--json"] {
            let record: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert!(record["truncated"] == true && record["segments"][0]["truncated"] == true, "{record}");
            assert_eq!(record["warnings"][0]["kind"], "text_limit", "{record}");
        }
    }
    // A text that ends by itself is not told.
    let Ended::Answered { err, .. } = harness::run(&model, &["transcribe", file]) else {
        panic!("it was refused");
    };
    assert_eq!(err, "");
}
