//! Properties of the strategies on a tiny model with random weights.

use std::ops::ControlFlow;

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
        let config =
            DecodeConfig { vocab_limit: Some(5), min_new_tokens: 4, max_new_tokens: 12, ..with(strategy) };
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
        repetition_penalty: Some(0.0),
        no_repeat_ngram: Some(0),
        num_hypotheses: 0,
    };
    assert_eq!(config.problems(T5Config::default().eos_token_id).len(), 9);
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

#[test]
fn what_was_told_is_never_taken_back() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [Strategy::Greedy, SAMPLE, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        // What was told of each row, call by call.
        let mut told = vec![Vec::new(); 3];
        let mut tell = |settled: Settled| {
            told[settled.row].push((settled.ids.to_vec(), settled.is_last));
            ControlFlow::Continue(())
        };
        let mut hooks = Hooks { on_settled: Some(&mut tell), ..Hooks::default() };
        let rows = generate_n_best(&model, &memory, &with(strategy), &mut hooks).unwrap();
        for (row, calls) in rows.iter().zip(told) {
            for pair in calls.windows(2) {
                assert!(pair[1].0.starts_with(&pair[0].0) && !pair[0].1, "{strategy:?}: {pair:?}");
            }
            assert_eq!(calls.last(), Some(&(row[0].ids.clone(), true)), "{strategy:?}");
        }
    }
}

#[test]
fn a_caller_ends_a_row_and_the_others_go_on() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [Strategy::Greedy, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        let config = DecodeConfig { min_new_tokens: 20, ..with(strategy) };
        let mut tell = |settled: Settled| match settled {
            Settled { row: 1, .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let mut hooks = Hooks { on_settled: Some(&mut tell), ..Hooks::default() };
        let rows = generate_n_best(&model, &memory, &config, &mut hooks).unwrap();
        let whole = generate(&model, &memory, &config).unwrap();
        for (row, (found, whole)) in rows.iter().zip(&whole).enumerate() {
            if row == 1 {
                assert_eq!(found[0].finish, Finish::Cancelled, "{strategy:?}");
                assert!(found[0].ids.len() < whole.ids.len());
            } else {
                assert_eq!(found[0].ids, whole.ids, "{strategy:?}");
            }
        }
    }
}

#[test]
fn a_stop_ends_a_text() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [Strategy::Greedy, SAMPLE, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        let config = DecodeConfig { min_new_tokens: 40, ..with(strategy) };
        let stops = |ids: &[u32]| ids.len() == 7;
        let mut hooks = Hooks { stops: Some(&stops), ..Hooks::default() };
        for row in generate_n_best(&model, &memory, &config, &mut hooks).unwrap() {
            assert_eq!((row[0].ids.len(), row[0].finish), (7, Finish::Stop), "{strategy:?}");
        }
    }
}

#[test]
fn several_hypotheses_differ_and_the_best_is_first() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [SAMPLE, Strategy::Beam { size: 4, length_penalty: 1.0 }] {
        let config = DecodeConfig { num_hypotheses: 4, ..with(strategy) };
        let rows = generate_n_best(&model, &memory, &config, &mut Hooks::default()).unwrap();
        for row in &rows {
            assert_eq!(row.len(), 4);
            for pair in row.windows(2) {
                assert!(pair[0].score >= pair[1].score && pair[0].ids != pair[1].ids, "{strategy:?}");
            }
        }
        if let Strategy::Beam { .. } = strategy {
            let best = generate(&model, &memory, &with(strategy)).unwrap();
            assert!(rows.iter().zip(&best).all(|(row, best)| row[0] == *best));
        }
    }
    assert!(!DecodeConfig { num_hypotheses: 2, ..with(Strategy::Greedy) }.problems(1).is_empty());
}

#[test]
fn a_strong_boost_writes_the_phrase() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let phrase: &[u32] = &[11, 12, 13, 14];
    let boosts = vec![Boost::new([phrase], 50.0), Boost::default(), Boost::new([phrase], 50.0)];
    for strategy in [Strategy::Greedy, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        let plain = generate(&model, &memory, &with(strategy)).unwrap();
        let mut hooks = Hooks { boosts: &boosts, ..Hooks::default() };
        let rows = generate_n_best(&model, &memory, &with(strategy), &mut hooks).unwrap();
        assert!(rows[0][0].ids.windows(4).any(|window| window == phrase), "{strategy:?}");
        assert!(rows[2][0].ids.windows(4).any(|window| window == phrase), "{strategy:?}");
        assert_eq!(rows[1][0].ids, plain[1].ids);
    }
}
