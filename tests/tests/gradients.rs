//! Gradients of the training losses against PyTorch, for every parameter of an encoder and a language model.
//!
//! The references are made by `fixtures/make_gradients.py`. The gradients are put in the place of the
//! weights and saved under Hugging Face names, so the same key map is tested in the other direction.
//! `SLM_BACKEND` chooses the backend.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use burn::module::{ModuleMapper, Param};
use burn::nn::loss::CTCLossConfig;
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::Int;
use slm_core::models::checkpoint::json;
use slm_core::models::encoder::Parakeet;
use slm_core::models::llm::T5;
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, PaddedIds, cross_entropy_sum};
use slm_tests::{backend, checkpoint, fixtures, read_tensors};

/// Relative to a tensor's largest gradient. f32 sums of a few thousand terms explain 1e-4; a wrong backward
/// pass is off by orders more.
const BOUND: f64 = 2e-3;
/// Gradients below this are rounding: a bias before a batch norm has none at all.
const SMALLEST: f64 = 1e-2;

fn tracked() -> Device {
    backend().device().unwrap().autodiff()
}

/// Replaces every parameter by its gradient.
struct IntoGradients(GradientsParams);

impl ModuleMapper for IntoGradients {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.get::<D>(param.id) {
            Some(gradient) => Param::initialized(param.id, gradient),
            None => param,
        }
    }
}

/// Compares the tensors of the model saved in `dir` with the gradients of the fixture `name`.
fn compare(dir: &Path, name: &str) {
    let found = read_tensors(&dir.join("model.safetensors"));
    let expected = read_tensors(&fixtures().join(format!("gradients/{name}.safetensors")));
    let mut compared = 0;
    for (tensor, expected) in expected.iter().filter(|(tensor, _)| !tensor.starts_with("io.")) {
        // transformers calls the embedding by its tied names too
        let Some(found) = found.get(tensor) else { panic!("no gradient of `{tensor}`") };
        assert_eq!(found.shape, expected.shape, "{tensor}");
        let scale = expected.values.iter().map(|v| f64::from(v.abs())).fold(SMALLEST, f64::max);
        let worst = found
            .values
            .iter()
            .zip(&expected.values)
            .map(|(a, b)| f64::from((a - b).abs()))
            .fold(0.0, f64::max);
        assert!(worst <= BOUND * scale, "{tensor}: error {worst:.2e}, largest value {scale:.2e}");
        compared += 1;
    }
    assert!(compared > 40, "only {compared} gradients compared");
}

#[test]
fn encoder_with_ctc_loss() {
    let device = tracked();
    let dir = fixtures().join("parity/parakeet_ctc_x4");
    let model = Parakeet::load(&checkpoint(&dir), &device).unwrap().unfreeze();
    // The fixture's config has dropout, the reference was made without it.
    let mut config = model.config().clone();
    config.encoder_config.dropout = 0.0;
    let scratch = tempfile::tempdir().unwrap();
    model.save(scratch.path(), StorageType::F32).unwrap();
    json::write(&scratch.path().join("config.json"), &config).unwrap();
    let model = Parakeet::load(&checkpoint(scratch.path()), &device).unwrap().unfreeze();

    let io = read_tensors(&dir.join("io.safetensors"));
    let reference = read_tensors(&fixtures().join("gradients/parakeet_ctc_x4.safetensors"));
    let features =
        PaddedBatch::new(io["input_features"].to_device(&device), io["attention_mask"].row_lengths());
    let states = model.forward(&features);
    let log_probs = model.ctc_log_probs(&states).unwrap();
    let lengths = reference["io.target_lengths"].ids();
    let targets: Vec<Vec<u32>> = lengths
        .iter()
        .enumerate()
        .map(|(row, &n)| reference["io.targets"].id_row(row)[..n as usize].to_vec())
        .collect();
    let targets = PaddedIds::from_rows(&targets, 19, &device);
    let ints = |values: &[usize]| {
        let values: Vec<i64> = values.iter().map(|&n| n as i64).collect();
        Tensor::<1, Int>::from_data(TensorData::new(values, [3]), &device)
    };
    let loss = CTCLossConfig::new()
        .with_blank(19)
        .with_zero_infinity(true)
        .init()
        .forward(log_probs.swap_dims(0, 1), targets.ids, ints(states.lengths()), ints(&targets.lengths))
        .sum();
    let value: f32 = loss.clone().into_scalar();
    let expected = reference["io.loss"].values[0];
    assert!((value - expected).abs() < 1e-3 * expected, "loss {value}, expected {expected}");

    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let out = tempfile::tempdir().unwrap();
    model.map(&mut IntoGradients(gradients)).save(out.path(), StorageType::F32).unwrap();
    compare(out.path(), "parakeet_ctc_x4");
}

#[test]
fn language_model_with_cross_entropy() {
    let device = tracked();
    let dir = fixtures().join("parity/t5_long_v11");
    let scratch = tempfile::tempdir().unwrap();
    let model = T5::load(&checkpoint(&dir), &device).unwrap();
    model.save(scratch.path(), StorageType::F32).unwrap();
    let mut config = model.config().clone();
    config.dropout_rate = 0.0;
    json::write(&scratch.path().join("config.json"), &config).unwrap();
    let model = T5::load(&checkpoint(scratch.path()), &device).unwrap().unfreeze();

    let io = read_tensors(&dir.join("io.safetensors"));
    let reference = read_tensors(&fixtures().join("gradients/t5_long_v11.safetensors"));
    let lengths = io["attention_mask"].row_lengths();
    let rows: Vec<Vec<u32>> =
        lengths.iter().enumerate().map(|(row, &n)| io["input_ids"].id_row(row)[..n].to_vec()).collect();
    let inputs: Vec<Vec<u32>> =
        (0..rows.len()).map(|row| io["decoder_input_ids"].id_row(row)[..24].to_vec()).collect();
    let labels: Vec<Vec<u32>> = (0..rows.len()).map(|row| reference["io.labels"].id_row(row)).collect();
    let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, 0, &device)));
    let logits = model.decode(&memory, PaddedIds::from_rows(&inputs, 0, &device).ids);
    let loss = cross_entropy_sum(logits, &PaddedIds::from_rows(&labels, 0, &device), 0.0);
    let value: f32 = loss.clone().into_scalar();
    let expected = reference["io.loss"].values[0];
    assert!((value - expected).abs() < 1e-4 * expected, "loss {value}, expected {expected}");

    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let out = tempfile::tempdir().unwrap();
    model.map(&mut IntoGradients(gradients)).save(out.path(), StorageType::F32).unwrap();
    compare(out.path(), "t5_long_v11");
}
