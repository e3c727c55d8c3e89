//! Fifty steps of stage `adapter` are those of PyTorch: the loss of each, and the gradients of the first.
//!
//! `tests/bench/train_step.py --write` made the references, with modules of transformers and its own draw of the weights that
//! both start from; each folder of `fixtures/train_steps` is a stage. What PyTorch reads are the frozen encoder's states
//! as this repository computes them, which have references of their own.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::path::{Path, PathBuf};

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use slm_core::models::adapter::Adapter;
use slm_core::models::nn::weights::{ComputeType, Placement, StorageType};
use slm_tests::{checkpoint, fixtures, read_tensors};
use slm_train::config;
use slm_train::steps::adapter::{AdapterJob, AdapterStage, Frozen, Trained};
use slm_train::training::{self, Activations, Draw, Job, Source, rng_for};

use common::{alone, finished, losses};

/// How a fixture's stage is run otherwise than it says, and how close to PyTorch it is: of a loss, and of the largest gradient of
/// a tensor.
#[derive(Clone, Copy)]
struct Way {
    dtype: ComputeType,
    activations: Activations,
    bound: f64,
}

const FULL: Way = Way { dtype: ComputeType::F32, activations: Activations::Kept, bound: 1e-3 };

/// Puts gradients in the place of weights, and zeros where there is none.
struct IntoGradients(GradientsParams);

impl ModuleMapper for IntoGradients {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.0.get::<D>(param.id);
        Param::initialized(param.id, gradient.unwrap_or_else(|| param.val().inner().zeros_like()))
    }
}

/// The stage of a fixture, with paths that do not depend on where the test runs.
fn stage(name: &str, work: &Path) -> AdapterStage {
    let root = fixtures().join("../..");
    let path = fixtures().join(format!("train_steps/{name}.toml"));
    let settings = ["encoder", "llm", "train_manifest", "dev_manifest", "tasks"].map(|key| {
        let text = std::fs::read_to_string(&path).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap();
        format!("{key}={:?}", root.join(value.trim_matches('"')).display().to_string())
    });
    let cache = format!("cache={:?}", work.join("cache").display().to_string());
    config::read(&path, &[settings.as_slice(), &[cache]].concat()).unwrap()
}

/// Compares the tensors of a file, which are gradients, with those that are expected, and gives how many they are.
fn compare(name: &str, file: &Path, bound: f64) -> usize {
    let expected = read_tensors(&fixtures().join(format!("train_steps/{name}/expect.safetensors")));
    let found = read_tensors(file);
    for (tensor, found) in &found {
        let expected = &expected[&format!("gradient.{tensor}")];
        assert_eq!(found.shape, expected.shape, "{name}: {tensor}");
        let largest =
            |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, |most: f32, v| most.max(v.abs()));
        let scale = f64::from(largest(&mut expected.values.iter().copied()));
        let pairs = found.values.iter().zip(&expected.values);
        let gap = f64::from(largest(&mut pairs.map(|(found, expected)| found - expected)));
        assert!(
            scale > 0.0 && gap <= bound * scale,
            "{name}: {tensor} is off by {gap:.1e}, largest {scale:.1e}"
        );
    }
    found.len()
}

fn check(name: &str, way: Way) {
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    let mut stage = stage(name, work);
    (stage.dtype, stage.train.activations) = (way.dtype, way.activations);
    let device = Device::flex();
    let tracked = way.activations.tracked(&device);
    let placement = Placement::new(&device).with_compute(way.dtype);
    let parts = Frozen::load(&stage.encoder, &stage.llm, placement).unwrap();
    let job = AdapterJob::new(stage.clone(), parts).unwrap();
    let folder: PathBuf = fixtures().join("train_steps").join(name);
    let files = checkpoint(&folder);
    let mut trained = Trained::new(Adapter::load(&files, &tracked).unwrap(), None, &tracked);
    if let Some(shape) = &stage.lora {
        let fresh = job.llm().trainable_lora(shape, &tracked).unwrap();
        trained = trained.with_lora(fresh.load(&files, &tracked).unwrap());
    }

    let items = job.batches(0)[0].clone();
    let batch = job.source().load(Draw { step: 0, epoch: 0, items }).unwrap();
    let loss = job.loss(&trained, &batch, &mut rng_for(1, 2, 3)).unwrap() / job.weight(&batch);
    let gradients = GradientsParams::from_grads(loss.backward(), &trained);
    let gradients = trained.clone().map(&mut IntoGradients(gradients));
    gradients.adapter.save(work, StorageType::F32).unwrap();
    let mut compared = compare(name, &work.join("model.safetensors"), way.bound);
    if let Some(lora) = &gradients.lora {
        lora.save(work, "x").unwrap();
        compared += compare(name, &work.join("adapter_model.safetensors"), way.bound);
    }
    let expected = read_tensors(&folder.join("expect.safetensors"));
    assert_eq!(compared, expected.len() - 1, "{name}");

    let run = work.join("run");
    finished(training::run(&job, trained, &stage.train, &run, &tracked).unwrap());
    let found = losses(&run);
    let expected = &expected["losses"].values;
    assert_eq!((found.len(), expected.len()), (50, 50));
    for ((step, found), expected) in found.into_iter().zip(expected) {
        let expected = f64::from(*expected);
        assert!(
            (found - expected).abs() < way.bound * expected,
            "{name}: {found}, expected {expected} at step {step}"
        );
    }
    assert!(expected[49] < 0.95 * expected[0], "{name} learnt nothing");
}

#[test]
fn steps_with_an_encoder_decoder_are_those_of_pytorch() {
    alone("steps_with_an_encoder_decoder_are_those_of_pytorch", || {
        check("t5", FULL);
        check("t5_lora", FULL);
    });
}

#[test]
fn steps_with_a_decoder_alone_are_those_of_pytorch() {
    alone("steps_with_a_decoder_alone_are_those_of_pytorch", || {
        check("decoder", FULL);
        check("decoder_lora", FULL);
    });
}

#[test]
fn steps_that_recompute_activations_are_those_of_pytorch() {
    alone("steps_that_recompute_activations_are_those_of_pytorch", || {
        let way = Way { activations: Activations::Recomputed, ..FULL };
        for name in ["t5", "t5_lora", "decoder", "decoder_lora"] {
            check(name, way);
        }
    });
}

#[test]
fn steps_beside_frozen_matrices_of_16_bits_are_nearly_those_of_pytorch() {
    alone("steps_beside_frozen_matrices_of_16_bits_are_nearly_those_of_pytorch", || {
        // Values of bf16 have 8 bits: another order of sums moved a gradient from under 0.1 of the largest to 0.103.
        for (dtype, bound) in [(ComputeType::F16, 2e-2), (ComputeType::Bf16, 1.2e-1)] {
            check("t5_lora", Way { dtype, bound, ..FULL });
            check("decoder", Way { dtype, bound, ..FULL });
        }
    });
}
