//! Properties of the strategies on a tiny model with random weights.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::prelude::*;
use burn::tensor::Int;
use burn::tensor::activation::log_softmax;

use super::*;
use crate::llm::t5::{OutputHead, T5Config};
use crate::nn::Watch;

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
}

/// Leaves one id to one row.
struct Only {
    row: usize,
    id: u32,
}

impl StepProcessor for Only {
    fn process(&self, step: &StepText<'_>, logits: &mut [f32]) {
        // The start token of T5 comes first.
        assert_eq!(step.history.first(), Some(&0));
        if step.row == self.row {
            let kept = logits[self.id as usize];
            logits.fill(f32::NEG_INFINITY);
            logits[self.id as usize] = kept;
        }
    }
}

#[test]
fn a_processor_of_the_caller_works_in_every_strategy_on_its_row() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let only = Only { row: 1, id: 7 };
    for strategy in [Strategy::Greedy, SAMPLE, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        let plain = generate(&model, &memory, &with(strategy)).unwrap();
        let mut hooks = Hooks { processors: &[&only], ..Hooks::default() };
        let rows = generate_n_best(&model, &memory, &with(strategy), &mut hooks).unwrap();
        assert_eq!(rows[1][0].ids, [7; 40], "{strategy:?}");
        assert_same(&rows[0], &plain[..1]);
        assert_same(&rows[2], &plain[2..]);
    }
    let config = DecodeConfig { num_hypotheses: 3, ..with(SAMPLE) };
    let mut hooks = Hooks { processors: &[&only], ..Hooks::default() };
    let rows = generate_n_best(&model, &memory, &config, &mut hooks).unwrap();
    assert!(rows[1].iter().all(|text| text.ids == [7; 40]));
    assert!(rows[0].iter().chain(&rows[2]).all(|text| text.ids != [7; 40]));
}

#[test]
fn a_greedy_score_is_what_the_model_says_and_that_of_a_beam_what_is_left() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device).select(&[1]);
    // [B, L, V], the decoder reading its start token and the ids.
    let input = Tensor::<2, Int>::from_data(TensorData::new(vec![0_i64, 7, 7], [1, 3]), &device);
    let log_probs = log_softmax(model.decode(&memory, input), 2);
    let log_probs: Vec<f32> = log_probs.into_data().try_to_vec().unwrap();
    let expected: f64 = (0..3).map(|step| f64::from(log_probs[step * 40 + 7])).sum();
    let only = Only { row: 0, id: 7 };
    for strategy in [Strategy::Greedy, Strategy::Beam { size: 2, length_penalty: 0.0 }] {
        for penalty in [None, Some(2.0)] {
            let config = DecodeConfig { max_new_tokens: 3, repetition_penalty: penalty, ..with(strategy) };
            let mut hooks = Hooks { processors: &[&only], ..Hooks::default() };
            let found = generate_n_best(&model, &memory, &config, &mut hooks).unwrap().remove(0).remove(0);
            assert_eq!(found.ids, [7, 7, 7]);
            // Beams double the log-probability of what the text has already.
            let first = f64::from(log_probs[7]);
            let lowered = if strategy == Strategy::Greedy || penalty.is_none() {
                expected
            } else {
                first + 2.0 * (expected - first)
            };
            assert!((found.score - lowered).abs() < 1e-3, "{strategy:?} {penalty:?}: {found:?} {lowered}");
        }
    }
}

#[test]
fn a_text_ends_where_nothing_can_follow() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    for strategy in [Strategy::Greedy, SAMPLE, Strategy::Beam { size: 3, length_penalty: 1.0 }] {
        // Without the start token and the end token, two ids are left, each to be said once.
        let config = DecodeConfig {
            vocab_limit: Some(4),
            no_repeat_ngram: Some(1),
            min_new_tokens: 10,
            ..with(strategy)
        };
        for text in generate(&model, &memory, &config).unwrap() {
            assert_eq!((text.ids.len(), text.finish), (2, Finish::NoChoice), "{strategy:?}");
            assert!(text.score.is_finite());
        }
    }
}

#[test]
fn a_watch_that_stops_ends_generation_between_steps() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let beam = Strategy::Beam { size: 3, length_penalty: 1.0 };
    for (strategy, num_hypotheses) in [(Strategy::Greedy, 1), (SAMPLE, 1), (SAMPLE, 2), (beam, 1)] {
        let config = DecodeConfig { min_new_tokens: 20, num_hypotheses, ..with(strategy) };
        let flag = Arc::new(AtomicBool::new(false));
        let longest = Cell::new(0);
        let stops = |ids: &[u32]| {
            longest.set(longest.get().max(ids.len()));
            flag.store(longest.get() >= 3, Ordering::Relaxed);
            false
        };
        let watch = Watch::new(Arc::clone(&flag));
        let mut hooks = Hooks { stops: Some(&stops), watch, ..Hooks::default() };
        let error = generate_n_best(&model, &memory, &config, &mut hooks).unwrap_err();
        assert!(matches!(error, DecodeError::Cancelled), "{strategy:?}: {error:?}");
        assert_eq!(longest.get(), 3, "{strategy:?}");
    }
}

#[test]
fn several_samples_are_told_when_all_are_finished() {
    let device = Device::flex();
    let model = model(&device);
    let memory = memory(&model, &device);
    let config = DecodeConfig { num_hypotheses: 3, ..with(SAMPLE) };
    let mut told = Vec::new();
    let mut tell = |settled: Settled| {
        told.push((settled.row, settled.ids.to_vec(), settled.is_last));
        ControlFlow::Continue(())
    };
    let mut hooks = Hooks { on_settled: Some(&mut tell), ..Hooks::default() };
    let rows = generate_n_best(&model, &memory, &config, &mut hooks).unwrap();
    let expected: Vec<_> =
        rows.iter().enumerate().map(|(row, texts)| (row, texts[0].ids.clone(), true)).collect();
    assert_eq!(told, expected);
}
