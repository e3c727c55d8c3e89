//! LoRA in stage `adapter`: thin matrices are learnt beside a language model that stays as it is to the bit, and the bundle
//! answers with them. That their formula is PEFT's is a matter of the test `train_steps`.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::fs;
use std::path::Path;

use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::tensor::{Distribution, Int};
use serde_json::{Value, json};
use slm_core::models::checkpoint::ADAPTER_CONFIG_FILE;
use slm_core::models::llm::t5::OutputHead;
use slm_core::models::llm::{Attachment, LanguageModel, Lora, LoraShape};
use slm_core::models::nn::PaddedBatch;
use slm_core::{Backend, BackendChoice, Model, OpenOptions, Task, audio};
use slm_tests::checkpoint as open;
use slm_train::steps::adapter::{self, AdapterJob, AdapterStage, Frozen, Trained};
use slm_train::training::{self, Draw, Job, Outcome, Purpose, Source, rng_for};

use common::{Fixture, alone, assert_same, file_bits, files, finished, loop_config, walk, without_dropout};

/// A kind of language model: how it is written into a fixture, and what of it gets thin matrices, how many.
type Kind = (fn(&Fixture), &'static [&'static str], usize);

/// A T5 of a block each: `q` and `v` of three attentions and `wo` of two feed-forward layers. A decoder of two blocks.
const KINDS: [Kind; 2] = [
    (|_| (), &["q", "v", "wo"], 8),
    (Fixture::decoder_only_llm, &["q_proj", "layers.1.mlp.up_proj", "lm_head"], 4),
];

fn shape(targets: &[&str]) -> LoraShape {
    let target_modules = targets.iter().map(|&target| target.to_owned()).collect();
    LoraShape { rank: 2, alpha: 6.0, target_modules, dropout: 0.0 }
}

fn fixture(kind: &Kind) -> Fixture {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    kind.0(&fixture);
    fixture
}

/// The stage with thin matrices, and nothing random but where it starts.
fn stage(fixture: &Fixture, kind: &Kind, steps: u64) -> AdapterStage {
    let mut stage = AdapterStage { lora: Some(shape(kind.1)), ..fixture.adapter(&loop_config(steps)) };
    let model = stage.model.as_mut().unwrap();
    model.reduction = serde_json::from_value(json!({"kind": "stack", "count": 2})).unwrap();
    without_dropout(model);
    stage
}

fn job(stage: &AdapterStage) -> AdapterJob {
    let parts = Frozen::load(&stage.encoder, &stage.llm, &Device::flex()).unwrap();
    AdapterJob::new(stage.clone(), parts).unwrap()
}

/// The loss of the first batch.
fn first_loss(job: &AdapterJob, model: &Trained) -> Tensor<1> {
    let draw = Draw { step: 0, epoch: 0, items: job.batches(0)[0].clone() };
    let batch = job.source().load(draw).unwrap();
    job.loss(model, &batch, &mut rng_for(1, 2, 3)).unwrap()
}

#[test]
fn thin_matrices_are_learnt_and_nothing_of_the_language_model() {
    for kind in &KINDS {
        let fixture = fixture(kind);
        let (device, tracked) = (Device::flex(), Device::flex().autodiff());
        let stage = stage(&fixture, kind, 6);
        let job = job(&stage);
        let llm_files = files(&stage.llm);
        let before = walk(job.llm()).tensors;
        let fresh = job.init(&tracked).unwrap();
        let thin = walk(fresh.lora.as_ref().unwrap());
        assert_eq!((thin.tensors.len(), thin.trainable), (2 * kind.2, 2 * kind.2));

        // B is zero, so that it says what the model alone says.
        let alone = Trained::new(fresh.adapter.clone(), None, &tracked);
        let [with, without] = [&fresh, &alone].map(|model| first_loss(&job, model).into_scalar::<f32>());
        assert!((with - without).abs() <= 1e-6 * without, "{with} and {without}");

        let mut grads = first_loss(&job, &fresh).backward();
        assert!(GradientsParams::from_module(&mut grads, job.llm()).is_empty());
        let beside = fresh.beside(job.llm());
        let of_base = walk(job.llm()).ids;
        let of_all = GradientsParams::from_grads(grads, &fresh);
        assert_eq!(of_all.len(), walk(&fresh).ids.len(), "a gradient for each of the adapter and of A and B");
        assert_eq!(walk(&beside).tensors.len(), before.len() + 2 * kind.2);
        assert!(walk(&fresh).ids.is_disjoint(&of_base));

        let untrained = walk(&fresh).tensors;
        let run = fixture.path("run");
        let trained = finished(training::run(&job, fresh, &stage.train, &run, &tracked).unwrap());
        for (name, values) in walk(&trained).tensors {
            assert!(values != untrained[&name], "`{name}` did not change");
        }
        assert_same(&walk(job.llm()).tensors, &before, "the language model in memory");
        assert!(files(&stage.llm) == llm_files, "the language model's folder changed");
        let again = LanguageModel::load(&open(&stage.llm), &device).unwrap();
        assert_same(&walk(&again).tensors, &before, "the language model on disk");
    }
}

/// What a language model says of random embeddings and ids.
fn says(llm: &LanguageModel) -> Vec<f32> {
    let device = Device::flex();
    device.seed(8);
    let x = Tensor::random([2, 5, llm.d_model()], Distribution::Normal(0.0, 1.0), &device);
    let ids = Tensor::<2, Int>::from_data([[0, 7, 9], [0, 11, 4]], &device);
    let memory = llm.encode(&PaddedBatch::new(x, vec![5, 3]));
    llm.decode(&memory, ids).try_into_vec_as::<f32>().unwrap()
}

fn gap(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// What a request for a transcript comes to, to the last bit.
fn transcript(model: &Model, sound: &Path, adapter: Option<&str>) -> (String, Vec<u64>) {
    let mut request = model.request(Task::Transcribe);
    request.adapter = adapter.map(str::to_owned);
    let answer = model.answer(&audio::read(sound).unwrap().samples, &request).unwrap();
    (answer.text, answer.segments.iter().map(|segment| segment.score.to_bits()).collect())
}

#[test]
fn a_bundle_answers_as_the_model_that_was_trained() {
    alone("a_bundle_answers_as_the_model_that_was_trained", || {
        for kind in &KINDS {
            let fixture = fixture(kind);
            let device = Device::flex();
            let stage = stage(&fixture, kind, 8);
            let bundle = fixture.path("bundle");
            let trained =
                finished(adapter::train(stage.clone(), &fixture.path("run"), &bundle, &device).unwrap());
            let llm = LanguageModel::load(&open(&stage.llm), &device).unwrap();
            let lora = Lora::load(&open(&bundle.join("adapter"))).unwrap();
            assert_eq!((lora.paths().count(), lora.base()), (kind.2, Some("llm")));
            let expected = says(&trained.beside(&llm));
            for attachment in [Attachment::Apart, Attachment::Merged] {
                let found = says(&llm.with_lora(&lora, attachment).unwrap());
                assert!(gap(&found, &expected) < 1e-4, "{attachment:?}: {}", gap(&found, &expected));
            }
            assert!(gap(&says(&llm), &expected) > 1e-2, "it learnt nothing");

            let text = fs::read_to_string(bundle.join("adapter").join(ADAPTER_CONFIG_FILE)).unwrap();
            let settings: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&settings["r"], &settings["peft_type"]), (&json!(2), &json!("LORA")));
        }
    });
}

/// The engine attaches what was trained beside the language model, and takes it for another adapter of a bundle without.
#[test]
fn the_engine_answers_with_the_thin_matrices_of_a_bundle() {
    alone("the_engine_answers_with_the_thin_matrices_of_a_bundle", || {
        let fixture = Fixture::new();
        let root = slm_tests::fixtures().join("../..");
        let tiny = root.join("weights/slm-tiny");
        let manifest = root.join("tests/audio/test/manifest.jsonl");
        let stage = AdapterStage {
            encoder: tiny.join("encoder"),
            llm: tiny.join("llm"),
            train_manifest: manifest.clone().into(),
            dev_manifest: manifest.into(),
            model: None,
            start: Some(tiny),
            lora: Some(shape(&["q", "v"])),
            batch_tokens: 400,
            ..fixture.adapter(&loop_config(4))
        };
        let bundle = fixture.path("bundle");
        finished(adapter::train(stage, &fixture.path("run"), &bundle, &Device::flex()).unwrap());

        let options = || OpenOptions::new().backend(BackendChoice::Named(Backend::Flex)).cache_bytes(0);
        let sound = root.join("tests/audio/test/wav/000000-16147b07.wav");
        let model = Model::open(&bundle, &options()).unwrap();
        let found = transcript(&model, &sound, None);
        let bare = without_lora(&fixture, &bundle);
        let other = Model::open(&bare, &options().adapter("thin", &bundle)).unwrap();
        let base = transcript(&other, &sound, None);
        assert!(!base.1.is_empty(), "nothing was heard");
        assert_ne!(found, base);
        assert_eq!(transcript(&other, &sound, Some("thin")), found);
        // The other way round what was trained beside the one adapter is not heard with the other.
        let other = Model::open(&bundle, &options().adapter("bare", &bare)).unwrap();
        assert_eq!(transcript(&other, &sound, Some("bare")), base);
    });
}

/// A copy of the bundle whose adapter has no thin matrices.
fn without_lora(fixture: &Fixture, bundle: &Path) -> std::path::PathBuf {
    let bare = fixture.path("bare");
    common::copy_dir(bundle, &bare);
    let path = bare.join("slm.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let listed = manifest["parts"]["adapter"]["files"].as_object_mut().unwrap();
    assert_eq!(listed.len(), 4, "{listed:?}");
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        assert!(listed.remove(name).is_some());
        fs::remove_file(bare.join("adapter").join(name)).unwrap();
    }
    fs::write(&path, manifest.to_string()).unwrap();
    bare
}

/// The published curriculum: the adapter on recognition, then with a LoRA, then all tasks.
#[test]
fn stages_start_from_the_bundles_of_earlier_ones() {
    alone("stages_start_from_the_bundles_of_earlier_ones", || {
        for kind in &KINDS {
            let fixture = fixture(kind);
            let (device, tracked) = (Device::flex(), Device::flex().autodiff());
            let both = stage(&fixture, kind, 4);
            let recognise =
                "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nphrasings = [\": repeat\"]\n";
            let tasks = fixture.tasks("recognise.toml", recognise);
            let first = AdapterStage { lora: None, tasks: tasks.clone(), ..both.clone() };
            let second = AdapterStage { start: Some(fixture.path("one")), tasks, ..both.clone() };
            // Without a shape, the stage has that of the bundle it starts from.
            let third = AdapterStage { start: Some(fixture.path("two")), model: None, ..both.clone() };
            let train = |stage: &AdapterStage, name: &str| {
                let run = fixture.path(&format!("run-{name}"));
                finished(adapter::train(stage.clone(), &run, &fixture.path(name), &device).unwrap())
            };
            let one = train(&first, "one");
            let start = job(&second).init(&tracked).unwrap();
            assert_same(&walk(&start.adapter).tensors, &walk(&one.adapter).tensors, "the first adapter");
            let two = train(&second, "two");
            let start = job(&third).init(&tracked).unwrap();
            assert_same(
                &walk(&start).tensors,
                &walk(&two).tensors,
                "adapter and matrices of the second stage",
            );
            assert_eq!(walk(&start).trainable, walk(&start).ids.len());
            train(&third, "three");
            let bits = |name: &str| file_bits(&fixture.path(name).join("adapter/adapter_model.safetensors"));
            assert!(bits("two").keys().eq(bits("three").keys()) && bits("two") != bits("three"));

            // A run is of what it started from.
            let prints = [&both, &second, &third].map(|stage| job(stage).fingerprint());
            assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);

            let refused = |stage: AdapterStage| match job(&stage).init(&tracked) {
                Ok(_) => panic!("it was not refused"),
                Err(error) => format!("{error:#}"),
            };
            let error = refused(AdapterStage { lora: None, ..third.clone() });
            assert!(error.ends_with("has a LoRA, and the stage has no `[lora]`"), "{error}");
            let error =
                refused(AdapterStage { lora: Some(LoraShape { rank: 3, ..shape(kind.1) }), ..third.clone() });
            assert!(error.contains("has rank 2 and scale 3, not 3 and 2"), "{error}");
            let error = refused(AdapterStage { lora: Some(shape(&["nothing"])), ..both.clone() });
            assert!(error.contains("`target_modules` has `nothing`"), "{error}");
            let mut wider = second.clone();
            wider.model =
                serde_json::from_value(json!({"reduction": {"kind": "stack", "count": 2}, "kind": "stacked",
                "count": 2, "hidden_size": 8}))
                .unwrap();
            let error = refused(wider);
            assert!(error.contains("the stage asks for {"), "{error}");
        }
    });
}

#[test]
fn their_dropout_is_of_training_alone() {
    alone("their_dropout_is_of_training_alone", || {
        for kind in &KINDS {
            let fixture = fixture(kind);
            let tracked = Device::flex().autodiff();
            let mut stage = stage(&fixture, kind, 4);
            stage.lora.as_mut().unwrap().dropout = 0.5;
            let job = job(&stage);
            let fresh = job.init(&tracked).unwrap();
            let trained =
                finished(training::run(&job, fresh, &stage.train, &fixture.path("run"), &tracked).unwrap());
            let loss = |model: &Trained, seed: u64| {
                tracked.seed(seed);
                first_loss(&job, model).into_scalar::<f32>()
            };
            let in_training = trained.clone().train();
            assert!(loss(&in_training, 1).to_bits() == loss(&in_training, 1).to_bits());
            assert!((loss(&in_training, 1) - loss(&in_training, 2)).abs() > 1e-4);
            assert!(loss(&trained, 1).to_bits() == loss(&trained, 2).to_bits());
        }
    });
}

#[test]
fn a_dry_run_counts_them_and_words_may_stand_for_speech() {
    alone("a_dry_run_counts_them_and_words_may_stand_for_speech", || {
        let kind = &KINDS[0];
        let fixture = fixture(kind);
        let device = Device::flex();
        let mut stage = stage(&fixture, kind, 4);
        let text = "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nfrom = \"both\"\nphrasings = [\": repeat\"]\n";
        stage.tasks = fixture.tasks("both.toml", text);
        stage.train.purpose = Purpose::DryRun;
        let (run, out) = (fixture.path("run"), fixture.path("out"));
        let Outcome::Estimated(with) = adapter::train(stage.clone(), &run, &out, &device).unwrap() else {
            panic!("it trained");
        };
        let job = job(&stage);
        let lora = job.init(&device.clone().autodiff()).unwrap().lora.unwrap();
        let plain = AdapterStage { lora: None, ..stage.clone() };
        let error = adapter::train(plain.clone(), &run, &out, &device).unwrap_err().to_string();
        assert!(error.contains("reads text, of which a frozen language model learns nothing"), "{error}");
        let plain = AdapterStage { tasks: fixture.adapter(&stage.train).tasks, ..plain };
        let Outcome::Estimated(without) = adapter::train(plain, &run, &out, &device).unwrap() else {
            panic!("it trained");
        };
        assert_eq!(with.trained - without.trained, lora.num_params());
        assert_eq!(with.frozen, without.frozen);
    });
}
