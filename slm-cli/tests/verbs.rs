//! What can be asked of speech, and how answers are shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn slm(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slm-cli"));
    command.current_dir(repository()).env_remove("RUST_BACKTRACE").args(args);
    command
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Exit code, stdout, stderr.
fn told(output: Output) -> (i32, String, String) {
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn run(args: &[&str]) -> (i32, String, String) {
    told(slm(args).output().unwrap())
}

/// What is written to stdout when all is well.
fn answer(args: &[&str]) -> String {
    let (code, stdout, stderr) = run(args);
    assert_eq!(code, 0, "{args:?}: {stderr}");
    stdout
}

fn record(args: &[&str]) -> Value {
    serde_json::from_str(&answer(args)).unwrap()
}

const FIRST: &str = "tests/audio/test/wav/000000-16147b07.wav";

#[test]
fn the_speaker_is_continued() {
    let said = answer(&["transcribe", FIRST]);
    let next = answer(&["continue", FIRST]);
    assert!(!next.trim().is_empty() && next != said);
    assert_eq!(next, answer(&["transcribe", "--task", "continue", FIRST]));
}

#[test]
fn a_stream_is_the_text() {
    for verb in [&["transcribe"][..], &["translate", "--to", "german"], &["continue"]] {
        let plain = answer(&[verb, &[FIRST]].concat());
        assert_eq!(answer(&[verb, &["--stream", FIRST]].concat()), plain);
        assert_eq!(
            answer(&[verb, &["--stream", "--beam", "1", FIRST]].concat()),
            answer(&[verb, &["--beam", "1", FIRST]].concat())
        );
    }
}

#[test]
fn a_record_has_times_and_support() {
    let record = record(&["transcribe", "--json", FIRST]);
    let [segment] = record["segments"].as_array().unwrap().as_slice() else { panic!("{record}") };
    assert_eq!(segment["text"], record["text"]);
    assert!(record["agreement"].as_f64().unwrap() > 0.0 && segment["suspect"] == false, "{record}");
    let words = segment["words"].as_array().unwrap();
    let texts: Vec<&str> = words.iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(texts.join(" "), record["text"].as_str().unwrap());
    let mut last = 0.0;
    for word in words {
        let [start, end] = ["start", "end"].map(|key| word[key].as_f64().unwrap());
        assert!(
            last <= end && start < end && end <= record["duration"].as_f64().unwrap() + 0.05,
            "{words:?}"
        );
        last = start;
    }
    // Answers that are not transcripts have the times of segments only.
    let other = self::record(&["translate", "--to", "german", "--json", FIRST]);
    assert_eq!(other["segments"][0]["end"], other["duration"]);
    assert!(other["segments"][0].get("words").is_none() && other.get("agreement").is_none());
}

#[test]
fn timestamps_are_a_line_each() {
    let segments = answer(&["transcribe", "--timestamps", "segments", FIRST]);
    let words = answer(&["transcribe", "--timestamps", "words", FIRST]);
    let said = answer(&["transcribe", FIRST]);
    assert_eq!(segments.lines().count(), 1);
    assert_eq!(segments.trim().split('\t').nth(2), Some(said.trim()));
    let texts: Vec<&str> = words.lines().map(|line| line.split('\t').nth(2).unwrap()).collect();
    assert_eq!(texts.join(" "), said.trim());
}

#[test]
fn several_texts_have_scores() {
    let lines = answer(&["transcribe", "--n-best", "3", FIRST]);
    let lines: Vec<(f64, &str)> = lines
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(score, text)| (score.parse().unwrap(), text))
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.windows(2).all(|pair| pair[0].0 >= pair[1].0 && pair[0].1 != pair[1].1), "{lines:?}");
    let record = record(&["transcribe", "--n-best", "3", "--json", FIRST]);
    assert_eq!(record["alternatives"].as_array().unwrap().len(), 2);
    let drawn = |seed| answer(&["continue", "--temperature", "1.5", "--seed", seed, FIRST]);
    assert_eq!(drawn("1"), drawn("1"));
    assert_eq!(run(&["transcribe", "--temperature", "0", FIRST]).0, 2);
}

#[test]
fn a_stop_ends_the_text_before_it() {
    let said = answer(&["transcribe", FIRST]);
    let words: Vec<&str> = said.split_whitespace().collect();
    let short = answer(&["transcribe", "--stop", words[3], FIRST]);
    assert_eq!(short.split_whitespace().collect::<Vec<_>>(), words[..3]);
    assert_eq!(answer(&["transcribe", "--stop", words[3], "--stream", FIRST]).trim(), short.trim());
    assert_eq!(
        answer(&["transcribe", "--max-new-tokens", "2", FIRST]).split_whitespace().next(),
        Some(words[0])
    );
}

#[test]
fn phrases_are_found_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names.txt");
    let said = answer(&["transcribe", FIRST]);
    let words: Vec<&str> = said.split_whitespace().collect();
    // The longest word was said, the others were not.
    let word = words.iter().max_by_key(|word| word.len()).unwrap();
    let mut list: Vec<String> = (0..10_000).map(|i| format!("zyx{i} qqwv{i}")).collect();
    list.insert(5_000, (*word).to_owned());
    fs::write(&path, list.join("\r\n")).unwrap();
    let path = path.to_str().unwrap();
    let record = record(&["transcribe", "--context", path, "--phrase", "nobody", "--json", FIRST]);
    let found = record["segments"][0]["phrases"].as_array().unwrap();
    assert!(found.iter().any(|phrase| phrase == word), "{record}");
    assert!(record["text"].as_str().unwrap().contains(word), "{record}");
    let (code, _, stderr) = run(&["transcribe", "--context", "no-such-file.txt", FIRST]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: cannot read context `no-such-file.txt`"), "{stderr}");
    fs::write(path, b"a\n\xff\n").unwrap();
    let (code, _, stderr) = run(&["transcribe", "--context", path, FIRST]);
    assert!(code == 2 && stderr.contains("line 2 is not UTF-8"), "{stderr}");
}

#[test]
fn templates_can_be_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("templates.json");
    let path_text = path.to_str().unwrap();
    fs::write(&path, r#"{"transcribe": ["{speech} : translate to german"]}"#).unwrap();
    let german = answer(&["translate", "--to", "german", FIRST]);
    assert_eq!(answer(&["transcribe", "--templates", path_text, FIRST]), german);
    assert_eq!(answer(&["translate", "--to", "german", "--templates", path_text, FIRST]), german);
    for (content, part) in [
        (r#"{"transcribe": ["no slot"]}"#, "template `no slot` has 0 `{speech}`, expected one"),
        (r#"{"transcribe": []}"#, "templates of `transcribe` are empty"),
        ("[", "templates.json"),
    ] {
        fs::write(&path, content).unwrap();
        let (code, _, stderr) = run(&["transcribe", "--templates", path_text, FIRST]);
        assert!(code == 2 && stderr.contains(part), "{stderr}");
    }
}

#[test]
fn a_chat_goes_by_turns() {
    let mut child = slm(&["chat", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let turns = format!(
        "good morning\n\n/file {FIRST}\n/dance\n/file nothing.wav\nwhat did i say\n/clear\nhello\n/quit\nmore\n"
    );
    child.stdin.take().unwrap().write_all(turns.as_bytes()).unwrap();
    let (code, stdout, stderr) = told(child.wait_with_output().unwrap());
    let records: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 4, "{stdout}{stderr}");
    assert_eq!(records[0]["user"], "good morning");
    assert_eq!(
        (&records[1]["path"], records[1]["user"].as_str()),
        (&FIRST.into(), Some(answer(&["transcribe", FIRST]).trim()))
    );
    assert!(records.iter().all(|record| !record["assistant"].as_str().unwrap().is_empty()), "{stdout}");
    // After `/clear` there is no history.
    assert_eq!(records[3]["user"], "hello");
    assert!(stderr.contains("unknown command `/dance`") && stderr.contains("nothing.wav"), "{stderr}");
    assert_eq!(code, 1);
    let (code, stdout, stderr) = run(&["chat", FIRST]);
    assert!(code == 0 && stdout.lines().count() == 1 && stderr.contains("heard: "), "{stdout}{stderr}");
}
