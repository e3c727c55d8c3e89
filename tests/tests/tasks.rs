//! Pools of tasks: the reference model's trains as its tasks in Rust did, and one of one's own trains any language model.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::Path;

use burn::prelude::*;
use serde_json::{Value, json};
use slm_core::models::adapter::LengthReduction;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::llm::t5::OutputHead;
use slm_core::models::speech::SpeechModel;
use slm_core::{Task, TokenLimit};
use slm_tests::fixtures;
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Frozen, Trained};
use slm_train::training::{Draw, Job, Source, rng_for};

use common::{Fixture, WORDS, alone, finished, loop_config, losses, without_dropout};

/// Batches, losses and figures of the code whose tasks were Rust. Its file was written by a program at commit 79ef368.
#[test]
fn the_tasks_of_the_reference_model_train_as_before() {
    alone("the_tasks_of_the_reference_model_train_as_before", || {
        let text = fs::read(fixtures().join("adapter_tasks.json")).unwrap();
        let before: Value = serde_json::from_slice(&text).unwrap();
        check_before(&before["t5"], "weights/slm-tiny/llm");
        check_before(&before["chat"], "tests/fixtures/conversation");
    });
}

fn check_before(before: &Value, llm: &str) {
    let root = fixtures().join("../..");
    let cache = tempfile::tempdir().unwrap();
    let stage: AdapterStage = serde_json::from_value(json!({
        "name": "golden",
        "encoder": root.join("tests/fixtures/train_steps/encoder"),
        "llm": root.join(llm),
        "train_manifest": root.join("tests/audio/test/manifest.jsonl"),
        "dev_manifest": root.join("tests/audio/test-voices/manifest.jsonl"),
        "cache": cache.path(),
        "order": "speech-first",
        "tasks": root.join("weights/recipe/tasks.toml"),
        "batch_tokens": 240,
        "losses": {"cross_entropy": 0.5, "distillation": 0.5},
        "model": {
            "reduction": {"kind": "ctc_average"},
            "output": "soft-tokens",
            "hidden_size": 32,
            "num_layers": 1,
            "num_heads": 2,
            "intermediate_size": 32,
            "dropout": 0.0,
        },
        "train": {},
    }))
    .unwrap();
    let device = Device::flex();
    let job =
        AdapterJob::new(stage.clone(), Frozen::load(&stage.encoder, &stage.llm, &device).unwrap()).unwrap();
    device.seed(3);
    let adapter = job.init(&device).unwrap();
    assert_eq!(json!([job.batches(0), job.batches(1)]), before["batches"]);
    let near = |found: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap();
        assert!((found - expected).abs() < 2e-3 * expected, "{found}, expected {expected}");
    };
    for (index, batch) in job.batches(0).iter().enumerate() {
        near(loss_of(&job, &adapter, batch, index as u64), &before["losses"][index]);
    }
    let metrics = job.evaluate(&adapter).unwrap();
    assert_eq!(metrics.len(), before["metrics"].as_object().unwrap().len());
    for (name, value) in &metrics {
        near(*value, &before["metrics"][name]);
    }
}

/// The loss of the examples `items`, with random numbers of their own.
fn loss_of(job: &AdapterJob, model: &Trained, items: &[usize], stream: u64) -> f64 {
    let batch = job.source().load(Draw { step: 0, epoch: 0, items: items.to_vec() }).unwrap();
    job.loss(model, &batch, &mut rng_for(1, 2, stream)).unwrap().into_scalar::<f32>().into()
}

/// Tasks in words of one's own, with a field of the row, and one that brings its instruction along.
const TASKS: &str = r#"
[[task]]
name = "transcribe"
target = "text"
phrasings = ["say it", "repeat", "{speech} again"]

[[task]]
name = "ask"
target = "answer"
phrasings = ["{question}", "tell me {question}"]

[[task]]
name = "instruction"
target = "translation"
phrasings = ["{prompt}"]
templates = ["{instruction}"]
weight = 2.0

[zero_shot]
reply = ["reply"]
"#;

/// A stage on rows with questions and instructions, between the parts of `fixture`.
fn stage(fixture: &Fixture, steps: u64, tasks: &str) -> AdapterStage {
    let folder = fixture.path("corpus");
    let rows = WORDS.iter().enumerate().map(|(index, (english, german))| {
        json!({
            "path": format!("{index}.wav"), "text": english, "translation": german, "answer": "yes",
            "question": format!("is it {english}"), "prompt": "in german",
        })
        .to_string()
    });
    let manifest = folder.join("questions.jsonl");
    fs::write(&manifest, rows.collect::<Vec<_>>().join("\n")).unwrap();
    let mut stage = fixture.adapter(&loop_config(steps));
    stage.train_manifest = manifest.clone().into();
    stage.dev_manifest = manifest.into();
    stage.tasks = fixture.tasks("tasks.toml", tasks);
    stage.batch_tokens = 300;
    stage
}

#[test]
fn a_pool_of_ones_own_drives_an_encoder_decoder_and_a_decoder_alone() {
    for with_llm in [|_: &Fixture| (), Fixture::decoder_only_llm] {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Own);
        with_llm(&fixture);
        let stage = stage(&fixture, 12, TASKS);
        let (run, out, device) = (fixture.path("run"), fixture.path("bundle"), Device::flex());
        finished(adapter::train(stage, &run, &out, &device).unwrap());
        let log = losses(&run);
        let mean = |part: &[(u64, f64)]| part.iter().map(|(_, loss)| loss).sum::<f64>() / part.len() as f64;
        assert!(mean(&log[9..]) < mean(&log[..3]), "{log:?}");
        let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        for name in ["loss_transcribe", "loss_ask", "loss_instruction"] {
            assert!(metrics.contains(&format!("\"{name}\":")), "{name}");
        }

        let bundle = Bundle::open(&out).unwrap();
        let expected = json!({
            "transcribe": ["{speech} say it", "{speech} repeat", "{speech} again"],
            "ask": ["{speech} {question}", "{speech} tell me {question}"],
            "instruction": ["{speech} {instruction}"],
            "reply": ["{speech} reply"],
        });
        assert_eq!(json!(bundle.manifest().templates), expected);
        let names = &bundle.manifest().training.as_ref().unwrap()["tasks"];
        assert_eq!(*names, json!(["transcribe", "ask", "instruction"]));
        let model = SpeechModel::load(&bundle, &device).unwrap();
        let tone: Vec<f32> = (0..8_000).map(|i| (i as f32 * 0.2).sin() * 0.1).collect();
        for task in [Task::Transcribe, Task::Ask { question: "is it on".into() }, Task::Reply] {
            let mut request = model.request(task);
            request.token_limit = TokenLimit::AtMost(4);
            assert_eq!(model.respond(&[&tone], &request).unwrap().len(), 1);
        }
    }
}

/// The same task by speech and by text.
const BOTH: &str = r#"
[[task]]
name = "ask"
target = "answer"
from = "both"
phrasings = ["{question}"]
"#;

#[test]
fn text_in_the_place_of_speech_is_learnt_from_beside_speech() {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Own);
    let device = Device::flex();
    let mut stage = stage(&fixture, 2, BOTH);
    // A row that has only text.
    let manifest = fixture.path("corpus").join("questions.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let alone = json!({"text": "it is on", "question": "is it on", "answer": "yes"});
    let shape = stage.model.as_mut().unwrap();
    without_dropout(shape);
    shape.reduction = LengthReduction::Stack { count: 2 };
    let job = |stage: &AdapterStage| {
        let parts = Frozen::load(&stage.encoder, &stage.llm, &device).unwrap();
        AdapterJob::new(stage.clone(), parts)
    };
    let made = job(&stage).unwrap();
    let adapter = made.init(&device).unwrap();
    // Examples of a row are neighbours: by speech, by text.
    let loss = |items: &[usize]| loss_of(&made, &adapter, items, 3);
    let (mixed, speech, text_only) = (loss(&[0, 1, 2, 3]), loss(&[0, 2]), loss(&[1, 3]));
    assert!((mixed - speech - text_only).abs() < 1e-3 * mixed, "{mixed}, {speech} and {text_only}");
    assert!((speech - text_only).abs() > 1e-3 * mixed);
    // What is read as text does not depend on the adapter.
    device.seed(77);
    let other = made.init(&device).unwrap();
    let again = loss_of(&made, &other, &[1, 3], 3);
    assert!((again - text_only).abs() < 1e-6 * text_only);
    let metrics = made.evaluate(&adapter).unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["loss_ask", "loss_ask_text"]);

    // By speech it cannot be asked.
    fs::write(&manifest, format!("{text}\n{alone}\n")).unwrap();
    let error = job(&stage).err().unwrap().to_string();
    assert!(
        error.contains("the text `it is on` does not fit task `ask` (tasks.toml:3): it has no audio"),
        "{error}"
    );
    stage.tasks = fixture.tasks("skip.toml", &format!("{BOTH}unfit = \"skip\"\n"));
    let items: usize = job(&stage).unwrap().batches(0).iter().map(Vec::len).sum();
    assert_eq!(items, 2 * WORDS.len() + 1);

    // Nothing that is trained reads it yet.
    let error = adapter::train(stage, &fixture.path("run"), &fixture.path("out"), &device).unwrap_err();
    assert_eq!(error.to_string(), "task `ask` reads text, of which a frozen language model learns nothing");
}

#[test]
fn a_source_that_no_manifest_has_is_named() {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Own);
    let stage = stage(&fixture, 2, &TASKS.replace("\"ask\"", "\"ask\"\nsources = [\"books\"]"));
    let parts = Frozen::load(&stage.encoder, &stage.llm, &Device::flex()).unwrap();
    let error = AdapterJob::new(stage, parts).err().unwrap().to_string();
    assert!(error.ends_with("no source of the manifests is named `books`"), "{error}");
}

#[test]
fn rows_that_a_language_model_cannot_be_asked_about_are_named() {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Own);
    let stage = stage(&fixture, 2, TASKS);
    let manifest = fixture.path("corpus").join("questions.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("is it up", &"is it up ".repeat(400))).unwrap();
    let device = Device::flex();
    let parts = Frozen::load(&stage.encoder, &stage.llm, &device).unwrap();
    let error = AdapterJob::new(stage, parts).err().unwrap().to_string();
    assert!(error.contains("2.wav` does not fit task `ask` (tasks.toml:8): instruction has "), "{error}");
    assert!(error.ends_with("tokens, limit is 512"), "{error}");
    let kept = Path::new(&fixture.path("cache")).read_dir().unwrap().count();
    assert_eq!(kept, 0, "it was found before anything was encoded");
}
