//! What can be asked of speech, and how answers are shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;

use common::{FIRST, Ran, answer, record, run};

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
    assert_eq!(run(&["transcribe", "--temperature", "0", FIRST]).code, 2);
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
    let Ran { code, stderr, .. } = run(&["transcribe", "--context", "no-such-file.txt", FIRST]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: cannot read phrases `no-such-file.txt`"), "{stderr}");
    fs::write(path, b"a\n\xff\n").unwrap();
    let Ran { code, stderr, .. } = run(&["transcribe", "--context", path, FIRST]);
    assert!(code == 2 && stderr.contains("line 2 is not UTF-8"), "{stderr}");
}

#[test]
fn templates_can_be_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("templates.json");
    let path_text = path.to_str().unwrap();
    fs::write(&path, r#"{"transcribe": ["{speech} : translate to german"]}"#).unwrap();
    let german = answer(&["translate", "--to", "german", FIRST]);
    // A search that weighs the sound would ask for its words.
    assert_eq!(answer(&["transcribe", "--ctc-weight", "0", "--templates", path_text, FIRST]), german);
    assert_eq!(answer(&["translate", "--to", "german", "--templates", path_text, FIRST]), german);
    for (content, part) in [
        (r#"{"transcribe": ["no slot"]}"#, "template `no slot` has 0 `{speech}`, expected one"),
        (r#"{"transcribe": []}"#, "templates of `transcribe` are empty"),
        ("[", "templates.json"),
    ] {
        fs::write(&path, content).unwrap();
        let Ran { code, stderr, .. } = run(&["transcribe", "--templates", path_text, FIRST]);
        assert!(code == 2 && stderr.contains(part), "{stderr}");
    }
}
