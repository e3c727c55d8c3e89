//! Layers with a CTC head on top of a frozen encoder: what they compute, their training, and what is built on them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::Path;

use burn::prelude::*;
use burn::tensor::Distribution;
use serde_json::json;
use slm_core::models::checkpoint::{BASE_FOLDER, Bundle};
use slm_core::models::encoder::{CtcLayersConfig, SpeechEncoder};
use slm_core::models::llm::t5::OutputHead;
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, Watch};
use slm_core::{Model, ModelKind, OpenOptions, Task};
use slm_tests::{backend, checkpoint};
use slm_train::steps::adapter::{self, AdapterStage};
use slm_train::steps::ctc_layers::{self, CtcLayersStage};
use slm_train::training::LoopConfig;

use common::{Fixture, alone, assert_same, file_bits, files, finished, loop_config, losses, walk};

/// Sizes of the tests' layers, of which there are `layers`.
fn config(layers: usize, stack: usize) -> CtcLayersConfig {
    serde_json::from_value(json!({
        "stack": stack, "hidden_size": 8, "num_hidden_layers": layers, "num_attention_heads": 2,
        "intermediate_size": 12, "conv_kernel_size": 3, "vocab_size": 5,
    }))
    .unwrap()
}

/// Without blocks all is a projection of stacked states, a norm and the head: done once more in f64.
#[test]
fn states_are_stacked_projected_and_labelled() {
    let device = backend().device().unwrap();
    device.seed(3);
    let (stack, width, hidden, labels) = (3, 4, 8, 5);
    let layers = config(0, stack).init(width, &device);
    let rows: [Vec<f32>; 2] = [7, 5].map(|states| {
        let noise = Tensor::<1>::random([states * width], Distribution::Normal(0.0, 1.0), &device);
        noise.try_into_vec_as::<f32>().unwrap()
    });
    let batch = PaddedBatch::from_rows(&[&rows[0], &rows[1]], width, &device);
    let states = layers.forward(&batch, &Watch::default());
    assert_eq!((states.dims(), states.lengths()), ([2, 3, hidden], &[3, 2][..]));
    let found = layers.log_probs(&states).try_into_vec_as::<f32>().unwrap();

    let dir = tempfile::tempdir().unwrap();
    layers.save(dir.path(), StorageType::F32).unwrap();
    let tensors = slm_tests::read_tensors(&dir.path().join("model.safetensors"));
    let weight = |name: &str| -> Vec<f64> { tensors[name].values.iter().map(|&v| f64::from(v)).collect() };
    let linear = |x: &[f64], name: &str| -> Vec<f64> {
        let (matrix, bias) = (weight(&format!("{name}.weight")), weight(&format!("{name}.bias")));
        let row = |(row, bias): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias;
        matrix.chunks_exact(x.len()).zip(&bias).map(row).collect()
    };
    for (row, values) in rows.iter().enumerate() {
        let mut padded: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        padded.resize(padded.len().next_multiple_of(stack * width), 0.0);
        for (t, stacked) in padded.chunks_exact(stack * width).enumerate() {
            let x = linear(stacked, "input");
            let mean = x.iter().sum::<f64>() / hidden as f64;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / hidden as f64;
            let normed: Vec<f64> = x.iter().map(|v| (v - mean) / (variance + 1e-5).sqrt()).collect();
            let logits = linear(&normed, "ctc_head");
            let sum = logits.iter().map(|v| v.exp()).sum::<f64>().ln();
            for (label, logit) in logits.iter().enumerate() {
                let found = f64::from(found[(row * 3 + t) * labels + label]);
                assert!((found - (logit - sum)).abs() < 1e-4, "{row} {t} {label}: {found}, {}", logit - sum);
            }
        }
    }
}

#[test]
fn a_row_of_a_batch_is_what_it_is_alone() {
    let device = backend().device().unwrap();
    device.seed(4);
    let layers = config(2, 2).init(4, &device);
    let values = Tensor::<3>::random([2, 9, 4], Distribution::Normal(0.0, 1.0), &device);
    let both = layers.forward(&PaddedBatch::new(values.clone(), vec![9, 6]), &Watch::default());
    let second = PaddedBatch::new(values.narrow(0, 1, 1).narrow(1, 0, 6), vec![6]);
    let alone = layers.forward(&second, &Watch::default()).values();
    let gap = (both.values().narrow(0, 1, 1).narrow(1, 0, 3) - alone).abs().max();
    let gap = gap.try_into_scalar::<f32>().unwrap();
    assert!(gap < 1e-4, "{gap}");
}

/// The stage on the corpus of the fixture.
fn stage(fixture: &Fixture, encoder: &Path, train: &LoopConfig) -> CtcLayersStage {
    let manifest = fixture.path("corpus").join("manifest.jsonl");
    serde_json::from_value(json!({
        "encoder": encoder,
        "tokenizer": fixture.path("tokenizer"),
        "train_manifest": manifest,
        "dev_manifest": manifest,
        "cache": fixture.path("cache"),
        "model": {
            "stack": 1, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, "conv_kernel_size": 5, "dropout": 0.1,
        },
        "spec_augment": { "frequency_masks": 1, "frequency_width": 2, "time_masks": 1, "time_share": 0.05 },
        "batch_states": 60,
        "train": train,
    }))
    .unwrap()
}

#[test]
fn layers_learn_and_the_frozen_encoder_stays() {
    alone("layers_learn_and_the_frozen_encoder_stays", || {
        let fixture = Fixture::new();
        let device = Device::flex();
        let encoder = fixture.bare_encoder();
        let before = files(&encoder);
        let train = stage(&fixture, &encoder, &loop_config(60));
        let (run, out) = (fixture.path("run"), fixture.path("listening"));
        let layers = finished(ctc_layers::train(train, &run, &out, &device).unwrap());
        let losses = losses(&run);
        assert!(losses[59].1 < 0.6 * losses[0].1, "{losses:?}");
        // Only the layers were trained: the result has the frozen encoder's own bytes.
        assert_eq!(files(&encoder), before);
        let base = files(&out.join(BASE_FOLDER));
        for (name, bytes) in &base {
            assert_eq!(bytes, &before[name], "{name}");
        }
        assert_eq!(base.len(), before.len());
        let bits = file_bits(&out.join("model.safetensors"));
        assert_same(&bits, &walk_named(&layers), "the layers");

        // The whole computes what its parts compute.
        let whole = SpeechEncoder::load(&checkpoint(&out), &device).unwrap();
        let base = SpeechEncoder::load(&checkpoint(&encoder), &device).unwrap();
        assert_eq!(whole.num_params(), base.num_params() + layers.num_params());
        let frames = Tensor::random([1, 40, base.input_width()], Distribution::Normal(0.0, 1.0), &device);
        let features = PaddedBatch::new(frames, vec![40]);
        let found = whole.forward(&features).values();
        let expected = layers.forward(&base.forward(&features), &Watch::default()).values();
        let gap = (found - expected).abs().max().try_into_scalar::<f32>().unwrap();
        assert!(gap < 1e-5, "{gap}");
        assert_eq!(walk(&whole).trainable, 0);

        // Without its base it is nothing.
        fs::remove_dir_all(out.join(BASE_FOLDER)).unwrap();
        let error = SpeechEncoder::load(&checkpoint(&out), &device).unwrap_err().to_string();
        assert!(error.contains("`base`"), "{error}");
    });
}

#[test]
fn variants_of_the_sound_are_learnt_from_too() {
    alone("variants_of_the_sound_are_learnt_from_too", || {
        let fixture = Fixture::new();
        let device = Device::flex();
        let encoder = fixture.bare_encoder();
        let with = |augment: serde_json::Value, variants: usize| {
            let mut stage = serde_json::to_value(stage(&fixture, &encoder, &loop_config(12))).unwrap();
            stage["augment"] = augment;
            stage["variants"] = variants.into();
            serde_json::from_value::<CtcLayersStage>(stage).unwrap()
        };
        let run = |stage: CtcLayersStage, name: &str| {
            let (run, out) = (fixture.path(name), fixture.path(&format!("out-{name}")));
            ctc_layers::train(stage, &run, &out, &device).map(|outcome| {
                finished(outcome);
                losses(&run)
            })
        };
        let gain = json!({ "gain": { "probability": 1.0, "db": [-12.0, 6.0] }, "telephone": { "probability": 0.5 } });
        let plain = run(with(json!({}), 1), "plain").unwrap();
        let varied = run(with(gain.clone(), 3), "varied").unwrap();
        assert!(plain != varied && varied[11].1 < varied[0].1, "{varied:?}");
        for (augment, variants, expected) in [
            (gain.clone(), 1, "`augment` changes nothing"),
            (json!({}), 2, "`variants` are all the same"),
            (gain, 0, "`variants` is 0"),
            (json!({ "spec": { "frequency_masks": 1 } }), 2, "`augment.spec` is `spec_augment`"),
        ] {
            let error = run(with(augment, variants), "refused").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    });
}

/// The bits of a module whose files have its own names; Burn keeps the matrix of a linear map the other way round.
fn walk_named(layers: &slm_core::models::encoder::CtcLayers) -> common::Bits {
    let dir = tempfile::tempdir().unwrap();
    layers.save(dir.path(), StorageType::F32).unwrap();
    file_bits(&dir.path().join("model.safetensors"))
}

#[test]
fn a_stopped_training_goes_on_as_if_it_had_not() {
    alone("a_stopped_training_goes_on_as_if_it_had_not", || {
        let fixture = Fixture::new();
        let device = Device::flex();
        let encoder = fixture.bare_encoder();
        let train = |steps: u64, run: &str, out: &str| {
            // The schedule ends at the same step.
            let loops = LoopConfig { steps, ..loop_config(12) };
            let stage = stage(&fixture, &encoder, &loops);
            finished(ctc_layers::train(stage, &fixture.path(run), &fixture.path(out), &device).unwrap());
            file_bits(&fixture.path(out).join("model.safetensors"))
        };
        let whole = train(12, "whole", "out-1");
        // From its last checkpoint but one, as after a kill.
        let (run, from) = (fixture.path("resumed"), fixture.path("whole"));
        common::copy_dir(&from, &run);
        fs::remove_dir_all(run.join("step-00000012")).ok();
        assert_same(&train(12, "resumed", "out-2"), &whole, "resumed");
    });
}

#[test]
fn what_stands_on_labels_works_with_it() {
    alone("what_stands_on_labels_works_with_it", || {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Own);
        let device = Device::flex();
        let bare = fixture.bare_encoder();
        let listening = fixture.path("listening");
        let layers = stage(&fixture, &bare, &loop_config(2));
        finished(ctc_layers::train(layers, &fixture.path("run-1"), &listening, &device).unwrap());

        // By itself it is a CTC model.
        let model = Model::open(&listening, &OpenOptions::new()).unwrap();
        assert_eq!(Model::describe(&listening).unwrap().kind, ModelKind::CtcModel);
        let tone: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.2).sin() * 0.1).collect();
        assert!(model.answer(&tone, &model.request(Task::Transcribe)).is_ok());

        // An adapter on top of it has soft tokens, and its bundle holds the base.
        let adapter =
            AdapterStage { encoder: listening.clone(), model: None, ..fixture.adapter(&loop_config(2)) };
        let out = fixture.path("bundle");
        let trained = finished(adapter::train(adapter, &fixture.path("run-2"), &out, &device).unwrap());
        assert!(trained.adapter.config().shape.kind.has_soft_tokens());
        let bundle = Bundle::open(&out).unwrap();
        assert!(bundle.manifest().parts.encoder.files.contains_key("base/model.safetensors"));
        let model = Model::open(&out, &OpenOptions::new()).unwrap();
        assert!(model.answer(&tone, &model.request(Task::Transcribe)).is_ok());
        // A changed base is another model.
        let weights = out.join("encoder/base/config.json");
        let text = fs::read_to_string(&weights).unwrap();
        fs::write(&weights, text + " ").unwrap();
        assert!(Bundle::open(&out).is_err());
    });
}
