//! What a training leaves at its end: whole files, or the checkpoint and a word about where it is.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use burn::prelude::*;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::llm::T5;
use slm_core::models::text::TextTokenizer;

use common::{prepare, slm_train};

const STEPS: u64 = 4;

/// The `text` stage of [`prepare`], to the end.
fn train(dir: &Path) -> Output {
    slm_train()
        .stderr(Stdio::piped())
        .args(["text", "--config"])
        .arg(dir.join("text.toml"))
        .arg("--run")
        .arg(dir.join("run"))
        .arg("--out")
        .arg(dir.join("out"))
        .output()
        .unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_result_that_cannot_be_written_is_kept_in_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    let out = dir.join("out");
    // In the way of the weights; and a file of an earlier result.
    fs::create_dir_all(out.join("model.safetensors")).unwrap();
    fs::write(out.join("config.json"), "earlier").unwrap();

    let output = train(dir);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: the result could not be written to `"), "{stderr}");
    assert!(stderr.contains("step-00000004"), "{stderr}");
    assert_eq!(fs::read_to_string(out.join("config.json")).unwrap(), "earlier");
    assert_eq!(names(&out), ["config.json", "model.safetensors"]);

    // The same command takes it from there, without a step.
    fs::remove_dir(out.join("model.safetensors")).unwrap();
    let metrics = fs::read(dir.join("run/metrics.jsonl")).unwrap();
    let output = train(dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(dir.join("run/metrics.jsonl")).unwrap(), metrics);
    assert_eq!(
        names(&out),
        [
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    T5::load(&Checkpoint::open(&out).unwrap(), &Device::flex()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_the_first_step() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    fs::write(dir.join("out"), "a file").unwrap();
    let output = train(dir);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot write to `"), "{stderr}");
    assert!(!dir.join("run").exists());
}

/// Replaces the tokenizer of [`prepare`] by a SentencePiece model.
fn sentencepiece(dir: &Path) -> PathBuf {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sentencepiece/nmt_nfkc/spiece.model");
    let tokenizer = dir.join("tokenizer");
    fs::remove_dir_all(&tokenizer).unwrap();
    fs::create_dir(&tokenizer).unwrap();
    fs::copy(file, tokenizer.join("spiece.model")).unwrap();
    tokenizer
}

#[test]
fn a_sentencepiece_tokenizer_works_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    let tokenizer = sentencepiece(dir);
    let out = dir.join("out");
    // A tokenizer of an earlier result would be read in place of the new one.
    fs::create_dir(&out).unwrap();
    fs::write(out.join("tokenizer.json"), "{}").unwrap();

    let output = train(dir);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(&out), ["config.json", "generation_config.json", "model.safetensors", "spiece.model"]);
    let load = |dir: &Path| TextTokenizer::from_checkpoint(&Checkpoint::open(dir).unwrap()).unwrap();
    let (before, after) = (load(&tokenizer), load(&out));
    assert_eq!(before.digest(), after.digest());
    let model = T5::load(&Checkpoint::open(&out).unwrap(), &Device::flex()).unwrap();
    assert_eq!(model.config().vocab_size, after.len());
}

#[test]
fn a_folder_without_a_tokenizer_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    prepare(dir, STEPS);
    fs::rename(dir.join("tokenizer/tokenizer.json"), dir.join("tokenizer/other.json")).unwrap();
    let output = train(dir);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("tokenizer.json"), "{stderr}");
    assert!(!dir.join("run").exists());
}
