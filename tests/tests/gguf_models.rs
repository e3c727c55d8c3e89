//! GGUF files as models: opened, listed and loaded as the folders that they were made from.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::checkpoint::{Checkpoint, CheckpointError, Layout, WeightFormat};
use slm_core::models::llm::T5;
use slm_core::models::nn::PaddedIds;
use slm_core::models::text::TextTokenizer;
use slm_tests::{checkpoint, fixtures, read_tensors};

fn file(name: &str) -> PathBuf {
    fixtures().join("gguf").join(name).join("model.gguf")
}

/// A folder with a GGUF file and these others.
fn folder(others: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(file("qwen2"), dir.path().join("a.gguf")).unwrap();
    for name in others {
        fs::write(dir.path().join(name), "{}").unwrap();
    }
    dir
}

#[test]
fn a_file_is_the_folder_that_it_was_made_from() {
    let path = file("qwen2");
    let model = checkpoint(&path);
    assert_eq!((model.layout(), model.place()), (Layout::Gguf, path.as_path()));
    assert_eq!(model.model_type().unwrap().as_deref(), Some("qwen2"));
    assert_eq!(model.files().iter().collect::<Vec<_>>(), ["model.gguf"]);
    assert_eq!(model.model_files().unwrap(), ["model.gguf"]);
    assert!(model.has("config.json") && model.has("tokenizer.json") && !model.has("generation_config.json"));
    assert_eq!(model.path_of("config.json"), path);
    let weights = model.weights().unwrap();
    assert_eq!(weights.format(), WeightFormat::Gguf);
    let entry = weights.entry("model.layers.0.self_attn.q_proj.weight").unwrap();
    assert_eq!(
        (entry.dtype.as_str(), entry.shape.as_slice(), entry.is_float()),
        ("Q5_0", &[64, 64][..], true)
    );
    assert!(weights.contains("lm_head.weight") && !weights.contains("output.weight"));
    let tokenizer = TextTokenizer::from_checkpoint(&model).unwrap();
    assert_eq!(tokenizer.encode("<|im_start|>the").unwrap(), [1, 45]);
    assert_eq!(model.content_hash().unwrap(), checkpoint(&path).content_hash().unwrap());
    assert!(model.read("tokenizer.json", 10).is_err());
}

#[test]
fn a_folder_with_one_file_is_that_file_s() {
    let layout = |others: &[&str]| checkpoint(folder(others).path()).layout();
    assert_eq!(layout(&[]), Layout::Gguf);
    // Some folders keep the config of what the file was made from beside it.
    assert_eq!(layout(&["config.json", "README.md"]), Layout::Gguf);
    assert_eq!(layout(&["config.json", "model.safetensors"]), Layout::HuggingFace);
    assert_eq!(layout(&["b.gguf"]), Layout::HuggingFace);
    let dir = folder(&["b.gguf"]);
    let error = checkpoint(dir.path()).weights().unwrap_err().to_string();
    assert!(
        error.ends_with("a.gguf`: GGUF files are read by their own path, which ends in `.gguf`"),
        "{error}"
    );
    let listed = Checkpoint::listed(dir.path(), ["a.gguf"]).unwrap();
    assert_eq!(listed.model_type().unwrap().as_deref(), Some("qwen2"));
    let error = Checkpoint::listed(dir.path(), ["b.gguf"]).unwrap_err();
    assert!(matches!(error, CheckpointError::Gguf(_)), "{error}");
}

/// The largest difference, by the root mean square of what is expected.
fn gap(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let square: f32 = expected.iter().map(|value| value * value).sum();
    let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    largest / (square / expected.len() as f32).sqrt()
}

#[test]
fn a_t5_computes_what_it_should() {
    let device = Device::flex();
    let model = T5::load(&checkpoint(&file("t5")), &device).unwrap();
    let io = read_tensors(&fixtures().join("gguf/t5/io.safetensors"));
    let (inputs, targets, logits) = (&io["input_ids"], &io["decoder_input_ids"], &io["logits"]);
    let rows = inputs.shape[0];
    // Each row alone, without its padding.
    for (row, length) in io["attention_mask"].row_lengths().into_iter().enumerate() {
        let tokens = PaddedIds::from_rows(&[&inputs.id_row(row)[..length]], 0, &device);
        let memory = model.encode(&model.embed(&tokens));
        let found = memory.values().try_into_vec_as::<f32>().unwrap();
        let states = &io["encoder_last_hidden_state"].values;
        let states = &states[row * states.len() / rows..][..found.len()];
        assert!(gap(&found, states) < 1e-4, "row {row}");
        let targets = PaddedIds::from_rows(&[targets.id_row(row)], 0, &device).ids;
        let found = model.decode(&memory, targets).try_into_vec_as::<f32>().unwrap();
        let expected = &logits.values[row * found.len()..][..found.len()];
        assert!(gap(&found, expected) < 1e-4, "row {row}");
    }
}

#[test]
fn what_a_model_lacks_is_named_as_in_any_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.gguf");
    let mut bytes = fs::read(file("t5")).unwrap();
    let name = b"dec.blk.1.attn_q.weight";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[place..place + 3].copy_from_slice(b"dex");
    fs::write(&path, bytes).unwrap();
    let error = T5::load(&checkpoint(&path), &Device::flex()).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot load weights `{}`", path.display())), "{error}");
    assert!(error.contains("missing `decoder.block.1.layer.0.SelfAttention.q.weight` [32, 32]"), "{error}");
    assert!(error.contains("unexpected `dex.blk.1.attn_q.weight` [32, 32]"), "{error}");
    assert!(Checkpoint::open(Path::new("none.gguf")).is_err());
}
