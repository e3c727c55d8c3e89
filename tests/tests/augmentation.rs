//! Training on sound that is changed in every step, on tiny models: what is learnt depends on the seed alone, and what is
//! judged by is not changed.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use burn::prelude::*;
use serde_json::json;
use slm_core::models::adapter::LengthReduction;
use slm_core::models::llm::t5::OutputHead;
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Encode, Frozen};
use slm_train::training::{Draw, Job, LoopConfig, Source, rng_for};

use common::{Fixture, alone, assert_same, file_bits, finished, loop_config, losses, without_dropout};

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    fixture
}

/// The stage with all effects, each in half of the rows.
fn stage(fixture: &Fixture, train: &LoopConfig) -> AdapterStage {
    let augment = json!({
        "join": { "probability": 0.5, "pause": [0.05, 0.1] },
        "speed": { "probability": 0.5, "factor": [0.9, 1.1] },
        "silence": { "probability": 0.5, "seconds": [0.0, 0.1] },
        "room": { "probability": 0.5 },
        "noise": { "probability": 0.5, "snr_db": [5, 20], "sounds": ["white", "pink", "brown", "hum"] },
        "music": { "probability": 0.5, "snr_db": [10, 20], "sounds": ["music", "tones"] },
        "telephone": { "probability": 0.5 },
        "gain": { "probability": 0.5, "db": [-10, 5] },
        "spec": { "frequency_masks": 1, "frequency_width": 4 },
    });
    AdapterStage {
        encode: Encode::EachStep,
        augment: serde_json::from_value(augment).unwrap(),
        ..fixture.adapter(train)
    }
}

fn job(fixture: &Fixture, stage: &AdapterStage) -> AdapterJob {
    let parts = Frozen::load(&fixture.path("encoder"), &fixture.path("llm"), &Device::flex()).unwrap();
    AdapterJob::new(stage.clone(), parts).unwrap()
}

fn draw(job: &AdapterJob, step: u64) -> Draw {
    Draw { step, epoch: 0, items: job.batches(0)[0].clone() }
}

#[test]
fn what_is_learnt_does_not_depend_on_the_number_of_threads_or_on_a_stop() {
    alone("what_is_learnt_does_not_depend_on_the_number_of_threads_or_on_a_stop", || {
        let fixture = fixture();
        let train = |run: &str, workers: usize| {
            let settings = LoopConfig { workers, accumulate: 2, ..loop_config(8) };
            let out = fixture.path(&format!("{run}-out-{workers}"));
            let stage = stage(&fixture, &settings);
            finished(adapter::train(stage, &fixture.path(run), &out, &Device::flex()).unwrap());
            file_bits(&out.join("adapter/model.safetensors"))
        };
        let expected = train("run-0", 0);
        for workers in [1, 4] {
            assert_same(&train(&format!("run-{workers}"), workers), &expected, &format!("{workers} threads"));
        }
        // The second half again, with another number of threads.
        std::fs::remove_dir_all(fixture.path("run-4").join("step-00000008")).unwrap();
        assert_same(&train("run-4", 2), &expected, "resumed");
        assert_eq!(losses(&fixture.path("run-1")), losses(&fixture.path("run-0")));
    });
}

#[test]
fn what_is_judged_by_is_not_changed() {
    let fixture = fixture();
    let (changed, plain) = (stage(&fixture, &loop_config(1)), fixture.adapter(&loop_config(1)));
    let (changed, plain) = (job(&fixture, &changed), job(&fixture, &plain));
    let adapter = plain.init(&Device::flex()).unwrap();
    assert_eq!(changed.evaluate(&adapter).unwrap(), plain.evaluate(&adapter).unwrap());
    assert_ne!(changed.fingerprint(), plain.fingerprint());
    let tracked = plain.init(&Device::flex().autodiff()).unwrap();
    let loss = |job: &AdapterJob, step| {
        let batch = job.source().load(draw(job, step)).unwrap();
        job.loss(&tracked, &batch, &mut rng_for(1, 2, 3)).unwrap().into_scalar::<f32>()
            / job.weight(&batch) as f32
    };
    // Other sound in another step.
    assert!((loss(&changed, 0) - loss(&changed, 1)).abs() > 1e-4);
}

/// Without effects, what is computed in a step is what would be kept, but for the 16 bits.
#[test]
fn without_effects_the_loss_is_that_of_kept_outputs() {
    let fixture = fixture();
    let mut kept = fixture.adapter(&loop_config(1));
    let shape = kept.model.as_mut().unwrap();
    without_dropout(shape);
    shape.reduction = LengthReduction::Stack { count: 2 };
    let fresh = AdapterStage { encode: Encode::EachStep, ..kept.clone() };
    let (kept, fresh) = (job(&fixture, &kept), job(&fixture, &fresh));
    let adapter = kept.init(&Device::flex().autodiff()).unwrap();
    let loss = |job: &AdapterJob| {
        let batch = job.source().load(draw(&kept, 0)).unwrap();
        job.loss(&adapter, &batch, &mut rng_for(1, 2, 3)).unwrap().into_scalar::<f32>()
    };
    let (of_kept, of_fresh) = (loss(&kept), loss(&fresh));
    assert!((of_kept - of_fresh).abs() < 1e-3 * of_kept.abs(), "{of_kept} and {of_fresh}");
}

#[test]
fn joined_utterances_have_both_texts() {
    let fixture = fixture();
    let weight = |augment: serde_json::Value| {
        let stage = AdapterStage {
            encode: Encode::EachStep,
            augment: Some(serde_json::from_value(augment).unwrap()),
            ..fixture.adapter(&loop_config(1))
        };
        let job = job(&fixture, &stage);
        let items: Vec<usize> = job.batches(0).concat();
        let count = items.len();
        (job.weight(&job.source().load(Draw { step: 0, epoch: 0, items }).unwrap()), count)
    };
    let (alone, count) = weight(json!({}));
    let (joined, _) = weight(json!({ "join": { "probability": 1.0, "pause": [0.0, 0.1] } }));
    // Every target has another one after it, and one end token for both; the same ones on the average.
    let expected = 2.0 * alone - count as f64;
    assert!((joined / expected - 1.0).abs() < 0.35 && joined > alone, "{joined}, expected about {expected}");
    let (short, _) = weight(json!({ "join": { "probability": 1.0, "pause": [0, 0], "max_seconds": 0.5 } }));
    assert!((short - alone).abs() < 1e-9, "{short}, expected {alone}");
}

#[test]
fn settings_that_do_not_fit_are_told() {
    let fixture = fixture();
    let stage = AdapterStage { encode: Encode::Once, ..stage(&fixture, &loop_config(1)) };
    let error =
        adapter::train(stage, &fixture.path("run"), &fixture.path("out"), &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("--cache off"), "{error}");
}
