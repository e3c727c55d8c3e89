//! The frozen parts of `weights/slm-base`, which `scripts/fetch-foundation-models.sh` brings. What needs them is skipped
//! where they are not there.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::{BackendChoice, Model, ModelKind, OpenOptions, Task, audio};
use slm_tests::{backend, checkpoint, float_values};

/// What brings the parts.
const SCRIPT: &str = "scripts/fetch-foundation-models.sh";
/// Values of the encoder of whisper-base.
const ENCODER_VALUES: usize = 20_590_592;

fn slm_base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../weights/slm-base")
}

/// The encoder of whisper-base alone, where it was fetched.
fn encoder() -> Option<PathBuf> {
    let dir = slm_base().join("encoder/base");
    if dir.join("model.safetensors").is_file() {
        return Some(dir);
    }
    eprintln!("skipped: `{}` has no weights, see {SCRIPT}", dir.display());
    None
}

#[test]
fn the_encoder_alone_is_that_of_the_whole_model() {
    let Some(dir) = encoder() else { return };
    let device = Device::flex();
    let values = float_values(&SpeechEncoder::load(&checkpoint(&dir), &device).unwrap());
    assert_eq!(values.len(), ENCODER_VALUES);
    let Some(whole) = std::env::var_os("SLM_WHISPER_BASE").map(PathBuf::from) else {
        eprintln!("skipped: `SLM_WHISPER_BASE` names no folder, see scripts/fetch-whisper-base.sh");
        return;
    };
    assert!(values == float_values(&SpeechEncoder::load(&checkpoint(&whole), &device).unwrap()));
}

/// The layers with a CTC head on that encoder, which are in the repository.
#[test]
fn the_layers_are_a_model_that_transcribes() {
    if encoder().is_none() {
        return;
    }
    let options = OpenOptions::new().backend(BackendChoice::Named(backend()));
    let model = Model::open(slm_base().join("encoder"), &options).unwrap();
    assert_eq!(Model::describe(slm_base().join("encoder")).unwrap().kind, ModelKind::CtcModel);
    let request = model.request(Task::Transcribe);
    assert!((request.segmentation.no_speech_threshold - 0.45).abs() < 1e-9);
    // "take butter off the shopping list", by espeak-ng
    let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio/test/wav/000002-0e9c3d67.wav");
    let answer = model.answer(&audio::read(&sound).unwrap().samples, &request).unwrap();
    assert!(answer.text.starts_with("take butter of"), "{}", answer.text);
    let noise: Vec<f32> =
        (0..32_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 3e5 - 0.1).collect();
    assert!(model.answer(&noise, &request).unwrap().text.is_empty());
}

/// The whole model: the language model writes what the layers hear.
#[test]
fn the_whole_model_writes_words() {
    if encoder().is_none() || !slm_base().join("llm").is_dir() {
        return;
    }
    let options = OpenOptions::new().backend(BackendChoice::Named(backend()));
    let model = Model::open(slm_base(), &options).unwrap();
    let request = model.request(Task::Transcribe);
    assert!(request.decode.ctc_weight.is_some() && request.decode.prior_weight.is_some());
    let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio/test/wav/000002-0e9c3d67.wav");
    let answer = model.answer(&audio::read(&sound).unwrap().samples, &request).unwrap();
    assert!(answer.text.starts_with("take butter of"), "{}", answer.text);
}

/// A checkout without the parts says what brings them; with them, every file is the one that the adapter was trained with.
#[test]
fn the_model_opens_or_says_how_to_get_its_parts() {
    let dir = slm_base();
    match Model::describe(&dir) {
        Ok(described) => assert_eq!(described.name.as_deref(), Some("slm-base")),
        Err(error) => {
            assert!(encoder().is_none(), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains(SCRIPT)), "{error}: {:?}", error.hint());
        }
    }
}
