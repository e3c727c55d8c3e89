//! What a training step keeps of a frozen language model that computes its activations again: of each layer what it is given.

#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

use burn::backend::autodiff::checkpoint::strategy::BalancedCheckpointing;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_tests::{checkpoint, fixtures};

const FOLDERS: [&str; 10] = [
    "t5_v10_relu_tied",
    "t5_v11_gated_untied",
    "umt5",
    "t5gemma",
    "t5gemma2",
    "llama_tied",
    "qwen2_untied",
    "qwen3_tied",
    "granite_tied",
    "gemma3_text",
];

/// The number of `x` among all that autodiff has seen in this process.
fn number<const D: usize>(x: &Tensor<D>) -> u64 {
    let node = match x.clone().try_into_primitive::<Autodiff<Flex>>() {
        Ok(x) => x.node(),
        Err(_) => x.clone().try_into_primitive::<Autodiff<Flex, BalancedCheckpointing>>().unwrap().node(),
    };
    node.id().value
}

/// A sum over the logits that `llm` gives behind `inputs` on `device`: how many tensors autodiff sees on the way to it, and its
/// gradient.
fn pass(llm: &LanguageModel, inputs: &Tensor<3>, device: &Device) -> (u64, Vec<f32>) {
    let [batch, length, _] = inputs.dims();
    let leaf = Tensor::<3>::from_data(inputs.clone().into_data(), device).detach().require_grad();
    // The second row is padded.
    let memory = llm.encode(&PaddedBatch::new(leaf.clone(), (0..batch).map(|row| length - row).collect()));
    let ids = PaddedIds::from_rows(&[[3_u32, 7, 9, 4], [3, 8, 5, 6]], 0, &Device::flex()).ids;
    let sum = llm.decode(&memory, ids).powi_scalar(2).sum();
    let seen = number(&sum) - number(&leaf);
    let gradients = sum.backward();
    (seen, leaf.grad(&gradients).unwrap().try_into_vec_as::<f32>().unwrap())
}

#[test]
fn a_frozen_layer_is_one_operation_and_gradients_stay() {
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    for folder in FOLDERS {
        let llm = LanguageModel::load(&checkpoint(&fixtures().join("parity").join(folder)), &device).unwrap();
        let rows = [[5_u32, 9, 12, 7, 3], [6, 8, 11, 4, 0]];
        let inputs = llm.embed(&PaddedIds::from_rows(&rows, 0, &device)).values();
        let (all, expected) = pass(&llm, &inputs, &tracked);
        let (left, found) = pass(&llm, &inputs, &tracked.clone().gradient_checkpointing());
        assert!(3 * left < all, "{folder}: {left} of {all} tensors are left");
        let scale = expected.iter().map(|value| value.abs()).fold(0.0, f32::max);
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(scale > 0.0 && worst < 1e-4 * scale, "{folder}: {worst} of {scale}");
    }
}
