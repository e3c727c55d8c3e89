//! Penalties and several hypotheses, against what transformers generates with the same settings.

#![allow(clippy::unwrap_used, reason = "a test")]

use burn::prelude::*;
use serde::Deserialize;
use slm_core::models::decode::{DecodeConfig, Hooks, Strategy, generate_n_best};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedIds;
use slm_tests::{backend, checkpoint, fixtures, read_tensors};

#[derive(Deserialize)]
struct Case {
    folder: String,
    name: String,
    options: Options,
    /// A row, a hypothesis, its ids.
    ids: Vec<Vec<Vec<u32>>>,
    scores: Option<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct Options {
    max_new_tokens: usize,
    num_beams: Option<usize>,
    length_penalty: Option<f64>,
    num_return_sequences: Option<usize>,
    repetition_penalty: Option<f64>,
    no_repeat_ngram_size: Option<usize>,
}

impl Options {
    fn config(&self) -> DecodeConfig {
        let beams = |size| Strategy::Beam { size, length_penalty: self.length_penalty.unwrap_or(1.0) };
        let mut config = DecodeConfig::default();
        config.strategy = self.num_beams.map_or(Strategy::Greedy, beams);
        config.max_new_tokens = self.max_new_tokens;
        config.repetition_penalty = self.repetition_penalty;
        config.no_repeat_ngram = self.no_repeat_ngram_size;
        config.num_hypotheses = self.num_return_sequences.unwrap_or(1);
        config
    }
}

/// The cases of a file, `least` or more.
fn cases(file: &str, least: usize) -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(fixtures().join(file)).unwrap()).unwrap();
    assert!(cases.len() >= least);
    cases
}

/// Generates over rows of ids; a decoder-only model's penalties count them.
fn check(case: &Case, model: &LanguageModel, rows: &[Vec<u32>], prompts: &[Vec<u32>], device: &Device) {
    let memory = model.encode(&model.embed(&PaddedIds::from_rows(rows, model.ids().pad, device)));
    let mut hooks = Hooks { prompts, ..Hooks::default() };
    let found = generate_n_best(model, &memory, &case.options.config(), &mut hooks).unwrap();
    let ids: Vec<Vec<Vec<u32>>> =
        found.iter().map(|row| row.iter().map(|text| text.ids.clone()).collect()).collect();
    assert_eq!(ids, case.ids, "{}: {}", case.folder, case.name);
    for (found, expected) in found.iter().zip(case.scores.iter().flatten()) {
        for (text, score) in found.iter().zip(expected) {
            assert!((text.score - score).abs() < 1e-3, "{}: {} {score}", case.name, text.score);
        }
    }
}

#[test]
fn ids_and_scores_are_those_of_transformers() {
    let device = backend().device().unwrap();
    for case in cases("generation.json", 10) {
        let dir = fixtures().join("parity").join(&case.folder);
        let model = LanguageModel::load(&checkpoint(&dir), &device).unwrap();
        let io = read_tensors(&dir.join("io.safetensors"));
        let lengths = io["attention_mask"].row_lengths();
        let rows: Vec<Vec<u32>> =
            lengths.iter().enumerate().map(|(row, &n)| io["input_ids"].id_row(row)[..n].to_vec()).collect();
        check(&case, &model, &rows, &[], &device);
    }
}

/// The reference continues each row alone, since its penalties would count the padding of a batch.
#[test]
fn decoder_only_models_continue_their_prompts_as_transformers_does() {
    let device = backend().device().unwrap();
    for case in cases("generation_causal.json", 16) {
        let dir = fixtures().join("parity").join(&case.folder);
        let model = LanguageModel::load(&checkpoint(&dir), &device).unwrap();
        let io = read_tensors(&dir.join("io.safetensors"));
        let lengths = io["attention_mask"].row_lengths();
        // Padding comes before a row's ids.
        let row = |(row, &n): (usize, &usize)| {
            let ids = io["input_ids"].id_row(row);
            ids[ids.len() - n..].to_vec()
        };
        let rows: Vec<Vec<u32>> = lengths.iter().enumerate().map(row).collect();
        check(&case, &model, &rows, &rows, &device);
    }
}
