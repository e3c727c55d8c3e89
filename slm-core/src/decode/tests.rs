//! Properties of the strategies on a tiny model with random weights.

use burn::prelude::*;
use burn::tensor::Int;

use super::*;
use crate::llm::T5Config;
use crate::llm::t5::OutputHead;

fn model(device: &Device) -> LanguageModel {
    let config = T5Config {
        vocab_size: 40,
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 2,
        num_heads: 2,
        tie_word_embeddings: false,
        feed_forward_proj: "gated-gelu".into(),
        ..T5Config::default()
    };
    LanguageModel::T5(config.init(OutputHead::Own, device))
}

/// Encoded rows of 9, 4 and 6 positions.
fn memory(model: &LanguageModel, device: &Device) -> PaddedBatch {
    let rows: Vec<Vec<f32>> = [9, 4, 6]
        .into_iter()
        .enumerate()
        .map(|(row, length)| (0..length * 16).map(|i| ((i * 7 + row * 31) as f32).sin()).collect())
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    model.encode(&PaddedBatch::from_rows(&rows, 16, device))
}

fn with(strategy: Strategy) -> DecodeConfig {
    DecodeConfig { strategy, max_new_tokens: 40, ..DecodeConfig::default() }
}

const SAMPLE: Strategy = Strategy::Sample { temperature: 1.0, top_k: Some(20), top_p: Some(0.9), seed: 3 };

fn assert_same(a: &[Hypothesis], b: &[Hypothesis]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.ids, b.ids);
        assert_eq!(a.finish, b.finish);
        assert!((a.score - b.score).abs() < 1e-3, "{} {}", a.score, b.score);
    }
}

#[test]
fn a_single_beam_is_greedy() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let greedy = generate(&model, &memory, &with(Strategy::Greedy)).unwrap();
    let beam = Strategy::Beam { size: 1, length_penalty: 0.0 };
    assert_same(&greedy, &generate(&model, &memory, &with(beam)).unwrap());
}

#[test]
fn more_beams_are_not_worse_than_one_at_full_length() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let config =
        |size| DecodeConfig { max_new_tokens: 2, ..with(Strategy::Beam { size, length_penalty: 0.0 }) };
    let one = generate(&model, &memory, &config(1)).unwrap();
    // With as many beams as ids, two steps are an exhaustive search.
    let all = generate(&model, &memory, &config(40)).unwrap();
    for (one, all) in one.iter().zip(&all) {
        assert!(all.score >= one.score - 1e-6, "{} {}", all.score, one.score);
    }
}

#[test]
fn a_batch_row_decodes_like_the_row_alone() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let beam = Strategy::Beam { size: 3, length_penalty: 1.0 };
    for strategy in [Strategy::Greedy, beam] {
        let batch = generate(&model, &memory, &with(strategy)).unwrap();
        for row in 0..3 {
            let alone = generate(&model, &memory.select(&[row]), &with(strategy)).unwrap();
            assert_same(&alone, &batch[row..=row]);
        }
    }
}

#[test]
fn a_seed_repeats_and_another_does_not() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let first = generate(&model, &memory, &with(SAMPLE)).unwrap();
    assert_eq!(first, generate(&model, &memory, &with(SAMPLE)).unwrap());
    let other = Strategy::Sample { temperature: 1.0, top_k: None, top_p: None, seed: 4 };
    assert_ne!(first, generate(&model, &memory, &with(other)).unwrap());
}

#[test]
fn a_temperature_near_zero_is_greedy() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let cold = Strategy::Sample { temperature: 1e-6, top_k: None, top_p: None, seed: 1 };
    let greedy = generate(&model, &memory, &with(Strategy::Greedy)).unwrap();
    assert_same(&greedy, &generate(&model, &memory, &with(cold)).unwrap());
}

#[test]
fn limits_on_ids_and_length_hold() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [Strategy::Greedy, SAMPLE, Strategy::Beam { size: 2, length_penalty: 1.0 }] {
        let config = DecodeConfig { vocab_limit: Some(5), min_new_tokens: 4, max_new_tokens: 12, strategy };
        for hypothesis in generate(&model, &memory, &config).unwrap() {
            assert!(hypothesis.ids.iter().all(|&id| id < 5 && id != 1));
            assert!((4..=12).contains(&hypothesis.ids.len()), "{hypothesis:?}");
            if hypothesis.finish == Finish::Length {
                assert_eq!(hypothesis.ids.len(), 12);
            }
        }
    }
}

#[test]
fn settings_out_of_range_are_all_named() {
    let config = DecodeConfig {
        strategy: Strategy::Sample { temperature: 0.0, top_k: Some(0), top_p: Some(1.5), seed: 0 },
        max_new_tokens: 0,
        min_new_tokens: 1,
        vocab_limit: Some(1),
    };
    assert_eq!(config.problems(T5Config::default().eos_token_id).len(), 6);
    assert!(DecodeConfig::default().problems(T5Config::default().eos_token_id).is_empty());
}

#[test]
fn cached_steps_give_the_logits_of_a_full_pass() {
    const STEPS: usize = 70; // over two blocks of the cache
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let ids: Vec<i64> = (0..3 * STEPS).map(|i| (i * 17 % 40) as i64).collect();
    let input = Tensor::<2, Int>::from_data(TensorData::new(ids.clone(), [3, STEPS]), &device);
    // [B, L, V]
    let full: Vec<f32> = model.decode(&memory, input).into_data().try_to_vec().unwrap();
    let mut cache = model.start(&memory);
    for step in 0..STEPS {
        let last: Vec<i64> = (0..3).map(|row| ids[row * STEPS + step]).collect();
        let last = Tensor::<2, Int>::from_data(TensorData::new(last, [3, 1]), &device);
        let logits: Vec<f32> = model.step(last, &mut cache).into_data().try_to_vec().unwrap();
        for row in 0..3 {
            let expected = &full[(row * STEPS + step) * 40..][..40];
            for (found, expected) in logits[row * 40..][..40].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "step {step}, row {row}");
            }
        }
    }
}
