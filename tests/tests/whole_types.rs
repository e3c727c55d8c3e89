//! Whole models with large matrices in other types: what they say is what they say in f32, and what is told of their memory
//! is what their tensors take.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that prints what it leaves out")]

use std::sync::{Arc, Mutex};

use burn::prelude::*;
use slm_core::models::adapter::Adapter;
use slm_core::models::checkpoint::Bundle;
use slm_core::{BackendChoice, ComputeType, Model, OpenOptions};
use slm_tests::backend;
use slm_tests::whole::Whole;

/// Types of 16 bits that the backend computes in.
fn halves() -> Vec<ComputeType> {
    let device = backend().device().unwrap();
    let halves = [ComputeType::F16, ComputeType::Bf16];
    let (able, unable): (Vec<_>, Vec<_>) =
        halves.into_iter().partition(|compute| compute.check(&device).is_ok());
    for compute in unable {
        println!("skipped on `{}`: {}", backend().name(), compute.name());
    }
    able
}

#[test]
fn in_16_bits_models_of_every_kind_say_what_they_say_in_f32() {
    for whole in Whole::all() {
        let full = whole.ids(&whole.place, ComputeType::F32);
        assert!(!full.is_empty(), "{}", whole.name);
        for compute in halves() {
            assert_eq!(whole.ids(&whole.place, compute), full, "{} in {}", whole.name, compute.name());
        }
    }
}

/// Bytes of the tensors that are loaded. Those of an adapter of a bundle, in f32, are not told.
fn loaded(whole: &Whole, compute: ComputeType) -> u64 {
    // Every model of a whole tells how far it is: what it has at its end counts.
    let seen = Arc::new(Mutex::new((0, 0)));
    let sink = Arc::clone(&seen);
    let options = OpenOptions::new().backend(BackendChoice::Named(backend())).compute(compute).progress(
        move |progress| {
            let mut seen = sink.lock().unwrap();
            seen.1 = progress.done;
            if progress.done == progress.total {
                *seen = (seen.0 + progress.done, 0);
            }
        },
    );
    Model::open(&whole.place, &options).unwrap();
    let (whole_models, rest) = *seen.lock().unwrap();
    assert_eq!(rest, 0, "{}", whole.name);
    let adapter = Bundle::open(&whole.place).map_or(0, |bundle| {
        let device = backend().device().unwrap();
        let adapter = Adapter::load(&bundle.adapter().unwrap(), &device).unwrap();
        4 * adapter.num_params() as u64
    });
    whole_models + adapter
}

#[test]
fn the_estimate_of_few_bits_is_what_the_tensors_take() {
    let device = backend().device().unwrap();
    let types = [ComputeType::Q8_0, ComputeType::Q4_0, ComputeType::Q4K, ComputeType::Mixed];
    for whole in Whole::all() {
        for compute in types.into_iter().filter(|compute| compute.check(&device).is_ok()) {
            let described = Model::describe(&whole.place).unwrap();
            let told = described.memory_estimate(compute).weights;
            assert_eq!(told, loaded(&whole, compute), "{} in {}", whole.name, compute.name());
            let by_config = described.memory_by_config(&device, compute).unwrap().weights;
            assert_eq!(by_config, told, "{} in {}", whole.name, compute.name());
        }
    }
}
