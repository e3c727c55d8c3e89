//! Records against the schema, and against what whisper's own hold.

use serde_json::Value;
use slm_core::{Agreement, Aligned, Alternative, SkippedSpeech, Warning, Word};

use super::super::failure::{FailedInput, Failure, Notice};
use super::*;

#[path = "../../tests/common/schema.rs"]
mod schema;

fn about() -> About {
    About { path: "calls/talk \"1\".wav".into(), language: "german".into() }
}

/// A segment with all that there can be.
fn full(start: f64) -> Segment {
    let mut segment = Segment::default();
    (segment.start, segment.end, segment.text) = (start, start + 2.0, "call anna".into());
    let word = |text: &str, start: f64| Word::new(text, start, start + 0.5, 0.987_65);
    let words = vec![word("call", start + 0.1), word("anna", start + 0.8)];
    let skipped = vec![SkippedSpeech::new("now", start + 1.5, start + 1.9)];
    segment.alignment = Some(Aligned::new(words, skipped, Agreement::of_words(1, 4)));
    segment.alternatives = vec![Alternative::new("call hanna", -3.25)];
    segment.tokens = vec![17, 4, 0];
    (segment.avg_logprob, segment.no_speech_prob, segment.is_supported) = (-0.123_456, 0.25, true);
    (segment.temperature, segment.compression_ratio) = (0.4, 1.234_56);
    segment
}

fn answer(segments: &[Segment]) -> Answer {
    let mut answer = Answer::default();
    answer.segments = segments.to_vec();
    answer.seconds = 12.345_67;
    answer
}

fn written(shape: Shape, segments: &[Segment], closing: &Closing) -> String {
    let mut records = Records::new(shape, &about());
    let mut text = records.head().unwrap();
    for segment in segments {
        text.push_str(&records.segment(segment).unwrap());
    }
    text + &records.tail(closing).unwrap()
}

fn document(segments: &[Segment], closing: &Closing) -> Value {
    let document = serde_json::from_str(&written(Shape::Document, segments, closing)).unwrap();
    assert_eq!(schema::faults(&document), [""; 0], "{document}");
    document
}

#[test]
fn a_document_is_as_the_schema_and_whisper_have_it() {
    let segments = [full(0.0), Segment::default(), full(10.0)];
    let whole = answer(&segments);
    let notices = [Notice::Answer(Warning::TextLimit { start: 10.0, end: 12.0, tokens: 2 })];
    let found = document(&segments, &Closing { answer: Some(&whole), notices: &notices, failed: None });
    assert_eq!((&found["path"], &found["language"]), (&"calls/talk \"1\".wav".into(), &"german".into()));
    assert_eq!((&found["text"], &found["duration"]), (&" call anna call anna".into(), &12.346.into()));
    assert_eq!((&found["error"], &found["warnings"][0]["kind"]), (&Value::Null, &"text_limit".into()));
    let listed = found["segments"].as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(|segment| segment["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [0, 1, 2]);
    let last = &listed[2];
    for (name, expected) in [
        ("seek", Value::from(1000)),
        ("start", 10.0.into()),
        ("end", 12.0.into()),
        ("text", " call anna".into()),
        ("tokens", vec![17, 4, 0].into()),
        ("temperature", 0.4.into()),
        ("compression_ratio", 1.2346.into()),
        ("avg_logprob", (-0.1235).into()),
        ("no_speech_prob", 0.25.into()),
        ("agreement", 0.75.into()),
        ("supported", true.into()),
    ] {
        assert_eq!(last[name], expected, "{name}");
    }
    let expected = serde_json::json!({"word": " call", "start": 10.1, "end": 10.6, "probability": 0.9877});
    assert_eq!(last["words"][0], expected);
    // Joined, the words are the segments and the segments are the whole.
    let joined = |list: &[Value], name: &str| -> String {
        list.iter().map(|item| item[name].as_str().unwrap()).collect()
    };
    assert_eq!(joined(last["words"].as_array().unwrap(), "word"), last["text"].as_str().unwrap());
    assert_eq!(joined(listed, "text"), found["text"].as_str().unwrap());
    assert!(listed[1].get("words").is_none());
}

#[test]
fn words_of_a_script_without_spaces_have_none() {
    let mut segment = full(0.0);
    segment.text = "今日 ok".into();
    let word = |text: &str| Word::new(text, 0.0, 0.5, 1.0);
    let words = ["今", "日", "ok"].map(word).to_vec();
    segment.alignment = Some(Aligned::new(words, Vec::new(), Agreement::of_words(0, 1)));
    let closing = Closing { answer: None, notices: &[], failed: None };
    let found = document(&[segment], &closing);
    let words: Vec<_> =
        found["segments"][0]["words"].as_array().unwrap().iter().map(|word| word["word"].clone()).collect();
    assert_eq!(words, [" 今", "日", " ok"]);
}

#[test]
fn a_document_without_segments_or_answer_is_one_too() {
    let failed = FailedInput { path: "talk.wav".into(), failure: Failure::Panic("a \"bug\"".into()) };
    let closing = Closing { answer: None, notices: &[], failed: Some(&failed) };
    let nothing = document(&[], &closing);
    assert_eq!((&nothing["text"], &nothing["duration"]), (&"".into(), &Value::Null));
    assert_eq!(nothing["error"]["kind"], "decoder_bug");
    assert_eq!(document(&[full(0.0)], &closing)["text"], " call anna");
}

#[test]
fn lines_are_told_apart_by_their_kind() {
    let segments = [full(0.0), full(2.0)];
    let whole = answer(&segments);
    let text =
        written(Shape::Lines, &segments, &Closing { answer: Some(&whole), notices: &[], failed: None });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["segment", "segment", "input"]);
    assert!(lines.iter().all(|line| line["path"] == "calls/talk \"1\".wav"));
    assert_eq!((&lines[1]["id"], &lines[2]["text"]), (&1.into(), &" call anna call anna".into()));
    assert_eq!((&lines[2]["language"], &lines[2]["error"]), (&"german".into(), &Value::Null));
}

#[test]
fn numbers_that_json_does_not_have_are_others() {
    for logprob in [f64::NEG_INFINITY, f64::NAN] {
        let mut segment = full(0.0);
        segment.avg_logprob = logprob;
        let closing = Closing { answer: None, notices: &[], failed: None };
        assert_eq!(document(&[segment], &closing)["segments"][0]["avg_logprob"], -1000.0);
    }
}

#[test]
fn the_check_finds_faults() {
    let closing = Closing { answer: None, notices: &[], failed: None };
    let right = document(&[full(0.0)], &closing);
    for (pointer, wrong) in [
        ("/text", Value::Null),
        ("/segments/0/id", (-1).into()),
        ("/segments/0/words/0/probability", 1.5.into()),
        ("/segments/0/tokens/1", "4".into()),
        ("/error", serde_json::json!({"kind": "io"})),
        ("/quiet", serde_json::json!([{"start": 0, "end": 1, "kind": "music"}])),
        ("/segments/0/skipped/0", serde_json::json!({"text": "", "start": 0, "end": 1, "more": 1})),
    ] {
        let mut document = right.clone();
        *document.pointer_mut(pointer).unwrap() = wrong;
        let faults = schema::faults(&document);
        assert!(faults.len() == 1 && faults[0].starts_with('$'), "{pointer}: {faults:?}");
    }
}
