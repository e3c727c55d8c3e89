//! Phrases in a published speech language model whose CTC head spells: looked for in the head, named in the prompt, and
//! checked in the text. And its encoder as that of a bundle.
//!
//! The model hears and writes what `expected.json` says, the latter after the prompt that names the phrase; see
//! `tests/fixtures/make_speech_llm.py`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde::Deserialize;
use slm_core::models::adapter::{
    AdapterConfig, AdapterKind, AdapterShape, LengthReduction, OutputSpace, TransformerShape,
};
use slm_core::models::checkpoint::{Bundle, BundleManifest, Parts};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::speech::SpeechModel;
use slm_core::{Model, OpenOptions, PhraseList, Task, audio};
use slm_tests::{backend, fixtures};

#[derive(Deserialize)]
struct Expected {
    heard: String,
    written: String,
    phrase: String,
}

fn folder() -> PathBuf {
    fixtures().join("speech_llm/granite_speech_spelling")
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn samples() -> Vec<f32> {
    audio::read(&folder().join("audio_0.wav")).unwrap().samples
}

/// Words that nobody said.
fn others(count: usize) -> Vec<String> {
    let letter = |number: usize| char::from(b"bdfghijkmpqtuy"[number % 14]);
    (0..count)
        .map(|word| (0..9).map(|place| letter(word / 14_usize.pow(place % 4) + 5 * place as usize)).collect())
        .collect()
}

#[test]
fn of_many_phrases_the_one_that_was_said_is_named_and_its_spelling_counts() {
    let expected = expected();
    let model = Model::open(folder(), &OpenOptions::new()).unwrap();
    assert!(model.capabilities().phrases);
    let mut request = model.request(Task::Transcribe);
    request.segmentation.finds_speech = false;
    let without = model.answer(&samples(), &request).unwrap();
    assert_ne!(without.text, expected.written, "the text does not depend on the prompt");

    let mut phrases = others(20_000);
    phrases.insert(12_345, expected.phrase.clone());
    request.phrases = Some(model.phrases(&PhraseList::new(&phrases).unwrap()).unwrap());
    let answer = model.answer(&samples(), &request).unwrap();
    assert_eq!(answer.text, expected.heard);
    let segment = &answer.segments[0];
    let [respelled] = &segment.respelled[..] else { panic!("{:?}", segment.respelled) };
    assert_eq!(respelled.phrase, expected.phrase);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (written, heard) = (words(&expected.written), words(&expected.heard));
    let place = heard.iter().position(|word| *word == expected.phrase).unwrap();
    assert_eq!(respelled.written, written[place]);
    // Where the head says them: a state every 20 ms, a letter every second state, from the third on.
    let first = expected.heard.find(&expected.phrase).unwrap();
    let start = 0.02 * (3 + 2 * first) as f64;
    assert!((respelled.start - start).abs() < 0.05, "{}, not {start}", respelled.start);
}

#[test]
fn phrases_that_nobody_said_change_nothing() {
    let model = Model::open(folder(), &OpenOptions::new()).unwrap();
    let mut request = model.request(Task::Transcribe);
    request.segmentation.finds_speech = false;
    let without = model.answer(&samples(), &request).unwrap();
    request.phrases = Some(model.phrases(&PhraseList::new(others(5_000)).unwrap()).unwrap());
    let answer = model.answer(&samples(), &request).unwrap();
    assert_eq!((answer.text, answer.segments[0].respelled.len()), (without.text, 0));
}

/// A bundle with the encoder of the folder and the language model of the reference model.
fn write_bundle(dir: &Path) {
    let llm = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("weights/slm-tiny/llm");
    let part = |name: &str, from: &Path, files: &[&str]| {
        std::fs::create_dir_all(dir.join(name)).unwrap();
        for file in files {
            std::fs::copy(from.join(file), dir.join(name).join(file)).unwrap();
        }
        Bundle::hash_part(dir, name, files).unwrap()
    };
    let files = ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"];
    let encoder = part("encoder", &folder(), &files);
    let llm = part("llm", &llm, &["config.json", "model.safetensors", "tokenizer.json"]);
    let shape = AdapterShape {
        reduction: LengthReduction::Stack { count: 2 },
        encoder_layers: BTreeSet::new(),
        kind: AdapterKind::Transformer(TransformerShape {
            output: OutputSpace::Projected,
            hidden_size: 8,
            num_layers: 1,
            num_heads: 2,
            intermediate_size: 8,
            dropout: 0.0,
        }),
    };
    let adapter = tempfile::tempdir().unwrap();
    let config = AdapterConfig { encoder_dim: 64, llm_dim: 192, labels: None, shape };
    config.init(&Device::flex()).save(adapter.path(), StorageType::F32).unwrap();
    let adapter = part("adapter", adapter.path(), &["config.json", "model.safetensors"]);
    let mut manifest = BundleManifest::new("test");
    manifest.parts = Parts { encoder, llm, adapter };
    manifest.templates.insert("transcribe".into(), vec!["{speech} : repeat".into()]);
    Bundle::write(dir, &manifest).unwrap();
}

#[test]
fn as_the_encoder_of_a_bundle_it_has_labels_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path());
    let device = backend().device().unwrap();
    let model = SpeechModel::load(&Bundle::open(dir.path()).unwrap(), &device).unwrap();
    assert_eq!(model.ears().heard_labels().unwrap().len(), 256);
    let speech = model.encode(&[&samples()]).unwrap();
    assert_eq!(model.ctc_text(&speech[0]).unwrap().unwrap(), expected().heard);
}
