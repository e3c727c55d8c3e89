//! Adapters that start as what the CTC head hears, in the language model's own tokens; and transcripts that weigh the sound.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde_json::{Value, json};
use slm_core::Task;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::ctc::{self, best_path};
use slm_core::models::nn::{EncodedSpeech, PaddedBatch, PaddedIds};
use slm_core::models::prompt::{SpeechRows, adapter_input};
use slm_core::models::speech::SpeechModel;
use slm_tests::fixtures;
use slm_train::data::manifest;
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Frozen};

use common::{alone, finished};

fn root() -> PathBuf {
    fixtures().join("../..")
}

/// The encoder of slm-tiny, whose CTC head has 1024 pieces, before a chat model with other tokens.
fn stage(cache: &Path) -> AdapterStage {
    serde_json::from_value(json!({
        "name": "heard",
        "encoder": root().join("weights/slm-tiny/encoder"),
        "llm": root().join("tests/fixtures/conversation"),
        "train_manifest": root().join("tests/audio/test/manifest.jsonl"),
        "dev_manifest": root().join("tests/audio/test-voices/manifest.jsonl"),
        "cache": cache,
        "order": "speech-first",
        "tasks": root().join("weights/recipe/base-tasks.toml"),
        "batch_tokens": 600,
        "model": {
            "reduction": {"kind": "llm_tokens"},
            "output": "heard-tokens",
            "hidden_size": 32,
            "num_layers": 1,
            "num_heads": 2,
            "intermediate_size": 32,
            "dropout": 0.0,
        },
        "train": {"steps": 2, "learning_rate": 1e-2, "log_every": 1, "save_every": 2, "eval_every": 2},
    }))
    .unwrap()
}

/// What the encoder makes of the committed utterances.
fn heard(parts: &Frozen) -> Vec<EncodedSpeech> {
    let rows = manifest::read(root().join("tests/audio/test/manifest.jsonl")).unwrap();
    let one = |path: &Path| {
        let features = parts.features.extract(&slm_core::audio::read(path).unwrap().samples);
        let batch = PaddedBatch::from_rows(&[&features.values], parts.features.width(), &parts.device);
        ctc::encode(&parts.encoder, &batch).unwrap().remove(0)
    };
    rows.iter().map(|row| one(&row.audio_filepath)).collect()
}

#[test]
fn before_training_the_language_model_reads_what_the_head_hears() {
    let cache = tempfile::tempdir().unwrap();
    let stage = stage(cache.path());
    let device = Device::flex();
    let parts = Frozen::load(&stage.encoder, &stage.llm, &device).unwrap();
    let speech = heard(&parts);
    let labels = parts.labels.clone().unwrap();
    let (tokenizer, llm) = (parts.tokenizer.clone(), parts.llm.clone());
    let job = AdapterJob::new(stage, parts).unwrap();
    let rows =
        SpeechRows::new(job.adapter_config().shape.reduction, Some(&labels), &tokenizer, &llm).unwrap();

    let texts: Vec<String> =
        speech.iter().map(|one| labels.decode(&best_path::labels(one)).unwrap()).collect();
    assert!(texts.iter().all(|text| text.split(' ').count() > 2), "{texts:?}");
    let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text).unwrap()).collect();
    let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    let expected = llm.embed(&PaddedIds::from_rows(&ids, llm.ids().pad, &device));

    let reduced: Vec<_> = speech.iter().map(|one| rows.of(one).unwrap()).collect();
    let found = job.init(&device).unwrap().adapter.forward(&adapter_input(&reduced, &llm, &device));
    assert_eq!(found.lengths(), expected.lengths());
    let values = |batch: &PaddedBatch| batch.values().try_into_vec_as::<f32>().unwrap();
    let farthest =
        values(&found).iter().zip(values(&expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest < 1e-6, "{farthest}");
}

#[test]
fn such_an_adapter_is_trained_and_its_bundle_answers() {
    alone("such_an_adapter_is_trained_and_its_bundle_answers", || {
        let dir = tempfile::tempdir().unwrap();
        let (stage, out) = (stage(&dir.path().join("cache")), dir.path().join("bundle"));
        let device = Device::flex();
        let trained = finished(adapter::train(stage, &dir.path().join("run"), &out, &device).unwrap());
        let model = SpeechModel::load(&Bundle::open(&out).unwrap(), &device).unwrap();
        let adapted = model.adapted().unwrap();
        let sound = slm_core::audio::read(&root().join("tests/audio/test/wav/000010-9ff32614.wav")).unwrap();
        let speech = model.encode(&[&sound.samples]).unwrap();
        let embedded = adapted.embed_speech(&speech).unwrap();
        let answers = model.respond(&[&sound.samples], &model.request(Task::Transcribe)).unwrap();
        assert_eq!(answers.len(), 1);
        // The trained adapter is in the bundle, and adds something.
        let config: Value =
            serde_json::from_slice(&std::fs::read(out.join("adapter/config.json")).unwrap()).unwrap();
        assert_eq!(config["reduction"]["kind"], "llm_tokens");
        let text = adapted.tokenizer.encode("remind anita to call sebastian on saturday").unwrap();
        let plain = adapted.llm.embed(&PaddedIds::from_rows(&[&text], 0, &device));
        assert_eq!(embedded.lengths(), plain.lengths());
        let added = (embedded.values() - plain.values()).abs().max().into_scalar::<f32>();
        assert!(added > 1e-4, "{added}");
        drop(trained);
    });
}

/// The model of slm-tiny.
fn tiny() -> SpeechModel {
    let bundle = Bundle::open(&root().join("weights/slm-tiny")).unwrap();
    SpeechModel::load(&bundle, &Device::flex()).unwrap()
}

#[test]
fn a_transcript_that_weighs_the_sound_is_what_was_said() {
    let model = tiny();
    for row in manifest::read(root().join("tests/audio/test/manifest.jsonl")).unwrap() {
        let sound = slm_core::audio::read(&row.audio_filepath).unwrap();
        let mut request = model.request(Task::Transcribe);
        let alone = model.respond(&[&sound.samples], &request).unwrap().remove(0);
        request.decode.strategy = request.decode.strategy.with_beams(4);
        request.decode.ctc_weight = Some(0.3);
        let weighed = model.respond(&[&sound.samples], &request).unwrap().remove(0);
        assert_eq!(weighed.text, row.text);
        // The sound counts for something.
        assert!((weighed.score - alone.score).abs() > 1e-6);
    }
}

#[test]
fn weights_for_what_is_no_transcript_are_refused() {
    let model = tiny();
    let mut request = model.request(Task::Ask { question: "who is mentioned".into() });
    request.decode.ctc_weight = Some(0.3);
    let error = model.check(&request).unwrap_err().to_string();
    assert!(error.contains("`ctc_weight` is for transcripts"), "{error}");
    let ears =
        slm_core::models::checkpoint::Checkpoint::open(&root().join("weights/slm-tiny/encoder")).unwrap();
    let ears = SpeechModel::load_ctc(&ears, &Device::flex()).unwrap();
    let mut request = ears.request(Task::Transcribe);
    request.decode.ctc_weight = Some(0.3);
    assert!(ears.check(&request).is_err());
}
