//! A speech encoder with a CTC head in the place of a bundle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{FIRST, Ran, repository, run, spoken};

/// Follows a command line with the reference model's encoder alone.
fn encoder(args: &[&str]) -> Ran {
    let dir = repository().join("weights/slm-tiny/encoder");
    run(&[&["--bundle", dir.to_str().unwrap()], args].concat())
}

fn text(args: &[&str]) -> String {
    let ran = encoder(args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

#[test]
fn it_transcribes_in_every_format() {
    let (_, said) = spoken(1).remove(0);
    let plain = text(&["transcribe", FIRST]);
    assert_eq!(plain.trim(), said);
    let subtitles = text(&["transcribe", "--format", "srt", FIRST]);
    assert_eq!(subtitles.lines().next(), Some("1"));
    assert!(subtitles.contains(" --> ") && subtitles.contains(&said), "{subtitles}");
    for format in ["vtt", "tsv", "json", "jsonl", "txt"] {
        assert!(text(&["transcribe", "--format", format, FIRST]).contains(&said), "{format}");
    }
    assert_eq!(text(&["transcribe", "--stream", FIRST]), plain);
    assert_eq!(text(&["transcribe", "--beam", "8", FIRST]), plain);
    let words = text(&["transcribe", "--timestamps", "words", FIRST]);
    assert_eq!(words.lines().count(), said.split(' ').count());
}

#[test]
fn a_phrase_takes_the_place_of_what_the_labels_nearly_say() {
    let dir = repository().join("tests/audio/test/wav/000009-b75a123a.wav");
    let audio = dir.to_str().unwrap();
    let record: serde_json::Value =
        serde_json::from_str(&text(&["transcribe", "--phrase", "Freya", "--json", audio])).unwrap();
    assert_eq!(record["text"], "good morning my name is Freya");
    assert_eq!(record["segments"][0]["respelled"][0]["phrase"], "Freya");
    assert_ne!(text(&["transcribe", audio]).trim(), "good morning my name is freya");
    let off = text(&["transcribe", "--phrase", "Freya", "--context-respell", "off", audio]);
    assert_eq!(off, text(&["transcribe", audio]));
}

#[test]
fn what_needs_a_language_model_is_refused_and_says_what_works() {
    for args in [
        &["ask", "who is it", FIRST][..],
        &["translate", "--to", "german", FIRST],
        &["continue", FIRST],
        &["chat", FIRST],
        &["run", "--instruction", "sum up", FIRST],
    ] {
        let ran = encoder(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: the model cannot do `"), "{}", ran.stderr);
        assert!(ran.stderr.contains("can `transcribe`") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    let ran = encoder(&["transcribe", "--beam", "4", "--length-penalty", "0.5", FIRST]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`length_penalty` means nothing for a CTC model"), "{}", ran.stderr);
}

#[test]
fn its_use_is_told() {
    let dir = repository().join("weights/slm-tiny/encoder");
    let ran = run(&["info", dir.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("speech encoder with a CTC head"), "{}", ran.stdout);
    assert!(ran.stdout.contains("`transcribe`, with phrases, times of words"), "{}", ran.stdout);
    let ran = run(&["info", repository().join("weights/slm-tiny/llm").to_str().unwrap()]);
    assert!(ran.stdout.contains("nothing alone; as the language model of a bundle"), "{}", ran.stdout);
}
