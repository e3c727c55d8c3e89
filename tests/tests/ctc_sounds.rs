//! The stage `ctc` with recordings that are changed when they are read, and with sounds in which nothing is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use burn::prelude::*;
use serde_json::json;
use slm_train::steps::ctc::{self, CtcConfig};
use slm_train::training::LoopConfig;

use common::{Fixture, WORDS, finished, loop_config, losses};

/// The stage on spoken words, and on sounds without text among them.
fn stage(fixture: &Fixture, settings: &serde_json::Value) -> CtcConfig {
    let mut words = WORDS.to_vec();
    words.extend([("", ""), ("", "")]);
    let mixed = fixture.corpus("mixed", &words);
    let config = fixture.ctc(&LoopConfig { eval_every: 100, ..loop_config(30) }, 0.0, 300);
    let mut config = serde_json::to_value(config).unwrap();
    config["train_manifest"] = json!(mixed);
    for (key, value) in settings.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

#[test]
fn words_and_sounds_are_learnt_together() {
    let fixture = Fixture::new();
    let settings = json!({
        "timing": { "deviation_s": 0.12, "weight": 1.0 },
        "augment": { "telephone": { "probability": 0.5 } },
    });
    let (run, out) = (fixture.path("run"), fixture.path("out"));
    finished(ctc::train(stage(&fixture, &settings), &run, &out, &Device::flex()).unwrap());
    let log = losses(&run);
    let mean = |part: &[(u64, f64)]| part.iter().map(|(_, loss)| loss).sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&log[..5]), mean(&log[25..]));
    assert!(last < 0.85 * first, "loss {first} at first, {last} at last");
}

#[test]
fn a_batch_of_sounds_alone_is_learnt() {
    let fixture = Fixture::new();
    let mut config = stage(&fixture, &json!({ "timing": { "deviation_s": 0.12, "weight": 1.0 } }));
    config.train_manifest = fixture.corpus("sounds", &[("", ""), ("", ""), ("", "")]).into();
    let (run, out) = (fixture.path("run"), fixture.path("out"));
    finished(ctc::train(config, &run, &out, &Device::flex()).unwrap());
    let log = losses(&run);
    let (first, last) = (log[0].1, log[log.len() - 1].1);
    assert!(last < 0.1 * first, "loss {first} at first, {last} at last");
}

#[test]
fn what_moves_words_is_refused() {
    let fixture = Fixture::new();
    let settings = json!({ "augment": {
        "speed": { "probability": 0.5, "factor": [0.9, 1.1] },
        "spec": { "frequency_masks": 1 },
    } });
    let train =
        ctc::train(stage(&fixture, &settings), &fixture.path("run"), &fixture.path("out"), &Device::flex());
    let error = format!("{:#}", train.unwrap_err());
    assert!(error.contains("`augment.speed` moves the words") && error.contains("`augment.spec`"), "{error}");
    assert!(!fixture.path("run").exists());
}
