//! The search over a decoder-only model: prompts of different lengths, and what penalties count.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use burn::prelude::*;
use burn::tensor::Distribution;

use super::*;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::CausalConfig;

const SAMPLE: Strategy = Strategy::Sample { temperature: 1.0, top_k: Some(20), top_p: Some(0.9), seed: 3 };
const BEAMS: Strategy = Strategy::Beam { size: 3, length_penalty: 1.0 };

fn model(device: &Device) -> LanguageModel {
    let text = r#"{"model_type": "qwen3", "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "eos_token_id": [1, 3]}"#;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(CONFIG_FILE), text).unwrap();
    let config = CausalConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap()).unwrap();
    LanguageModel::Causal(config.init(device))
}

/// Prompts of 9, 4 and 6 positions.
fn prompts(device: &Device) -> PaddedBatch {
    PaddedBatch::new(Tensor::random([3, 9, 16], Distribution::Normal(0.0, 1.0), device), vec![9, 4, 6])
}

fn with(strategy: Strategy) -> DecodeConfig {
    DecodeConfig { strategy, max_new_tokens: 40, ..DecodeConfig::default() }
}

#[test]
fn a_prompt_in_a_batch_is_continued_like_the_prompt_alone() {
    let device = Device::flex();
    device.seed(5);
    let (model, prompts) = (model(&device), prompts(&device));
    for strategy in [Strategy::Greedy, BEAMS] {
        let batch = generate(&model, &prompts, &with(strategy)).unwrap();
        for (row, text) in batch.iter().enumerate() {
            let alone = generate(&model, &prompts.select(&[row]), &with(strategy)).unwrap();
            assert_eq!((&alone[0].ids, alone[0].finish), (&text.ids, text.finish), "{strategy:?}, row {row}");
            assert!((alone[0].score - text.score).abs() < 1e-3);
        }
    }
}

#[test]
fn draws_are_made_of_one_reading_of_the_prompts() {
    let device = Device::flex();
    device.seed(6);
    let (model, prompts) = (model(&device), prompts(&device));
    let config = DecodeConfig { num_hypotheses: 3, min_new_tokens: 9, ..with(SAMPLE) };
    let rows = generate_n_best(&model, &prompts, &config, &mut Hooks::default()).unwrap();
    for (row, texts) in rows.iter().enumerate() {
        assert_eq!(texts.len(), 3);
        assert!(texts.windows(2).all(|pair| pair[0].score >= pair[1].score && pair[0].ids != pair[1].ids));
        let again = generate_n_best(&model, &prompts.select(&[row]), &config, &mut Hooks::default()).unwrap();
        assert_eq!(again[0].len(), 3);
    }
}

#[test]
fn penalties_count_what_a_text_follows() {
    let device = Device::flex();
    device.seed(7);
    let (model, prompts) = (model(&device), prompts(&device));
    // Every id but four stands in the first row's prompt, and none may come twice.
    let known = [(4..40).collect::<Vec<u32>>(), Vec::new(), Vec::new()];
    for strategy in [Strategy::Greedy, SAMPLE, BEAMS] {
        let config = DecodeConfig { no_repeat_ngram: Some(1), min_new_tokens: 20, ..with(strategy) };
        let mut hooks = Hooks { prompts: &known, ..Hooks::default() };
        let rows = generate_n_best(&model, &prompts, &config, &mut hooks).unwrap();
        // Two of the four end a text, which may not end yet.
        let mut left = rows[0][0].ids.clone();
        left.sort_unstable();
        assert_eq!((left, rows[0][0].finish), (vec![0, 2], Finish::NoChoice), "{strategy:?}");
        assert!(rows[1..].iter().all(|texts| texts[0].ids.len() >= 20), "{strategy:?}");
    }
}

/// Looks at the text that it is given.
struct Looks;

impl StepProcessor for Looks {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        let prompt: &[u32] = if step.row == 1 { &[8, 9] } else { &[] };
        assert_eq!(&step.history[..step.begins_at], prompt);
        assert_eq!(step.ids(), vec![5; step.ids().len()]);
        logits.fill(f32::NEG_INFINITY);
        logits[5] = 0.0;
    }
}

#[test]
fn a_text_is_told_apart_from_its_prompt() {
    let device = Device::flex();
    device.seed(8);
    let (model, prompts) = (model(&device), prompts(&device));
    let known = [Vec::new(), vec![8, 9]];
    for strategy in [Strategy::Greedy, BEAMS] {
        let mut hooks = Hooks { prompts: &known, processors: &[&Looks], ..Hooks::default() };
        let rows = generate_n_best(&model, &prompts, &with(strategy), &mut hooks).unwrap();
        assert!(rows.iter().all(|texts| texts[0].ids == [5; 40]), "{strategy:?}");
    }
}
