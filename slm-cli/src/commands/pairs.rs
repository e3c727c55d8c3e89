//! Every pair of options of the verbs that answer: it works, or it is refused with a message.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use slm_core::Model;

use super::harness::{self, Ended};
use super::samples::{Samples, VERBS, is_of_model};

/// Options that alone are refused: they say how something is done that nothing asks for, or what the reference model is
/// not told.
const NEEDS_MORE: [&str; 6] = [
    "--context-top",
    "--context-boost",
    "--context-respell",
    "--max-line-width",
    "--max-line-count",
    "--language",
];

/// Options that are for transcripts alone.
const OF_TRANSCRIPTS: [&str; 3] = ["--ctc-weight", "--prior-weight", "--color"];

/// Options that do what others do as well. All of their pairs are checked, and every so many followed.
const ALIKE: ([&str; 2], usize) = (["--raw", "--min-silence-ms"], 4);

/// Of the pairs that a verb other than `transcribe` does not refuse, every so many are followed.
const SAMPLED: usize = 24;

/// The codes of colours, and that of their end.
const COLOURS: [&str; 4] = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"];

/// Whether a line is accepted, which is not followed.
fn is_accepted(model: &Model, line: &[&str]) -> bool {
    let accepted = harness::accept(model, line);
    if let Err(message) = &accepted {
        assert!(message.starts_with("error: "), "{line:?}: {message}");
    }
    accepted.is_ok()
}

/// Follows a line, and checks what it writes if it works; whether it is followed.
fn check(model: &Model, samples: &Samples, line: &[&str]) -> bool {
    let has = |option: &str| line.contains(&option);
    // `--resume` has a folder of its own.
    let is_kept = has("--output-dir") && !has("--resume");
    if is_kept {
        samples.clear();
    }
    let (out, err, is_whole) = match harness::run(model, line) {
        Ended::Refused(message) => {
            assert!(message.starts_with("error: "), "{line:?}: {message}");
            assert!(!is_accepted(model, line), "{line:?}: {message}");
            return false;
        }
        Ended::Answered { out, err, is_whole } => (out, err, is_whole),
    };
    assert!(is_accepted(model, line), "{line:?}");
    if !is_whole {
        // What is drawn at random may not be what was said, which `--strict` takes for a failure.
        assert!(has("--strict") && err.contains("error: "), "{line:?}: {out}{err}");
        return true;
    }
    assert!(!has("--quiet") || err.is_empty(), "{line:?}: {err}");
    let format = line.iter().position(|&option| option == "--format").map(|index| line[index + 1]);
    let format = format.filter(|&format| format != "txt");
    if has("--resume") {
        // What is there already is left as it is.
        assert!(out.is_empty() && (format.is_some() || samples.is_untouched()), "{line:?}: {out}");
        return true;
    }
    assert!(!has("--verbose") || err.contains(" s of audio in "), "{line:?}: {err}");
    if is_kept {
        let files = samples.written();
        let [(name, text)] = files.as_slice() else { panic!("{line:?}: {files:?}") };
        assert!(out.is_empty() && name.ends_with(format.unwrap_or("txt")), "{line:?}: {files:?}");
        match format {
            Some(format) => check_format(line, format, text),
            None => assert!(!text.trim().is_empty(), "{line:?}: {files:?}"),
        }
        return true;
    }
    let out = COLOURS.iter().fold(out, |out, code| if has("--color") { out.replace(code, "") } else { out });
    check_text(line, format, &out);
    true
}

/// Checks what a line writes to standard output.
fn check_text(line: &[&str], format: Option<&str>, out: &str) {
    let has = |option: &str| line.contains(&option);
    let lines: Vec<&str> = out.lines().collect();
    assert!(out.ends_with('\n') && !out.contains('\u{1b}') && !lines.is_empty(), "{line:?}: {out}");
    if let Some(format) = format {
        check_format(line, format, out);
    } else if has("--json") {
        let [record] = lines.as_slice() else { panic!("{line:?}: {out}") };
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        assert!(!record["text"].as_str().unwrap().is_empty(), "{line:?}: {record}");
        assert!(record["duration"].as_f64().unwrap() > 1.0, "{line:?}: {record}");
        assert!(record["truncated"].is_boolean(), "{line:?}: {record}");
        assert!(!has("--n-best") || record["alternatives"].is_array(), "{line:?}: {record}");
    } else if has("--timestamps") {
        assert!(has("words") || lines.len() == 1, "{line:?}: {out}");
        for fields in lines.iter().map(|line| line.split('\t').collect::<Vec<_>>()) {
            let [start, end, text] = fields.as_slice() else { panic!("{line:?}: {out}") };
            let [start, end] = [start, end].map(|seconds| seconds.parse::<f64>().unwrap());
            assert!(0.0 <= start && start < end && end < 2.0 && !text.is_empty(), "{line:?}: {out}");
        }
    } else if has("--n-best") {
        let texts: Vec<(&str, &str)> = lines.iter().map(|line| line.split_once('\t').unwrap()).collect();
        assert!(texts.len() == 2 && !texts[0].1.is_empty(), "{line:?}: {out}");
        assert!(texts.iter().all(|(score, _)| score.parse::<f64>().unwrap().is_finite()), "{line:?}: {out}");
    } else {
        assert!(lines.len() == 1 && !lines[0].trim().is_empty(), "{line:?}: {out}");
    }
}

/// Checks the one segment that a format has.
fn check_format(line: &[&str], format: &str, out: &str) {
    let lines: Vec<&str> = out.lines().collect();
    let has_several = line.contains(&"--n-best");
    match (format, lines.as_slice()) {
        ("srt", ["1", times, text, ..]) | ("vtt", ["WEBVTT", "", times, text, ..]) => {
            assert!(times.contains(" --> ") && !text.is_empty() && !has_several, "{line:?}: {out}");
            let is_narrow = |line: &&str| line.contains("-->") || line.len() <= 20;
            assert!(!line.contains(&"--max-line-width") || lines.iter().all(is_narrow), "{line:?}: {out}");
        }
        ("tsv", ["start\tend\ttext", row]) => {
            assert!(row.split('\t').count() == 3 && !has_several, "{line:?}: {out}");
        }
        ("json", _) => {
            let document: serde_json::Value = serde_json::from_str(out).unwrap();
            assert!(document["text"].as_str().unwrap().len() > 1, "{line:?}: {out}");
            assert_eq!(document["segments"][0]["alternatives"].is_array(), has_several, "{line:?}: {out}");
        }
        ("jsonl", [segment, input]) => {
            let [segment, input] =
                [segment, input].map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            assert_eq!((&segment["kind"], &input["kind"]), (&"segment".into(), &"input".into()), "{line:?}");
            assert_eq!(segment["text"], input["text"], "{line:?}: {out}");
        }
        _ => panic!("{line:?}: {out}"),
    }
}

/// All pairs of numbers below `count`, in order.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |first| (first + 1..count).map(move |second| (first, second)))
}

/// Whether a pair is followed, and not checked alone.
fn is_followed(first: &[&str], second: &[&str], number: usize) -> bool {
    let (alike, step) = ALIKE;
    let is_alike = |option: &[&str]| alike.contains(&option[0]);
    let is_of_model = |option: &[&str]| is_of_model(option[0]);
    !is_of_model(first)
        && !is_of_model(second)
        && (number.is_multiple_of(step) || !is_alike(first) && !is_alike(second))
}

#[test]
fn every_pair_of_options_of_transcribe_works_or_is_refused() {
    let (model, samples) = (harness::model(), Samples::new());
    let options = samples.of("transcribe");
    for option in &options {
        let works = check(&model, &samples, &samples.line("transcribe", &[option]));
        assert_eq!(works, !NEEDS_MORE.contains(&option[0]), "{option:?}");
    }
    let (mut followed, mut accepted, mut refused) = (0, 0, 0);
    for (number, (first, second)) in pairs(options.len()).enumerate() {
        let (first, second) = (&options[first], &options[second]);
        let line = samples.line("transcribe", &[first, second]);
        if !is_followed(first, second, number) {
            accepted += usize::from(is_accepted(&model, &line));
        } else if check(&model, &samples, &line) {
            followed += 1;
        } else {
            refused += 1;
        }
    }
    assert!(followed > 400 && refused > 100, "{followed} followed, {refused} refused");
    assert!(accepted > 200, "{accepted} of those that are not followed are accepted");
}

#[test]
fn options_of_the_model_go_with_all_others() {
    let (model, samples) = (harness::model(), Samples::new());
    for verb in VERBS {
        let options = samples.of(verb);
        let is_accepted = |options: &[&[&str]]| is_accepted(&model, &samples.line(verb, options));
        let of_model: Vec<&Vec<&str>> = options.iter().filter(|option| is_of_model(option[0])).collect();
        assert_eq!(of_model.len(), 6, "{verb}");
        for (one, other) in of_model.iter().flat_map(|&one| options.iter().map(move |other| (one, other))) {
            let is_pair = one[0] != other[0];
            assert!(
                !is_pair || is_accepted(&[one, other]) == is_accepted(&[other]),
                "{verb} {one:?} {other:?}"
            );
        }
    }
}

#[test]
fn pairs_of_options_of_the_other_verbs_work_or_are_refused() {
    let (model, samples) = (harness::model(), Samples::new());
    for verb in VERBS.into_iter().filter(|&verb| verb != "transcribe" && verb != "chat") {
        let options: Vec<Vec<&str>> =
            samples.of(verb).into_iter().filter(|option| !is_of_model(option[0])).collect();
        for option in &options {
            let works = check(&model, &samples, &samples.line(verb, &[option]));
            let is_for_words = *option == ["--timestamps", "words"] || OF_TRANSCRIPTS.contains(&option[0]);
            assert_eq!(works, !NEEDS_MORE.contains(&option[0]) && !is_for_words, "{verb} {option:?}");
        }
        let lines = pairs(options.len())
            .map(|(first, second)| samples.line(verb, &[&options[first], &options[second]]));
        for line in lines.filter(|line| is_accepted(&model, line)).step_by(SAMPLED) {
            assert!(check(&model, &samples, &line), "{line:?}");
        }
    }
}

#[test]
fn pairs_of_options_of_chat_are_accepted_or_refused_by_name() {
    let (model, samples) = (harness::model(), Samples::new());
    let options = samples.of("chat");
    let accept = |options: &[&[&str]]| harness::accept(&model, &samples.line("chat", options));
    let is_sound = |option: &[&str]| accept(&[option]).is_ok();
    for option in &options {
        let is_for_words = *option == ["--channel", "each"] || OF_TRANSCRIPTS.contains(&option[0]);
        assert_eq!(is_sound(option), !is_for_words, "{option:?}");
    }
    let mut refused = 0;
    for (first, second) in pairs(options.len()) {
        let (first, second) = (&options[first], &options[second]);
        match accept(&[first, second]) {
            Ok(()) => assert!(is_sound(first) && is_sound(second), "{first:?} {second:?}"),
            Err(message) if is_sound(first) && is_sound(second) => {
                assert!(message.contains(first[0]) || message.contains(second[0]), "{message}");
                refused += 1;
            }
            Err(message) => assert!(message.starts_with("error: "), "{message}"),
        }
    }
    assert!(refused > 10, "{refused} refused");
}

#[test]
fn what_cannot_work_together_is_refused() {
    let (model, samples) = (harness::model(), Samples::new());
    for options in [
        &["--stream", "--n-best", "2", "--temperature", "1"][..],
        &["--stream", "--json"],
        &["--format", "srt", "--json"],
        &["--format", "jsonl", "--stream"],
        &["--format", "txt", "--timestamps", "segments"],
        &["--format", "tsv", "--n-best", "2"],
        &["--format", "srt,vtt"],
        &["--format", "all"],
        &["--format", "json", "--max-line-count", "1"],
        &["--format", "srt", "--resume"],
        &["--format", "vtt", samples.recording()],
        &["--stream", "--timestamps", "words"],
        &["--json", "--timestamps", "segments"],
        &["--n-best", "2", "--timestamps", "segments"],
        &["--n-best", "3", "--beam", "2"],
        &["--n-best", "2", "--beam", "1"],
        &["--length-penalty", "1", "--beam", "1"],
        &["--length-penalty", "1", "--temperature", "1"],
        &["--timestamps", "words", "--task", "reply"],
        &["--task", "reply", "--phrase", "anna"],
        &["--context-respell", "off", "--phrase", "anna", "--stream"],
        &["--no-vad", "--min-silence-ms", "200"],
        &["--no-vad", "--speech-pad-ms", "200"],
        &["--quiet", "--verbose"],
        &["--color", "always", "--json"],
        &["--color", "always", "--stream"],
        &["--color", "always", "--n-best", "2"],
        &["--color", "always", "--timestamps", "segments"],
        &["--color", "always", "--format", "jsonl"],
        &["--color", "always", "--output-dir", "out"],
        &["--color", "always", "--task", "reply"],
    ] {
        assert!(!check(&model, &samples, &samples.line("transcribe", &[options])), "{options:?}");
    }
    for options in [
        &["--quiet", "--verbose"][..],
        &["--no-vad", "--min-silence-ms", "200"],
        &["--length-penalty", "1", "--beam", "1"],
        &["--beam", "1", "--seed", "1"],
        &["--json", "--color", "always"],
        &["--channel", "each"],
    ] {
        assert!(!is_accepted(&model, &samples.line("chat", &[options])), "chat {options:?}");
    }
    // What colours nothing is no request for colours.
    for options in [["--json", "--color", "never"], ["--json", "--color", "auto"]] {
        for verb in ["transcribe", "chat"] {
            assert!(is_accepted(&model, &samples.line(verb, &[&options])), "{verb} {options:?}");
        }
    }
}
