//! Tasks that need all of a recording, where it is longer than what goes through the model at once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::path::Path;

use common::{repository, run, spoken};
use hound::{WavReader, WavSpec, WavWriter};
use serde_json::Value;
use slm_core::{ComputeType, Model};

/// Writes the committed utterances three times over, with pauses, into a file of two minutes; its duration.
fn write_long(path: &Path) -> f64 {
    let spec: WavSpec = WavReader::open(&spoken(1)[0].0).unwrap().spec();
    let mut writer = WavWriter::create(path, spec).unwrap();
    let utterances = spoken(12);
    for (utterance, _) in utterances.iter().chain(&utterances).chain(&utterances) {
        let mut reader = WavReader::open(utterance).unwrap();
        assert_eq!(reader.spec(), spec);
        reader.samples::<i16>().for_each(|sample| writer.write_sample(sample.unwrap()).unwrap());
        (0..spec.sample_rate).for_each(|_| writer.write_sample(0_i16).unwrap());
    }
    let seconds = f64::from(writer.duration()) / f64::from(spec.sample_rate);
    writer.finalize().unwrap();
    seconds
}

/// The least memory that the reference model opens with, as an option.
fn little_memory() -> String {
    let described = Model::describe(repository().join("weights/slm-tiny")).unwrap();
    described.memory_estimate(ComputeType::F32).working.to_string()
}

#[test]
fn a_question_about_a_long_recording_says_what_its_answer_rests_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.wav");
    let seconds = write_long(&path);
    assert!(seconds > 120.0);
    let (file, memory) = (path.to_str().unwrap(), little_memory());
    let question = "what is the name of the speaker";
    let ask = ["ask", question, "--backend", "flex", "--memory", &memory, file];

    let ran = run(&[&ask[..], &["--json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    let sources = record["sources"].as_array().unwrap();
    let within = |source: &Value| {
        let (start, end) = (source["start"].as_f64().unwrap(), source["end"].as_f64().unwrap());
        start < end && end <= seconds + 0.01 && source["text"].is_string()
    };
    assert!(!sources.is_empty() && sources.iter().all(within), "{record}");
    assert_eq!(record["segments"].as_array().unwrap().len(), 1);
    assert_eq!(record["segments"][0]["start"], sources[0]["start"]);
    let kinds: Vec<&str> =
        record["warnings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"part_of_audio"), "{record}");

    let ran = run(&[&ask[..], &["--timestamps", "segments"]].concat());
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("note: `") && ran.stderr.contains("`: answered from "), "{}", ran.stderr);
    assert!(ran.stderr.contains(": the answer rests on "), "{}", ran.stderr);

    let ran = run(&[&ask[..], &["--strict", "--json"]].concat());
    assert_eq!(ran.code, 1);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record["error"]["kind"], "limit", "{record}");
}

#[test]
fn a_chat_replies_to_the_end_of_a_long_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.wav");
    let seconds = write_long(&path);
    let memory = little_memory();
    let ran = run(&["chat", "--backend", "flex", "--memory", &memory, "--json", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    let sources = record["sources"].as_array().unwrap();
    assert!(sources[0]["start"].as_f64().unwrap() > seconds / 2.0, "{record}");
    assert!(sources.iter().all(|source| source.get("text").is_none()), "{record}");
    assert!(ran.stderr.contains("the answer rests on the last "), "{}", ran.stderr);
    assert!(!record["assistant"].as_str().unwrap().is_empty(), "{record}");
}
