//! Options that go wrong together, or with a value, as the program tells it. All pairs are walked through in the tests
//! of the program itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{FIRST, SECOND, answer, record, run};

/// Asserts that a line is refused before anything is written.
fn refused(args: &[&str], part: &str) {
    let ran = run(args);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {}", ran.stderr);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
}

#[test]
fn options_that_cannot_both_be_followed_are_refused() {
    refused(&["transcribe", "--stream", "--n-best", "2", "--temperature", "1", FIRST], "cannot be used with");
    refused(&["transcribe", "--n-best", "2", "--timestamps", "words", FIRST], "cannot be used with");
    refused(&["transcribe", "--context-top", "2", FIRST], "--phrase");
    refused(
        &["translate", "--to", "german", "--timestamps", "words", FIRST],
        "`--timestamps words` needs a transcript, the task is `translate.german`",
    );
    refused(&["transcribe", "--task", "reply", "--timestamps", "words", FIRST], "needs a transcript");
    refused(&["transcribe", "--beam", "1", "--length-penalty", "1", FIRST], "has no effect without beams");
    refused(&["transcribe", "--beam", "2", "--n-best", "3", FIRST], "must be 1 to 2");
    refused(&["doctor", "--dtype", "f16"], "`--dtype` has no effect on `slm-cli doctor`");
    refused(&["info", "--memory", "4G"], "`--memory` has no effect on `slm-cli info`");
}

#[test]
fn values_that_are_none_are_refused() {
    for (option, value) in [
        ("--length-penalty", "inf"),
        ("--length-penalty", "nan"),
        ("--temperature", "inf"),
        ("--temperature", "0"),
        ("--top-p", "0"),
        ("--top-k", "0"),
        ("--repetition-penalty", "inf"),
        ("--ctc-weight", "nan"),
        ("--prior-weight", "1.5"),
        ("--context-boost", "nan"),
        ("--stop", ""),
        ("--memory", "0"),
        ("--memory", "lots"),
    ] {
        refused(&["transcribe", option, value, FIRST], option);
    }
}

#[test]
fn a_text_that_was_cut_ends_its_line_before_the_next() {
    let ran = run(&["transcribe", "--stream", "--strict", "--max-new-tokens", "3", FIRST, SECOND]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (1, 2), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.ends_with('\n'), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().last(), Some("0 transcribed, 2 failed"));
}

#[test]
fn memory_bounds_what_is_taken_at_once() {
    let said = answer(&["transcribe", FIRST]);
    assert_eq!(answer(&["transcribe", "--memory", "2G", FIRST]), said);
    refused(&["transcribe", "--memory", "1000", FIRST], "MB are free");
    // The least that work on a segment takes is enough.
    assert_eq!(answer(&["transcribe", "--memory", "60M", FIRST]), said);
}

#[test]
fn limits_and_estimates_are_told() {
    let limits = answer(&["info", "--limits"]);
    for row in ["backend", "channels", "audio for other tasks", "instruction", "phrases", "answer", "beams"] {
        assert!(limits.lines().any(|line| line.starts_with(row)), "{row}:\n{limits}");
    }
    let described = record(&["info", "--json"]);
    let memory = described["memory"].as_str().unwrap();
    assert!(memory.contains(" MB in f32 (flex") && memory.contains("for work on 30 s of audio"), "{memory}");
    let hashes = described["hashes"].as_str().unwrap();
    assert!(hashes.starts_with("every file that `slm.json` lists is the one"), "{hashes}");
}
