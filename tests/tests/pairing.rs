//! Any encoder with any language model: the adapter's shape follows the two, and a bundle may point to them.

#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;

use burn::prelude::*;
use slm_core::Task;
use slm_core::models::adapter::{AdapterKind, LengthReduction, OutputSpace};
use slm_core::models::checkpoint::{Bundle, BundleError};
use slm_core::models::llm::t5::OutputHead;
use slm_core::models::speech::SpeechModel;
use slm_train::steps::adapter::{self, AdapterStage, Frozen, PartsPlace};
use slm_train::steps::pairing;

use common::{Fixture, finished, loop_config};

/// A stage between a w2v-BERT without a CTC head and a T5, whose shape is left open.
fn stage(fixture: &Fixture) -> AdapterStage {
    fixture.frozen_parts(OutputHead::Own);
    let encoder = fixture.bare_encoder();
    AdapterStage { encoder, model: None, parts: PartsPlace::Link, ..fixture.adapter(&loop_config(2)) }
}

#[test]
fn a_bundle_of_a_bare_encoder_points_to_its_parts_and_answers() {
    let fixture = Fixture::new();
    let stage = stage(&fixture);
    let device = Device::flex();
    let parts = Frozen::load(&stage.encoder, &stage.llm, &device).unwrap();
    let shape = pairing::shape_between(&parts);
    // 50 states a second, side by side until there are about 6.
    assert_eq!(shape.reduction, LengthReduction::Stack { count: 8 });
    assert!(matches!(&shape.kind, AdapterKind::Transformer(kind) if kind.output == OutputSpace::Projected));

    let out = fixture.path("bundle");
    finished(adapter::train(stage.clone(), &fixture.path("run"), &out, &device).unwrap());
    assert!(!out.join("encoder").exists() && !out.join("llm").exists());
    let bundle = Bundle::open(&out).unwrap();
    assert_eq!(bundle.encoder().unwrap().place(), fs::canonicalize(&stage.encoder).unwrap());
    let model = SpeechModel::load(&bundle, &device).unwrap();
    let tone: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.2).sin() * 0.1).collect();
    let answers = model.respond(&[&tone], &model.request(Task::Transcribe)).unwrap();
    assert_eq!(answers.len(), 1);

    // What the bundle points to may not change.
    let config = stage.llm.join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "\n").unwrap();
    let error = Bundle::open(&out).unwrap_err();
    assert!(matches!(&error, BundleError::Hash { file, .. } if file.ends_with("config.json")), "{error}");
}

#[test]
fn a_shape_that_the_parts_cannot_have_is_refused() {
    let fixture = Fixture::new();
    let open = stage(&fixture);
    let device = Device::flex();
    let parts = Frozen::load(&open.encoder, &open.llm, &device).unwrap();
    let mut shape = pairing::shape_between(&parts);
    shape.reduction = LengthReduction::CtcAverage;
    let stage = AdapterStage { model: Some(shape), ..open };
    let error = adapter::train(stage, &fixture.path("run"), &fixture.path("out"), &device).unwrap_err();
    assert!(error.to_string().contains("needs an encoder with a CTC head"), "{error:#}");
}
