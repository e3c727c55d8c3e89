//! What a model on disk is: of a bundle the files that its manifest lists and nothing that lies beside them. And what must
//! not be written or read: values that do not fit their type, tensors that share bytes.

#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use slm_core::models::checkpoint::{Bundle, BundleManifest, Checkpoint, MANIFEST_NAME, Parts, WeightFormat};
use slm_core::models::decode::{DecodeConfig, Strategy};
use slm_core::models::llm::T5;
use slm_core::models::llm::t5::{OutputHead, T5Config};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::speech::SpeechModel;
use slm_core::models::text::TextTokenizer;
use slm_core::{Model, Task};
use slm_tests::{checkpoint, fixtures, float_values};

use common::{copy_dir, t5_config};

fn reference_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("weights/slm-tiny")
}

/// Copies files into the folder `to`, each under another name.
fn copy(files: &[(PathBuf, &str)], to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (from, name) in files {
        fs::copy(from, to.join(name)).unwrap();
    }
}

/// Writes a bundle that lists the weights of PyTorch, a SentencePiece model and no generation settings for its language
/// model, and no tokenizer for its encoder.
fn write_bundle(dir: &Path) {
    let (t5, parakeet) =
        (fixtures().join("parity/t5_v11_gated_untied"), fixtures().join("parity/parakeet_ctc_x4"));
    let of = |folder: &Path, name: &'static str| (folder.join(name), name);
    let spiece = fixtures().join("sentencepiece/byte_fallback/spiece.model");
    let views = fixtures().join("torch/views.bin");
    let llm = [of(&t5, "config.json"), (views, "pytorch_model.bin"), (spiece, "spiece.model")];
    let reference = fixtures().join("../../weights/slm-tiny/encoder");
    let encoder = [
        of(&parakeet, "config.json"),
        of(&parakeet, "model.safetensors"),
        of(&reference, "preprocessor_config.json"),
    ];
    // Of the adapter no test reads more than that it is there.
    let adapter = [of(&t5, "config.json"), of(&t5, "model.safetensors")];
    let part = |name: &str, files: &[(PathBuf, &str)]| {
        copy(files, &dir.join(name));
        let names: Vec<&str> = files.iter().map(|(_, name)| *name).collect();
        Bundle::hash_part(dir, name, &names).unwrap()
    };
    let mut manifest = BundleManifest::new("test");
    manifest.parts = Parts {
        encoder: part("encoder", &encoder),
        llm: part("llm", &llm),
        adapter: part("adapter", &adapter),
    };
    manifest.templates.insert("transcribe".into(), vec!["{speech} : repeat the text".into()]);
    Bundle::write(dir, &manifest).unwrap();
}

/// What is loaded of a language model and an encoder.
fn loaded(llm: &Checkpoint, encoder: &Checkpoint) -> (Vec<f32>, Vec<u32>, DecodeConfig, bool) {
    (
        float_values(&T5::load(llm, &Device::flex()).unwrap()),
        TextTokenizer::from_checkpoint(llm).unwrap().encode("turn on the lights").unwrap(),
        DecodeConfig::from_checkpoint(llm).unwrap(),
        TextTokenizer::find(encoder).unwrap().is_some(),
    )
}

#[test]
fn what_lies_beside_the_listed_files_is_not_there() {
    let device = Device::flex();
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path());
    let (encoder_dir, llm_dir) = (dir.path().join("encoder"), dir.path().join("llm"));
    // Everything that a loader would take first.
    let config = T5Config::from_checkpoint(&checkpoint(&llm_dir)).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    config.init(OutputHead::Own, &device).save(scratch.path(), StorageType::F32).unwrap();
    let tokenizer = reference_model().join("llm/tokenizer.json");
    copy(
        &[
            (scratch.path().join("model.safetensors"), "model.safetensors"),
            (tokenizer.clone(), "tokenizer.json"),
        ],
        &llm_dir,
    );
    fs::write(llm_dir.join("generation_config.json"), r#"{"num_beams": 3, "no_repeat_ngram_size": 2}"#)
        .unwrap();
    copy(&[(tokenizer, "tokenizer.json")], &encoder_dir);

    let bundle = Bundle::open(dir.path()).unwrap();
    let (llm, encoder) = (bundle.llm().unwrap(), bundle.encoder().unwrap());
    assert!(!llm.has("model.safetensors") && !llm.has("tokenizer.json") && llm.has("spiece.model"));
    assert_eq!(llm.weights().unwrap().format(), WeightFormat::Torch);
    assert_eq!(llm.weight_names().unwrap(), ["pytorch_model.bin"]);
    let whole = checkpoint(&fixtures().join("parity/t5_v11_gated_untied"));
    let expected = float_values(&T5::load(&whole, &device).unwrap());
    let (values, ids, decoding, has_labels) = loaded(&llm, &encoder);
    assert!(values == expected, "other weights");
    assert_eq!(ids, [296, 277, 371, 292, 260, 259, 267, 283, 278, 366, 262]);
    assert_eq!(decoding, DecodeConfig::default());
    assert!(!has_labels);

    // The folders themselves, without a list, give the others: the test can fail.
    let (values, others, decoding, has_labels) = loaded(&checkpoint(&llm_dir), &checkpoint(&encoder_dir));
    assert!(values != expected && others != ids && has_labels);
    assert_eq!(decoding.no_repeat_ngram, Some(2));
}

#[test]
fn a_listed_file_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path());
    fs::remove_file(dir.path().join("llm/pytorch_model.bin")).unwrap();
    let whole = fixtures().join("parity/t5_v11_gated_untied/model.safetensors");
    fs::copy(whole, dir.path().join("llm/model.safetensors")).unwrap();
    let error = Bundle::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("pytorch_model.bin"), "{error}");
}

/// The reference model with its generation settings off the list, and still in the folder.
#[test]
fn settings_that_are_not_listed_do_not_decode() {
    let device = Device::flex();
    let decoding = |dir: &Path| {
        let model = SpeechModel::load(&Bundle::open(dir).unwrap(), &device).unwrap();
        model.decoding(&Task::Continue)
    };
    let listed = decoding(&reference_model());
    assert!(matches!(listed.strategy, Strategy::Beam { size: 4, .. }) && listed.no_repeat_ngram == Some(6));

    let dir = tempfile::tempdir().unwrap();
    copy_dir(&reference_model(), dir.path());
    let path = dir.path().join(MANIFEST_NAME);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let files = manifest["parts"]["llm"]["files"].as_object_mut().unwrap();
    assert!(files.remove("generation_config.json").is_some());
    fs::write(&path, manifest.to_string()).unwrap();
    assert!(dir.path().join("llm/generation_config.json").exists());
    assert_eq!(decoding(dir.path()), DecodeConfig::default());
    assert!(Model::describe(dir.path()).is_ok());
}

/// Sets the first value of the embedding.
struct SetFirst {
    path: Vec<String>,
    value: f32,
}

impl ModuleMapper for SetFirst {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.join(".") != "shared.weight" {
            return param;
        }
        let value = self.value;
        param.map(|weight| {
            let (shape, device) = (weight.shape(), weight.device());
            let mut values = weight.try_into_vec_as::<f32>().unwrap();
            values[0] = value;
            Tensor::from_data(TensorData::new(values, shape), &device)
        })
    }
}

#[test]
fn what_would_be_infinite_in_sixteen_bits_is_not_saved() {
    let device = Device::flex();
    let config = T5Config { vocab_size: 40, ..t5_config(0.0) };
    let model = config.init(OutputHead::Tied, &device);
    for (value, storage, fits) in [
        (65_504.0, StorageType::F16, true),
        (65_519.0, StorageType::F16, true),
        (65_520.0, StorageType::F16, false),
        (-65_520.0, StorageType::F16, false),
        (1e30, StorageType::F16, false),
        (1e30, StorageType::F32, true),
        (f32::INFINITY, StorageType::F32, false),
        (f32::NAN, StorageType::F16, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let changed = model.clone().map(&mut SetFirst { path: Vec::new(), value });
        match changed.save(dir.path(), storage) {
            Ok(()) => {
                assert!(fits, "{value} was saved in {storage:?}");
                let first = float_values(&T5::load(&checkpoint(dir.path()), &device).unwrap())[0];
                assert!((first - value).abs() <= 1e-3 * value, "{value} became {first}");
            }
            Err(error) => {
                assert!(!fits && error.to_string().contains("shared.weight"), "{value}: {error}");
                assert!(!dir.path().join("model.safetensors").exists());
            }
        }
    }
}

/// A safetensors file with this header and so many bytes of tensors.
fn safetensors(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + bytes, 0);
    file
}

#[test]
fn tensors_that_overlap_or_leave_a_hole_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    for (second, bytes, is_sound) in [
        ("[8,16]", 16, true),
        ("[4,12]", 12, false),
        ("[0,8]", 8, false),
        ("[12,20]", 20, false),
        ("[8,16]", 24, false),
    ] {
        let header = format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"b":{{"dtype":"F32","shape":[2],"data_offsets":{second}}}}}"#
        );
        fs::write(&path, safetensors(&header, bytes)).unwrap();
        match checkpoint(dir.path()).weights() {
            Ok(files) => {
                assert!(is_sound, "{second} of {bytes}: read as {:?}", files.names().collect::<Vec<_>>());
            }
            Err(error) => {
                assert!(!is_sound && error.to_string().contains("model.safetensors"), "{second}: {error}");
            }
        }
    }
}
