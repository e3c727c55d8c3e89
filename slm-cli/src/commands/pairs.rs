//! Every pair of options of the verbs that answer: it works, or it is refused with a message.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use slm_core::Model;

use super::harness::{self, Ended, recording};

/// Options of all verbs that answer.
const OPTIONS: [&[&str]; 38] = [
    &["--json"],
    &["--stream"],
    &["--timestamps", "segments"],
    &["--timestamps", "words"],
    &["--n-best", "2"],
    &["--format", "txt"],
    &["--format", "srt"],
    &["--format", "vtt"],
    &["--format", "tsv"],
    &["--format", "json"],
    &["--format", "jsonl"],
    &["--max-line-width", "20"],
    &["--beam", "1"],
    &["--beam", "3"],
    &["--length-penalty", "0.8"],
    &["--temperature", "0.7"],
    &["--top-k", "3"],
    &["--top-p", "0.9"],
    &["--seed", "7"],
    &["--max-new-tokens", "60"],
    &["--repetition-penalty", "1.1"],
    &["--no-repeat-ngram", "4"],
    &["--ctc-weight", "0.3"],
    &["--prior-weight", "0.5", "--ctc-weight", "0.3"],
    &["--stop", "zebra"],
    &["--strict"],
    &["--fail-fast"],
    &["--recursive"],
    &["--channel", "each"],
    &["--start", "0:00", "--duration", "1:00"],
    &["--vad-threshold", "0.4"],
    &["--max-segment-s", "20"],
    &["--speech-pad-ms", "100"],
    &["--no-speech-threshold", "0.3"],
    &["--no-vad"],
    &["--suppress-unsupported"],
    &["--quiet"],
    &["--verbose"],
];

/// The shortest of the committed recordings.
const RECORDING: &str = "000008-2122339f.wav";

/// Of the pairs that a verb other than `transcribe` does not refuse, every so many are run.
const SAMPLED: usize = 24;

/// Checks what a line that works writes; whether it is followed.
fn check(model: &Model, line: &[&str]) -> bool {
    let (out, err, is_whole) = match harness::run(model, line) {
        Ended::Refused(message) => {
            assert!(message.starts_with("error: "), "{line:?}: {message}");
            return false;
        }
        Ended::Answered { out, err, is_whole } => (out, err, is_whole),
    };
    let has = |option: &str| line.contains(&option);
    if !is_whole {
        // What is drawn at random may not be what was said, which `--strict` takes for a failure.
        assert!(has("--strict") && err.contains("error: "), "{line:?}: {out}{err}");
        return true;
    }
    assert!(!has("--quiet") || err.is_empty(), "{line:?}: {err}");
    assert!(!has("--verbose") || err.contains(" s of audio in "), "{line:?}: {err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(out.ends_with('\n'), "{line:?}: {out}");
    let format = line.iter().position(|&option| option == "--format").map(|index| line[index + 1]);
    if let Some(format) = format.filter(|&format| format != "txt") {
        check_format(line, format, &out);
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
    assert!(!lines.is_empty(), "{line:?}");
    true
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

/// All pairs of different options, in order.
fn pairs<'a>(options: &'a [&'a [&'a str]]) -> impl Iterator<Item = Vec<&'a str>> {
    options.iter().enumerate().flat_map(move |(index, first)| {
        options[index + 1..].iter().map(move |second| [*first, *second].concat())
    })
}

#[test]
fn every_pair_of_options_of_transcribe_works_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let phrases = dir.path().join("phrases.txt");
    std::fs::write(&phrases, "basement\nanna karlsson\n").unwrap();
    let named = ["--context", phrases.to_str().unwrap()];
    let options: Vec<&[&str]> = OPTIONS
        .into_iter()
        .chain([
            &["--task", "reply"][..],
            &["--task", "transcribe"],
            &["--phrase", "anna"],
            &named,
            &["--context-top", "2"],
            &["--context-respell", "off"],
        ])
        .collect();
    let (model, file) = (harness::model(), recording(RECORDING));
    let verb = ["transcribe", file.as_str()];
    for option in &options {
        let works = check(&model, &[&verb[..], *option].concat());
        // These say what is done with phrases or subtitles, and there are none.
        let says_how = option[0].starts_with("--context-") || option[0] == "--max-line-width";
        assert_eq!(works, !says_how, "{option:?}");
    }
    let (mut followed, mut refused) = (0, 0);
    for pair in pairs(&options) {
        if check(&model, &[verb.to_vec(), pair].concat()) {
            followed += 1;
        } else {
            refused += 1;
        }
    }
    assert_eq!(followed + refused, options.len() * (options.len() - 1) / 2);
    assert!(followed > 400 && refused > 50, "{followed} followed, {refused} refused");
}

#[test]
fn pairs_of_options_of_the_other_verbs_work_or_are_refused() {
    let (model, file) = (harness::model(), recording(RECORDING));
    for verb in [
        &["translate", "--to", "german"][..],
        &["ask", "what is said"],
        &["continue"],
        &["run", "--instruction", "translate to french"],
    ] {
        let verb = [verb, &[file.as_str()]].concat();
        for option in OPTIONS {
            let works = check(&model, &[verb.as_slice(), option].concat());
            let needs_more = option == ["--timestamps", "words"] || option[0] == "--max-line-width";
            let is_for_transcripts = matches!(option[0], "--ctc-weight" | "--prior-weight");
            assert_eq!(works, !needs_more && !is_for_transcripts, "{verb:?} {option:?}");
        }
        for pair in pairs(&OPTIONS).step_by(SAMPLED) {
            check(&model, &[verb.clone(), pair].concat());
        }
    }
}

#[test]
fn what_cannot_work_together_is_refused() {
    let (model, file) = (harness::model(), recording(RECORDING));
    let file = file.as_str();
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
        &["--format", "vtt", file],
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
    ] {
        let line = [&["transcribe", file][..], options].concat();
        assert!(!check(&model, &line), "{options:?}");
    }
}
