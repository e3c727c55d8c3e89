//! The kinds of adapters against PyTorch, values and gradients, and what each of them promises: rows of a batch are what they
//! are alone, files are read as they were written, frozen parts stay.
//!
//! The references are made by `fixtures/make_adapters.py`. `SLM_BACKEND` chooses the backend.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::Distribution;
use serde_json::{Value, json};
use slm_core::Task;
use slm_core::models::adapter::{Adapter, AdapterConfig};
use slm_core::models::checkpoint::{Bundle, json as json_file};
use slm_core::models::encoder::{SpeechEncoder, layers_problem};
use slm_core::models::llm::LanguageModel;
use slm_core::models::llm::t5::OutputHead;
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, PaddedIds, cross_entropy_sum};
use slm_core::models::speech::SpeechModel;
use slm_tests::{HostTensor, backend, checkpoint, fixtures, read_tensors, relative_error};
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Frozen, Losses};
use slm_train::steps::loss::ctc_sum;
use slm_train::training::{self, Draw, Job, Source, rng_for};

use common::{Fixture, assert_same, finished, loop_config, walk};

/// The kinds, between states of width 6 and a language model of width 8.
fn kinds() -> Vec<(&'static str, Value)> {
    vec![
        (
            "transformer",
            json!({"hidden_size": 8, "num_layers": 1, "num_heads": 2, "intermediate_size": 12, "dropout": 0.0}),
        ),
        ("stacked", json!({"count": 3, "hidden_size": 10})),
        ("convolution", json!({"num_layers": 2, "kernel": 3, "stride": 2, "hidden_size": 10})),
        (
            "window_qformer",
            json!({"window_size": 4, "downsample_rate": 2, "hidden_size": 8, "num_layers": 2, "num_heads": 2,
                   "intermediate_size": 12}),
        ),
    ]
}

/// The config of a kind with these sizes, which reads every state.
fn config(kind: &str, sizes: &Value, encoder_layers: &[usize]) -> AdapterConfig {
    let mut config = json!({"encoder_dim": 6, "llm_dim": 8, "reduction": {"kind": "stride", "every": 1}});
    let fields = config.as_object_mut().unwrap();
    fields.insert("kind".into(), kind.into());
    fields.extend(sizes.as_object().unwrap().clone());
    if !encoder_layers.is_empty() {
        fields.insert("encoder_layers".into(), json!(encoder_layers));
    }
    let config: AdapterConfig = serde_json::from_value(config).unwrap();
    assert!(config.problems().is_empty(), "{:?}", config.problems());
    config
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().unwrap()
}

/// The largest difference, as a part of the largest value.
fn gap(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().map(|v| v.abs()).fold(1e-2, f32::max);
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale
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

/// The weights and the other tensors of a reference.
fn reference(name: &str) -> BTreeMap<String, HostTensor> {
    read_tensors(&fixtures().join(format!("adapters/{name}.safetensors")))
}

#[test]
fn outputs_and_gradients_are_those_of_pytorch() {
    let device = backend().device().unwrap().autodiff();
    let sizes: BTreeMap<&str, Value> = kinds().into_iter().collect();
    for (name, kind, layers, parameters) in [
        ("stacked", "stacked", &[][..], 286),
        ("convolution", "convolution", &[][..], 636),
        ("weighted_sum", "stacked", &[0, 2][..], 289),
    ] {
        let reference = reference(name);
        let config = config(kind, &sizes[kind], layers);
        // The weights, in a folder as an adapter's is.
        let dir = tempfile::tempdir().unwrap();
        json_file::write(&dir.path().join("config.json"), &config).unwrap();
        let weights: Vec<(&String, &HostTensor)> = reference
            .iter()
            .filter(|(name, _)| !name.starts_with("io.") && !name.starts_with("grad."))
            .collect();
        write_tensors(&dir.path().join("model.safetensors"), &weights);
        let adapter = Adapter::load(&checkpoint(dir.path()), &device).unwrap();
        assert_eq!(adapter.num_params(), parameters, "{name}");

        let lengths: Vec<usize> = reference["io.lengths"].values.iter().map(|v| *v as usize).collect();
        let plain = device.clone().without_autodiff();
        let output =
            adapter.forward(&PaddedBatch::new(reference["io.inputs"].to_device(&plain), lengths.clone()));
        let counts: Vec<usize> = reference["io.counts"].values.iter().map(|v| *v as usize).collect();
        assert_eq!(output.lengths(), counts, "{name}");
        let counted: Vec<usize> = lengths.iter().map(|&n| config.shape.kind.count(n)).collect();
        assert_eq!(counted, counts, "{name}");
        let found = gap(&values(output.values()), &reference["io.outputs"].values);
        assert!(found < 1e-5, "{name}: {found}");

        let factors = reference["io.factors"].to_device::<3>(&plain);
        let loss = PaddedBatch::new(output.values() * factors, counts).values().sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &adapter);
        let out = tempfile::tempdir().unwrap();
        adapter.map(&mut IntoGradients(gradients)).save(out.path(), StorageType::F32).unwrap();
        let found = read_tensors(&out.path().join("model.safetensors"));
        assert_eq!(found.len(), weights.len());
        for (tensor, found) in found {
            let expected = &reference[&format!("grad.{tensor}")];
            assert_eq!(found.shape, expected.shape, "{name}: {tensor}");
            let gap = gap(&found.values, &expected.values);
            assert!(gap < 1e-4, "{name}: gradient of `{tensor}` is off by {gap}");
        }
    }
}

/// Writes tensors as a weight file.
fn write_tensors(path: &std::path::Path, tensors: &[(&String, &HostTensor)]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, t)| t.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, t), bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, t.shape.clone(), bytes);
        ((*name).clone(), view.unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn a_row_is_what_it_is_alone_whatever_its_length() {
    let device = backend().device().unwrap();
    device.seed(3);
    for (kind, sizes) in kinds() {
        for layers in [&[][..], &[0, 1][..]] {
            let config = config(kind, &sizes, layers);
            let adapter = config.init(&device).with_output_rms(0.5);
            let lengths = [13, 12, 9, 8, 5, 4, 2, 1];
            let width = config.input_width();
            let x = Tensor::<3>::random([8, 13, width], Distribution::Normal(0.0, 1.0), &device);
            let together = adapter.forward(&PaddedBatch::new(x.clone(), lengths.to_vec()));
            assert_eq!(together.dims()[2], 8);
            for (row, length) in lengths.into_iter().enumerate() {
                let alone = x.clone().slice([row..row + 1, 0..length, 0..width]);
                let alone = adapter.forward(&PaddedBatch::new(alone, vec![length]));
                let made = alone.lengths()[0];
                assert_eq!(made, config.shape.kind.count(length), "{kind}");
                assert_eq!(together.lengths()[row], made, "{kind}");
                let found = together.values().slice([row..row + 1, 0..made, 0..8]);
                let gap = gap(&values(found), &values(alone.values()));
                assert!(gap < 1e-5, "{kind} of {length} states: {gap}");
                let rms = (alone.values() * alone.values()).mean().sqrt().into_scalar::<f32>();
                assert!((rms - 0.5).abs() < 1e-2, "{kind}: {rms}");
            }
        }
    }
}

#[test]
fn what_is_saved_is_loaded() {
    let device = backend().device().unwrap();
    for (kind, sizes) in kinds() {
        let config = config(kind, &sizes, &[1]);
        let adapter = config.init(&device);
        let dir = tempfile::tempdir().unwrap();
        adapter.save(dir.path(), StorageType::F32).unwrap();
        let again = Adapter::load(&checkpoint(dir.path()), &device).unwrap();
        assert_eq!(again.config(), &config);
        assert_same(&walk(&again).tensors, &walk(&adapter).tensors, kind);
        let tensors = read_tensors(&dir.path().join("model.safetensors"));
        assert!(
            tensors.keys().all(|name| !name.starts_with("network")),
            "{tensors:?}",
            tensors = tensors.keys()
        );
    }
}

/// The reference model's adapter, which has no `kind`.
#[test]
fn the_adapter_of_the_reference_model_is_a_transformer_and_keeps_its_names() {
    let dir = fixtures().join("../../weights/slm-tiny/adapter");
    let adapter = Adapter::load(&checkpoint(&dir), &backend().device().unwrap()).unwrap();
    let out = tempfile::tempdir().unwrap();
    adapter.save(out.path(), StorageType::F32).unwrap();
    let (old, new) =
        (read_tensors(&dir.join("model.safetensors")), read_tensors(&out.path().join("model.safetensors")));
    assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>());
    assert!(old.iter().all(|(name, tensor)| tensor.values == new[name].values));
}

/// The stage with the adapter of a kind, two layers of the encoder summed, and a CTC loss beside the others.
fn stage(fixture: &Fixture, kind: &str, sizes: &Value) -> AdapterStage {
    let mut shape = json!({"kind": kind, "reduction": {"kind": "stride", "every": 1}, "encoder_layers": [0]});
    shape.as_object_mut().unwrap().extend(sizes.as_object().unwrap().clone());
    let losses = Losses { label_smoothing: 0.1, distillation: 0.5, ctc: 0.3, ..Losses::default() };
    AdapterStage {
        model: Some(serde_json::from_value(shape).unwrap()),
        losses,
        ..fixture.adapter(&loop_config(4))
    }
}

#[test]
fn each_kind_learns_between_frozen_parts_and_answers_from_a_bundle() {
    for (kind, sizes) in kinds() {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Tied);
        let device = Device::flex();
        let tracked = device.clone().autodiff();
        let stage = stage(&fixture, kind, &sizes);

        let job = AdapterJob::new(stage.clone(), Frozen::load(&stage.encoder, &stage.llm, &device).unwrap())
            .unwrap();
        let fresh = job.init(&tracked).unwrap();
        let untrained = walk(&fresh).tensors;
        let draw = Draw { step: 0, epoch: 0, items: job.batches(0)[0].clone() };
        let batch = job.source().load(draw).unwrap();
        let loss = job.loss(&fresh, &batch, &mut rng_for(1, 2, 3)).unwrap();
        let mut grads = loss.backward();
        assert!(GradientsParams::from_module(&mut grads, job.llm()).is_empty(), "{kind}");
        assert_eq!(GradientsParams::from_grads(grads, &fresh).len(), walk(&fresh).ids.len(), "{kind}");
        let run = fixture.path("run");
        let trained = finished(training::run(&job, fresh, &stage.train, &run, &tracked).unwrap());
        for (name, values) in walk(&trained).tensors {
            assert!(values != untrained[&name], "{kind}: `{name}` did not change");
        }
        let on_disk = walk(&LanguageModel::load(&checkpoint(&stage.llm), &device).unwrap()).tensors;
        assert_same(&walk(job.llm()).tensors, &on_disk, "language model");

        let out = fixture.path("bundle");
        finished(adapter::train(stage, &fixture.path("stage"), &out, &device).unwrap());
        let model = SpeechModel::load(&Bundle::open(&out).unwrap(), &device).unwrap();
        let tone: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.2).sin() * 0.1).collect();
        let request = model.request(Task::Transcribe);
        assert_eq!(model.respond(&[&tone], &request).unwrap().len(), 1, "{kind}");
    }
}

/// Layers of every family lie before the last states, which stay what they are alone; what the head says stays too.
#[test]
fn layers_lie_beside_the_last_ones() {
    let device = backend().device().unwrap();
    for (name, time) in [
        ("parity/parakeet_ctc_x4", 40),
        ("parity/lasr_ctc", 40),
        ("parity/w2v_bert", 40),
        ("parity/w2v2_conformer_relative", 1600),
        ("parity/whisper_80", 40),
        ("speech_llm/granite_speech", 40),
    ] {
        let encoder = SpeechEncoder::load(&checkpoint(&fixtures().join(name)), &device).unwrap();
        let blocks = encoder.sizes().equal_layers().unwrap();
        let normal = Distribution::Normal(0.0, 1.0);
        let features = Tensor::<3>::random([2, time, encoder.input_width()], normal, &device);
        let features = PaddedBatch::new(features, vec![time, time * 3 / 4]);
        let last = encoder.forward(&features);
        let all = encoder.clone().with_layers(&BTreeSet::from([0, blocks])).forward(&features);
        let width = encoder.output_width();
        let [batch, states, _] = last.dims();
        assert_eq!((all.dims(), all.lengths()), ([batch, states, 3 * width], last.lengths()), "{name}");
        let piece = |i: usize| values(all.values().narrow(2, i * width, width));
        assert_eq!(piece(2), values(last.values()), "{name}");
        assert!(piece(0) != piece(1), "{name}");
        if let Some(scores) = encoder.ctc_logits(&last) {
            assert_eq!(values(encoder.ctc_logits(&all).unwrap()), values(scores), "{name}");
        }
    }
}

#[test]
fn layers_are_the_hidden_states_of_transformers() {
    let device = backend().device().unwrap();
    let dir = fixtures().join("parity/w2v_bert");
    let io = read_tensors(&dir.join("io.safetensors"));
    let lengths = io["attention_mask"].row_lengths();
    let features = PaddedBatch::new(io["input_features"].to_device(&device), lengths.clone());
    let encoder = SpeechEncoder::load(&checkpoint(&dir), &device).unwrap();
    let width = encoder.output_width();
    let all = encoder.with_layers(&BTreeSet::from([0, 1])).forward(&features).values();
    let expected = reference("layers");
    assert_eq!(expected.len(), 3);
    for layer in 0..3 {
        let found = values(all.clone().narrow(2, layer * width, width));
        let error = relative_error(&found, &expected[&layer.to_string()], |row, t| t < lengths[row]);
        assert!(error < 1e-4, "layer {layer}: {error}");
    }
}

/// Encoders that shorten on their way, and one that has its layers side by side already, which it keeps.
#[test]
fn encoders_without_equal_layers_are_told() {
    let device = backend().device().unwrap();
    let layers = BTreeSet::from([0]);
    for name in ["parity/w2v_bert_adapter", "parity/w2v2_conformer_adapter", "parity/granite_speech5_ctc"] {
        let encoder = SpeechEncoder::load(&checkpoint(&fixtures().join(name)), &device).unwrap();
        let problem = layers_problem(encoder.sizes(), &layers).unwrap();
        assert!(problem.contains("as many and as wide"), "{name}: {problem}");
        assert_eq!(layers_problem(encoder.sizes(), &BTreeSet::new()), None);
    }
    let plus = SpeechEncoder::load(&checkpoint(&fixtures().join("speech_llm/granite_speech_plus")), &device)
        .unwrap();
    assert!(layers_problem(plus.sizes(), &layers).is_some());
    let features = PaddedBatch::new(Tensor::ones([1, 40, plus.input_width()], &device), vec![40]);
    let states = plus.forward(&features).dims();
    assert_eq!(states[2], plus.output_width());
    assert_eq!(plus.with_layers(&BTreeSet::new()).forward(&features).dims(), states);
}

#[test]
fn layers_that_an_encoder_does_not_have_are_refused() {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    let (kind, sizes) = &kinds()[1];
    let mut stage = stage(&fixture, kind, sizes);
    stage.model.as_mut().unwrap().encoder_layers.insert(99);
    let error = adapter::train(stage, &fixture.path("run"), &fixture.path("out"), &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(error.contains("`encoder_layers` has 99"), "{error}");
}

#[test]
fn losses_are_those_of_pytorch() {
    let device = backend().device().unwrap().autodiff();
    let reference = reference("losses");
    let rows = |ids: &str, lengths: &str| -> Vec<Vec<u32>> {
        let lengths = reference[lengths].ids();
        (0..lengths.len()).map(|row| reference[ids].id_row(row)[..lengths[row] as usize].to_vec()).collect()
    };
    let targets = rows("targets", "lengths");
    for (name, smoothing) in [("0", 0.0), ("1", 0.1), ("3", 0.3)] {
        let logits = reference["logits"].to_device::<3>(&device).require_grad();
        let targets = PaddedIds::from_rows(&targets, 0, &device);
        let loss = cross_entropy_sum(logits.clone(), &targets, smoothing);
        let (value, expected) =
            (loss.clone().into_scalar::<f32>(), reference[&format!("smooth{name}.loss")].values[0]);
        assert!((value - expected).abs() < 1e-5 * expected, "{value}, expected {expected}");
        let gradient = values(logits.grad(&loss.backward()).unwrap());
        assert!(
            gap(&gradient, &reference[&format!("smooth{name}.grad")].values) < 1e-5,
            "smoothing {smoothing}"
        );
    }

    let states = reference["ctc.states"].to_device::<3>(&device).require_grad();
    let weight = reference["ctc.weight"].to_device::<2>(&device).require_grad();
    let bias = reference["ctc.bias"].to_device::<1>(&device).require_grad();
    let scores = states.clone().matmul(weight.clone().transpose().unsqueeze()) + bias.clone().unsqueeze();
    let lengths: Vec<usize> = reference["ctc.lengths"].ids().iter().map(|n| *n as usize).collect();
    let labels = rows("ctc.labels", "ctc.counts");
    let labels: Vec<&[u32]> = labels.iter().map(Vec::as_slice).collect();
    let log_probs = burn::tensor::activation::log_softmax(scores, 2);
    let loss = ctc_sum(log_probs.clone(), &lengths, &labels, 4);
    let (value, expected) = (loss.clone().into_scalar::<f32>(), reference["ctc.loss"].values[0]);
    assert!((value - expected).abs() < 1e-5 * expected, "{value}, expected {expected}");
    let grads = loss.backward();
    for (name, found) in [
        ("grad", values(states.grad(&grads).unwrap())),
        ("grad_weight", values(weight.grad(&grads).unwrap())),
        ("grad_bias", values(bias.grad(&grads).unwrap())),
    ] {
        let gap = gap(&found, &reference[&format!("ctc.{name}")].values);
        assert!(gap < 1e-4, "{name}: {gap}");
    }
    // A batch of which no row can be aligned is no loss, and no NaN.
    let nothing = ctc_sum(log_probs.inner(), &[1, 1, 1], &labels, 4).into_scalar::<f32>();
    assert!(nothing.abs() < f32::EPSILON);
}
