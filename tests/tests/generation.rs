//! Penalties and several hypotheses, against what transformers generates with the same settings.

#![allow(clippy::unwrap_used, reason = "a test")]

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

#[test]
fn ids_and_scores_are_those_of_transformers() {
    let cases: Vec<Case> =
        serde_json::from_slice(&std::fs::read(fixtures().join("generation.json")).unwrap()).unwrap();
    assert!(cases.len() >= 10);
    let device = backend().device().unwrap();
    for case in cases {
        let dir = fixtures().join("parity").join(&case.folder);
        let model = LanguageModel::load(&checkpoint(&dir), &device).unwrap();
        let io = read_tensors(&dir.join("io.safetensors"));
        let lengths = io["attention_mask"].row_lengths();
        let rows: Vec<Vec<u32>> =
            lengths.iter().enumerate().map(|(row, &n)| io["input_ids"].id_row(row)[..n].to_vec()).collect();
        let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, &device)));
        let found = generate_n_best(&model, &memory, &case.options.config(), &mut Hooks::default()).unwrap();
        let ids: Vec<Vec<Vec<u32>>> =
            found.iter().map(|row| row.iter().map(|text| text.ids.clone()).collect()).collect();
        assert_eq!(ids, case.ids, "{}: {}", case.folder, case.name);
        for (found, expected) in found.iter().zip(case.scores.iter().flatten()) {
            for (text, score) in found.iter().zip(expected) {
                assert!((text.score - score).abs() < 1e-3, "{}: {} {score}", case.name, text.score);
            }
        }
    }
}
