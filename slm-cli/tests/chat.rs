//! `slm-cli chat`: turns by recordings, by typing, and from a pipe.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;

use common::{FIRST, Ran, answer, repository, run, run_with_input};
use serde_json::Value;

fn records(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_chat_goes_by_turns() {
    let turns = format!(
        "good morning\n\n/file {FIRST}\n/dance\n/file nothing.wav\nwhat did i say\n/clear\nhello\n/quit\nmore\n"
    );
    let ran = run_with_input(&["chat", "--json"], turns.into());
    let records = records(&ran);
    assert_eq!(records.len(), 4, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(records[0]["user"], "good morning");
    assert_eq!(
        (&records[1]["path"], records[1]["user"].as_str()),
        (&FIRST.into(), Some(answer(&["transcribe", FIRST]).trim()))
    );
    assert!(records.iter().all(|record| !record["assistant"].as_str().unwrap().is_empty()), "{}", ran.stdout);
    // After `/clear` there is no history.
    assert_eq!(records[3]["user"], "hello");
    let stderr = &ran.stderr;
    assert!(stderr.contains("unknown command `/dance`") && stderr.contains("nothing.wav"), "{stderr}");
    assert_eq!(ran.code, 1);
    let Ran { code, stdout, stderr } = run(&["chat", FIRST]);
    assert!(code == 0 && stdout.lines().count() == 1 && stderr.contains("heard: "), "{stdout}{stderr}");
}

#[test]
fn standard_input_can_be_a_recording() {
    let sound = fs::read(repository().join(FIRST)).unwrap();
    let ran = run_with_input(&["chat", "--json", "-"], sound.clone());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found = records(&ran);
    let [record] = found.as_slice() else { panic!("{}", ran.stdout) };
    assert_eq!(record["path"], "-");
    assert_eq!(record["user"].as_str(), Some(answer(&["transcribe", FIRST]).trim()));
    // Beside a file, and nothing is typed after it.
    let ran = run_with_input(&["chat", FIRST, "-"], sound);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn standard_input_is_not_read_twice() {
    let ran = run_with_input(&["chat"], b"/file -\ngood morning\n".to_vec());
    assert_eq!((ran.code, ran.stdout.lines().count()), (1, 1), "{}{}", ran.stdout, ran.stderr);
    let expected = "error: `/file -` cannot be followed, as turns are typed on standard input\nhint: ";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
}

#[test]
fn a_line_that_is_no_text_is_passed_over() {
    let ran = run_with_input(&["chat"], b"good morning\n\xff\xfe\ngood evening\n".to_vec());
    assert_eq!((ran.code, ran.stdout.lines().count()), (1, 2), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "error: cannot read standard input: line 2 is not UTF-8\n");
}

#[test]
fn a_reply_that_is_cut_is_told() {
    let typed = || b"good morning\n".to_vec();
    let ran = run_with_input(&["chat", "--max-new-tokens", "2"], typed());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr, "warning: `-`: the text was cut at 2 tokens\n");
    let ran = run_with_input(&["chat", "--max-new-tokens", "2", "--json"], typed());
    let found = records(&ran);
    let record = &found[0];
    assert_eq!(record["truncated"], true);
    assert_eq!(record["warnings"][0]["kind"], "text_limit", "{record}");
}

#[test]
fn empty_stops_and_options_without_effect_are_refused() {
    for options in [
        &["--stop", ""][..],
        &["--n-best", "2"],
        &["--stream"],
        &["--beam", "1", "--seed", "1"],
        &["--color", "always"],
    ] {
        let ran = run_with_input(&[&["chat"], options].concat(), b"hello\n".to_vec());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{options:?}");
        assert!(ran.stderr.starts_with("error: "), "{options:?}: {}", ran.stderr);
    }
}
