//! Weight files of PyTorch: they hold what the safetensors file holds from which `fixtures/make_torch_files.py` made
//! them, and what is wrong with one is named.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::checkpoint::{ForeignFormat, WeightFormat};
use slm_core::models::llm::{LlmError, T5};
use slm_tests::{checkpoint, fixtures, float_values as values};

fn whole() -> PathBuf {
    fixtures().join("parity/t5_v11_gated_untied")
}

/// A folder with the config of the T5 and these files, each copied from `torch/` under another name.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(whole().join("config.json"), dir.path().join("config.json")).unwrap();
    for (from, to) in files {
        fs::copy(fixtures().join("torch").join(from), dir.path().join(to)).unwrap();
    }
    dir
}

fn load(dir: &Path) -> Result<T5, LlmError> {
    T5::load(&checkpoint(dir), &Device::flex())
}

#[test]
fn every_layout_gives_the_tensors_of_the_safetensors_file() {
    let expected = values(&load(&whole()).unwrap());
    for name in ["views.bin", "legacy.bin"] {
        let dir = folder(&[(name, "pytorch_model.bin")]);
        assert_eq!(values(&load(dir.path()).unwrap()), expected, "{name}");
        assert_eq!(checkpoint(dir.path()).weights().unwrap().format(), WeightFormat::Torch);
        assert_eq!(checkpoint(dir.path()).weight_names().unwrap(), ["pytorch_model.bin"]);
    }
    for (name, round) in [
        ("f16.bin", (|x: f32| half::f16::from_f32(x).to_f32()) as fn(f32) -> f32),
        ("bf16.bin", |x| half::bf16::from_f32(x).to_f32()),
    ] {
        let rounded: Vec<f32> = expected.iter().map(|&x| round(x)).collect();
        let dir = folder(&[(name, "pytorch_model.bin")]);
        assert_eq!(values(&load(dir.path()).unwrap()), rounded, "{name}");
    }
}

#[test]
fn shards_are_one_set_of_tensors() {
    let shards = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
    let dir = folder(&[("shard-1.bin", shards[0]), ("shard-2.bin", shards[1])]);
    let names: Vec<String> = checkpoint(&whole()).weights().unwrap().names().cloned().collect();
    let map: serde_json::Map<String, serde_json::Value> =
        names.iter().enumerate().map(|(index, name)| (name.clone(), shards[index % 2].into())).collect();
    let index = serde_json::json!({"metadata": {}, "weight_map": map});
    fs::write(dir.path().join("pytorch_model.bin.index.json"), index.to_string()).unwrap();
    assert_eq!(values(&load(dir.path()).unwrap()), values(&load(&whole()).unwrap()));
    assert_eq!(checkpoint(dir.path()).weight_names().unwrap().len(), 3);
    // Safetensors come first where a folder has both.
    fs::copy(whole().join("model.safetensors"), dir.path().join("model.safetensors")).unwrap();
    assert_eq!(checkpoint(dir.path()).weights().unwrap().format(), WeightFormat::Safetensors);
}

#[test]
fn a_pickle_is_read_and_never_run() {
    let dir = folder(&[("command.bin", "pytorch_model.bin")]);
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("missing `shared.weight`") || error.contains("system"), "{error}");
    assert!(!Path::new("slm-was-here").exists());
}

#[test]
fn damaged_and_foreign_files_are_named() {
    let bytes = fs::read(fixtures().join("torch/views.bin")).unwrap();
    let dir = folder(&[]);
    let path = dir.path().join("pytorch_model.bin");
    for (content, expected) in [
        (&bytes[..bytes.len() / 2], "pytorch_model.bin"),
        (&bytes[..40], "pytorch_model.bin"),
        (&[][..], "pytorch_model.bin"),
        (b"version https://git-lfs.github.com/spec/v1", "this is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "this is an HTML page"),
        (b"GGUF\x03\0\0\0\0\0", "GGUF files are read by their own path"),
    ] {
        fs::write(&path, content).unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot load weights `") && error.contains(expected), "{error}");
    }
    fs::remove_file(&path).unwrap();
    for (name, format) in [
        ("flax_model.msgpack", ForeignFormat::Msgpack),
        ("model.ckpt.index", ForeignFormat::TensorFlow),
        ("tf_model.h5", ForeignFormat::Hdf5),
    ] {
        let dir = folder(&[]);
        fs::write(dir.path().join(name), b"x").unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.ends_with(&format.to_string()), "{error}");
    }
}

/// Bytes in the middle are damaged, one after the other: an error or other numbers, never a panic.
#[test]
fn no_damage_makes_it_panic() {
    let bytes = fs::read(fixtures().join("torch/f16.bin")).unwrap();
    let dir = folder(&[]);
    for step in 0..300 {
        let mut bytes = bytes.clone();
        let place = step * 7919 % bytes.len();
        bytes[place] ^= 0x55;
        fs::write(dir.path().join("pytorch_model.bin"), bytes).unwrap();
        drop(load(dir.path()));
    }
}
