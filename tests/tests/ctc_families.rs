//! Speech encoders with a CTC head of every family, as they are published: folders of random weights that open as models,
//! and their labels beside those of the reference.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::ctc::{CtcPosteriors, best_path};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::nn::PaddedBatch;
use slm_core::{Backend, BackendChoice, Error, Model, ModelKind, OpenOptions, Task, audio};
use slm_tests::{HostTensor, checkpoint, fixtures, read_tensors};

/// The parity folders of encoders with a head; the rest of what a model needs is added by [`folder`].
const FAMILIES: [&str; 7] = [
    "parakeet_ctc_x4",
    "parakeet_ctc_x8",
    "lasr_ctc",
    "w2v_bert_ctc_adapter",
    "w2v2_conformer_ctc_group",
    "granite_speech5_ctc",
    "nemo_ctc_x4",
];

fn options() -> OpenOptions {
    OpenOptions::new().backend(BackendChoice::Named(Backend::Flex))
}

/// A committed recording.
fn speech() -> Vec<f32> {
    let wav = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/audio/test/wav/000000-16147b07.wav"));
    audio::read(&wav).unwrap().samples
}

/// A parity folder with the features and labels that such a model is published with.
fn folder(name: &str, into: &Path) {
    let from = fixtures().join("parity").join(name);
    for entry in fs::read_dir(&from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, into.join(path.file_name().unwrap())).unwrap();
        }
    }
    let features = match name {
        "parakeet_ctc_x4" | "parakeet_ctc_x8" => {
            r#"{"feature_extractor_type": "ParakeetFeatureExtractor", "feature_size": 32}"#
        }
        "lasr_ctc" => r#"{"feature_extractor_type": "LasrFeatureExtractor", "feature_size": 32}"#,
        "w2v_bert_ctc_adapter" => {
            r#"{"feature_extractor_type": "SeamlessM4TFeatureExtractor", "num_mel_bins": 12, "stride": 2}"#
        }
        "w2v2_conformer_ctc_group" => {
            r#"{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": true}"#
        }
        // Its settings are in its folder.
        "granite_speech5_ctc" => "",
        // An archive has its own features and labels.
        _ => return,
    };
    if !features.is_empty() {
        fs::write(into.join("preprocessor_config.json"), features).unwrap();
    }
    let config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(from.join("config.json")).unwrap()).unwrap();
    let (count, blank) = (config["vocab_size"].as_u64().unwrap(), config["pad_token_id"].as_u64().unwrap());
    // A letter a label, and the mark between words beside the blank.
    let mark = u64::from(blank == 0);
    let labels: serde_json::Map<String, serde_json::Value> = (0..count)
        .map(|id| {
            let letter = || char::from(b'A' + id as u8).to_string();
            let label = match id {
                id if id == blank => "<pad>".to_owned(),
                id if id == mark => "|".to_owned(),
                _ => letter(),
            };
            (label, id.into())
        })
        .collect();
    fs::write(into.join("vocab.json"), serde_json::to_string(&labels).unwrap()).unwrap();
}

#[test]
fn every_family_opens_transcribes_and_refuses_questions() {
    let samples = speech();
    for name in FAMILIES {
        let dir = tempfile::tempdir().unwrap();
        folder(name, dir.path());
        let described = Model::describe(dir.path()).unwrap();
        assert_eq!((described.kind, described.tasks), (ModelKind::CtcModel, vec!["transcribe".to_owned()]));
        let model = Model::open(dir.path(), &options()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(model.capabilities().tasks, ["transcribe"], "{name}");
        let mut request = model.request(Task::Transcribe);
        // A head of random weights is sure of nothing.
        request.segmentation.no_speech_threshold = 2.0;
        let greedy = model.answer(&samples, &request).unwrap();
        let [segment] = greedy.segments.as_slice() else { panic!("{name}: {greedy:?}") };
        assert!(!segment.tokens.is_empty(), "{name}");
        assert_eq!(segment.ctc_text.as_deref().map(str::trim), Some(greedy.text.as_str()), "{name}");
        assert_eq!(
            segment.alignment.as_ref().unwrap().words.len(),
            greedy.text.split_whitespace().count(),
            "{name}"
        );
        request.decode.strategy = request.decode.strategy.with_beams(4);
        // The most probable labelling is at least as probable as the best path.
        assert!(model.answer(&samples, &request).unwrap().score >= greedy.score - 1e-3, "{name}");
        let question = model.request(Task::Ask { question: "who is it".into() });
        assert!(matches!(model.check(&question), Err(Error::Unsupported(_))), "{name}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    folder("parakeet_ctc_x4", dir.path());
    fs::remove_file(dir.path().join("vocab.json")).unwrap();
    let described = Model::describe(dir.path()).unwrap();
    assert_eq!(
        (described.kind, described.parts[0].missing.as_slice()),
        (ModelKind::CtcModel, &["tokenizer.json"][..])
    );
    let error = Model::open(dir.path(), &options()).unwrap_err();
    assert!(matches!(error, Error::Damaged(_)) && error.to_string().contains("tokenizer.json"), "{error}");
    folder("parakeet_ctc_x4", dir.path());
    fs::remove_file(dir.path().join("preprocessor_config.json")).unwrap();
    let error = Model::open(dir.path(), &options()).unwrap_err();
    assert!(error.to_string().contains("preprocessor_config.json"), "{error}");
    // Without a head there is no text, and that is said.
    let error = Model::open(fixtures().join("parity/w2v_bert"), &options()).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("a speech encoder alone, which has no CTC head"), "{text}");
}

/// What the rows of logits `[B, T, V]` say when the largest of each frame is taken, repeats and blanks left out.
fn by_largest(logits: &HostTensor, lengths: &[usize], blank: u32) -> Vec<Vec<u32>> {
    let [_, time, labels] = logits.shape[..] else { panic!("{:?}", logits.shape) };
    lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| {
            let mut ids: Vec<u32> = Vec::new();
            let mut before = blank;
            for t in 0..length {
                let start = (row * time + t) * labels;
                let frame = &logits.values[start..start + labels];
                let best = (0..labels).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap() as u32;
                if best != blank && best != before {
                    ids.push(best);
                }
                before = best;
            }
            ids
        })
        .collect()
}

#[test]
fn greedy_labels_are_those_of_the_reference() {
    for name in FAMILIES {
        let dir = fixtures().join("parity").join(name);
        let io = read_tensors(&dir.join("io.safetensors"));
        let device = Device::flex();
        let encoder = SpeechEncoder::load(&checkpoint(&dir), &device).unwrap();
        let blank = encoder.blank() as u32;
        let input = io.get("input_features").or_else(|| io.get("input_values")).unwrap();
        let mut shape = input.shape.clone();
        shape.resize(3, 1);
        let input = HostTensor { shape: shape.clone(), ..input.clone() };
        let lengths =
            io.get("attention_mask").map_or_else(|| vec![shape[1]; shape[0]], HostTensor::row_lengths);
        let is_whole: Vec<bool> = lengths.iter().map(|&length| length == shape[1]).collect();
        let states = encoder.forward(&PaddedBatch::new(input.to_device(&device), lengths));
        let logits = encoder.ctc_logits(&states).unwrap();
        let width = logits.dims()[2];
        let time = logits.dims()[1];
        let values = burn::tensor::activation::log_softmax(logits, 2).try_into_vec_as::<f32>().unwrap();
        let expected = match io.get("ctc_ids") {
            // The reference says it itself, padded with -1.
            Some(ids) => {
                let widest = ids.shape[1];
                ids.values
                    .chunks(widest)
                    .map(|row| row.iter().filter(|id| **id >= 0.0).map(|id| *id as u32).collect())
                    .collect()
            }
            None => by_largest(&io["logits"], states.lengths(), blank),
        };
        for (row, &length) in states.lengths().iter().enumerate() {
            // Padded rows of encoders that shorten their states depend on the batch in the reference.
            if !is_whole[row] && name.starts_with("w2v_bert") {
                continue;
            }
            let start = row * time * width;
            let frames = values[start..start + length * width].to_vec();
            let found = best_path::labelling(&CtcPosteriors::new(frames, width, blank)).labels;
            assert_eq!(found, expected[row], "{name}, row {row}");
            assert!(!found.is_empty(), "{name}, row {row}");
        }
    }
}
