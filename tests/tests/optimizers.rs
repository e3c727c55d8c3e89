//! The optimizers as the loop makes them, against PyTorch's AdamW and the Adafactor of transformers:
//! `fixtures/optimizers.json`, written by `fixtures/make_optimizers.py`.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use serde_json::Value;
use slm_train::training::LoopConfig;
use slm_train::training::optimizer::OptimizerKind;

const GOLDEN: &str = include_str!("../fixtures/optimizers.json");
/// Both sides compute in f32, in other orders.
const TOLERANCE: f32 = 2e-5;

#[derive(Module, Debug)]
struct Three {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
    batched: Param<Tensor<3>>,
}

fn floats(values: &Value) -> Vec<f32> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn tensor<const D: usize>(golden: &Value, values: &Value, name: &str, device: &Device) -> Tensor<D> {
    let shape: Vec<usize> = serde_json::from_value(golden["shapes"][name].clone()).unwrap();
    Tensor::from_data(TensorData::new(floats(&values[name]), shape), device)
}

fn check(kind: OptimizerKind, name: &str) {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let start = &golden["start"];
    let mut model = Three {
        matrix: Param::from_tensor(tensor(&golden, start, "matrix", &tracked)),
        vector: Param::from_tensor(tensor(&golden, start, "vector", &tracked)),
        batched: Param::from_tensor(tensor(&golden, start, "batched", &tracked)),
    };
    let mut optimizer = LoopConfig { optimizer: kind, ..LoopConfig::default() }.new_optimizer();
    let rates = floats(&golden["rates"]);
    for (step, rate) in rates.into_iter().enumerate() {
        let of_step = &golden["gradients"][step];
        let mut gradients = GradientsParams::new();
        gradients.register::<2>(model.matrix.id, tensor(&golden, of_step, "matrix", &device));
        gradients.register::<1>(model.vector.id, tensor(&golden, of_step, "vector", &device));
        gradients.register::<3>(model.batched.id, tensor(&golden, of_step, "batched", &device));
        model = optimizer.step(f64::from(rate), model, gradients);
        let expected = &golden[name][step];
        let read = |values: TensorData| values.try_to_vec::<f32>().unwrap();
        for (part, found) in [
            ("matrix", read(model.matrix.val().into_data())),
            ("vector", read(model.vector.val().into_data())),
            ("batched", read(model.batched.val().into_data())),
        ] {
            for (found, expected) in found.into_iter().zip(floats(&expected[part])) {
                let close = (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
                assert!(close, "{name}, step {step}, {part}: {found}, expected {expected}");
            }
        }
    }
}

#[test]
fn adamw_equals_pytorch_s() {
    check(OptimizerKind::AdamW, "adamw");
}

#[test]
fn adafactor_equals_that_of_transformers() {
    check(OptimizerKind::Adafactor, "adafactor");
}
