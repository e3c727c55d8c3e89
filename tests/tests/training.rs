//! The promises of training, on tiny models and a tiny corpus: frozen parts stay as they are, stages learn, and a
//! run survives being killed, damaged files, NaN and a second trainer.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn_pack::Reader;
use slm_core::models::adapter::LengthReduction;
use slm_core::models::encoder::{Parakeet, SpeechEncoder};
use slm_core::models::llm::t5::{OutputHead, T5Config};
use slm_core::models::llm::{LanguageModel, LoraShape, T5};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_tests::checkpoint as open;
use slm_train::steps::adapter::{AdapterJob, AdapterStage, Encode, Frozen, Losses, Trained};
use slm_train::steps::{adapter, ctc, text};
use slm_train::training::{self, Draw, Job, LoopConfig, Source, checkpoint, clip, rng_for};

use common::{
    Fixture, WIDTH, WORDS, alone, assert_same, copy_dir, file_bits, files, finished, loop_config, losses,
    t5_config, walk, without_dropout,
};

/// The frozen parts of `fixture` on `device`.
fn frozen(fixture: &Fixture, device: &Device) -> Frozen {
    Frozen::load(&fixture.path("encoder"), &fixture.path("llm"), device).unwrap()
}

/// The loss of the first batch.
fn first_loss(job: &AdapterJob, model: &Trained) -> Tensor<1> {
    let draw = Draw { step: 0, epoch: 0, items: job.batches(0)[0].clone() };
    let batch = job.source().load(draw).unwrap();
    job.loss(model, &batch, &mut rng_for(1, 2, 3)).unwrap()
}

/// The kinds of language models behind an adapter: how each is written into a fixture.
const LLMS: [fn(&Fixture); 2] = [|_| (), Fixture::decoder_only_llm];

#[test]
fn frozen_parts_are_bit_identical_after_adapter_training() {
    LLMS.into_iter().for_each(check_bit_identical);
}

fn check_bit_identical(with_llm: fn(&Fixture)) {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    with_llm(&fixture);
    let (encoder_dir, llm_dir) = (fixture.path("encoder"), fixture.path("llm"));
    let (encoder_files, llm_files) = (files(&encoder_dir), files(&llm_dir));
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let config = fixture.adapter(&loop_config(6));

    let parts = frozen(&fixture, &device);
    let encoder = parts.encoder.clone();
    let job = AdapterJob::new(config.clone(), parts).unwrap();
    let fresh = job.init(&tracked).unwrap();
    let untrained = walk(&fresh).tensors;
    let run = fixture.path("run");
    let trained = finished(training::run(&job, fresh, &config.train, &run, &tracked).unwrap());

    for (name, values) in walk(&trained).tensors {
        assert!(values != untrained[&name], "`{name}` of the adapter did not change");
    }
    let on_disk = walk(&LanguageModel::load(&open(&llm_dir), &device).unwrap()).tensors;
    assert_same(&walk(job.llm()).tensors, &on_disk, "language model in memory");
    let on_disk = walk(&SpeechEncoder::load(&open(&encoder_dir), &device).unwrap()).tensors;
    assert_same(&walk(&encoder).tensors, &on_disk, "encoder in memory");

    // The whole stage, which also copies the parts into a bundle.
    let bundle = fixture.path("bundle");
    finished(adapter::train(config, &fixture.path("stage"), &bundle, &device).unwrap());
    assert!(files(&encoder_dir) == encoder_files, "the encoder's folder changed");
    assert!(files(&llm_dir) == llm_files, "the language model's folder changed");
    for (part, originals) in [("encoder", &encoder_files), ("llm", &llm_files)] {
        let copies = files(&bundle.join(part));
        assert!(copies.contains_key("model.safetensors"), "{part} has no weights");
        for (name, bytes) in copies {
            assert!(originals[&name] == bytes, "`{part}/{name}` of the bundle is another");
        }
    }
}

#[test]
fn no_gradient_and_no_optimizer_state_for_frozen_parts() {
    LLMS.into_iter().for_each(check_no_gradient);
}

fn check_no_gradient(with_llm: fn(&Fixture)) {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    with_llm(&fixture);
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let config = fixture.adapter(&loop_config(2));
    let parts = frozen(&fixture, &device);
    let encoder = parts.encoder.clone();
    let job = AdapterJob::new(config.clone(), parts).unwrap();
    let fresh = job.init(&tracked).unwrap();

    let mut grads = first_loss(&job, &fresh).backward();
    let of_llm = GradientsParams::from_module(&mut grads, job.llm());
    assert!(of_llm.is_empty(), "{} gradients for the language model", of_llm.len());
    let of_adapter = GradientsParams::from_grads(grads, &fresh);
    assert_eq!(of_adapter.len(), walk(&fresh).ids.len());
    assert!(clip::global_norm(&fresh, &of_adapter) > 0.0);

    let run = fixture.path("run");
    let trained = finished(training::run(&job, fresh, &config.train, &run, &tracked).unwrap());
    let (_, newest) = checkpoint::list(&run).unwrap().pop().unwrap();
    let record = Reader::from_file(newest.join("optimizer.bpk")).unwrap();
    let owner = |name: &String| name.split('.').next().unwrap().parse::<u64>().unwrap();
    let with_scalars: BTreeSet<u64> = record.scalars().keys().map(owner).collect();
    let tensors = record.into_tensors().unwrap();
    let with_tensors: BTreeSet<u64> = tensors.iter().map(|tensor| tensor.param_id.unwrap()).collect();
    let expected = walk(&trained).ids;
    assert_eq!(with_scalars, expected);
    assert_eq!(with_tensors, expected);
    assert!(walk(job.llm()).ids.is_disjoint(&expected));
    assert!(walk(&encoder).ids.is_disjoint(&expected));
}

/// What the language model says to the transcript is another loss of the same adapter; what it is judged by stays.
#[test]
fn distillation_changes_what_is_learnt_from_only() {
    LLMS.into_iter().for_each(check_distillation);
}

fn check_distillation(with_llm: fn(&Fixture)) {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    with_llm(&fixture);
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let mut plain = fixture.adapter(&loop_config(1));
    let shape = plain.model.as_mut().unwrap();
    // Nothing random but the adapter's weights.
    shape.reduction = LengthReduction::Stack { count: 2 };
    without_dropout(shape);
    let fresh = AdapterJob::new(plain.clone(), frozen(&fixture, &device)).unwrap().init(&tracked).unwrap();
    let measured = |config: &AdapterStage| {
        let job = AdapterJob::new(config.clone(), frozen(&fixture, &device)).unwrap();
        let loss = first_loss(&job, &fresh).into_scalar::<f32>();
        (loss, job.evaluate(&fresh.valid()).unwrap(), job.fingerprint())
    };
    let (loss, metrics, fingerprint) = measured(&plain);
    assert!(measured(&plain) == (loss, metrics.clone(), fingerprint.clone()), "it is not repeatable");

    let with = |cross_entropy, distillation| {
        let losses = Losses { cross_entropy, distillation, ..Losses::default() };
        AdapterStage { losses, ..plain.clone() }
    };
    let (taught, only) = (with(0.5, 0.5), with(0.0, 1.0));
    let (half, full) = (measured(&taught), measured(&only));
    assert!((half.0 - 0.5 * (loss + full.0)).abs() < 1e-3 * loss, "{} of {loss} and {}", half.0, full.0);
    assert!(full.0 > 0.0 && (full.0 - loss).abs() > 1e-3 * loss);

    for (_, judged, other) in [&half, &full] {
        assert!(*judged == metrics && *other != fingerprint);
    }

    // Asked anew in every step the teacher says the same, and what is kept is used: 16 bits round a log-probability `t` of
    // down to -8 by 2^-9, which moves `p (t - s)` by `p (1 + t - s)` times as much.
    let anew = measured(&AdapterStage { distil: Encode::EachStep, ..only.clone() });
    let rounding = 2.0_f32.powi(-9) * (1.0 + full.0);
    assert!((anew.0 - full.0).abs() < rounding, "{} of what is kept, {} anew", full.0, anew.0);
    assert!(anew.0.to_bits() != full.0.to_bits(), "nothing was kept");
    let kept = fs::read_dir(fixture.path("cache")).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("teacher-"));
    let kept: Vec<_> = kept.map(|path| path.join("said.answers")).collect();
    assert_eq!(kept.len(), 1);
    let bytes = fs::read(&kept[0]).unwrap();
    assert!(measured(&only).0.to_bits() == full.0.to_bits() && fs::read(&kept[0]).unwrap() == bytes);
    fs::write(&kept[0], &bytes[..bytes.len() - 1]).unwrap();
    assert!(measured(&only).0.to_bits() == full.0.to_bits() && fs::read(&kept[0]).unwrap() == bytes);
}

#[test]
fn frozen_parts_stay_frozen_under_train() {
    let fixture = Fixture::new();
    fixture.frozen_parts(OutputHead::Tied);
    let device = Device::flex();
    let parts = frozen(&fixture, &device);
    let (encoder, llm) = (parts.encoder.train(), parts.llm.train());
    assert_eq!(walk(&encoder).trainable, 0);
    assert_eq!(walk(&llm).trainable, 0);
    // What `freeze` is for: a fresh model of the plain device would wake up.
    let LanguageModel::T5(t5) = &llm else { panic!("expected a T5") };
    let awake = walk(&t5.config().init(OutputHead::Tied, &device).train());
    assert_eq!(awake.trainable, awake.ids.len());

    let tracked = device.autodiff();
    let leaf = Tensor::<3>::ones([1, 4, WIDTH], &tracked).require_grad();
    let memory = llm.encode(&PaddedBatch::new(leaf.clone(), vec![4]));
    let ids = PaddedIds::from_rows(&[[0_u32, 5, 6]], 0, &tracked).ids;
    let grads = llm.decode(&memory, ids).sum().backward();
    assert!(leaf.grad(&grads).is_some());
    assert!(GradientsParams::from_grads(grads, &llm).is_empty());
}

/// Logits of `llm` on the host.
fn logits(llm: &T5, inputs: &PaddedBatch, ids: &PaddedIds) -> Vec<f32> {
    let logits = llm.decode(&llm.encode(inputs), ids.ids.clone());
    logits.inner().try_into_vec_as::<f32>().unwrap()
}

#[test]
fn frozen_t5_has_no_dropout_under_autodiff() {
    let dir = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let config = T5Config { vocab_size: 40, ..t5_config(0.5) };
    config.init(OutputHead::Tied, &device).save(dir.path(), StorageType::F32).unwrap();
    let llm = T5::load(&open(dir.path()), &device).unwrap();

    let rows = [vec![5_u32, 6, 7, 8, 1], vec![9, 10, 1]];
    let targets = [[0_u32, 11, 12], [0, 13, 14]];
    let ids = PaddedIds::from_rows(&targets, 0, &device);
    let plain = llm.embed(&PaddedIds::from_rows(&rows, 0, &device));
    let leaf = plain.values().autodiff().require_grad();
    let inputs = PaddedBatch::new(leaf.clone(), plain.lengths().to_vec());

    let expected = logits(&llm, &plain, &ids);
    let first = logits(&llm, &inputs, &ids);
    assert!(first == logits(&llm, &inputs, &ids), "two passes differ");
    let worst = first.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst} from the pass without autodiff");
    let grads = llm.decode(&llm.encode(&inputs), ids.ids.clone()).sum().backward();
    assert!(leaf.grad(&grads).is_some(), "the passes were not tracked");

    // The check can fail: a model in training does drop.
    let training = config.init(OutputHead::Tied, &tracked);
    let ids = PaddedIds::from_rows(&targets, 0, &tracked);
    let first = logits(&training, &inputs, &ids);
    let second = logits(&training, &inputs, &ids);
    assert!(first != second, "dropout 0.5 changed nothing");
}

/// Makes 8 steps with `train(run, out)`, then the last 4 again from copies of the run that lost the end, and
/// compares losses and the tensors of `weights` in `out`.
fn check_resume(fixture: &Fixture, weights: &str, train: impl Fn(&Path, &Path)) {
    let straight = fixture.path("straight");
    let out = fixture.path("straight-out");
    train(&straight, &out);
    let expected = file_bits(&out.join(weights));
    let log = losses(&straight);
    assert_eq!(log.len(), 8);
    let saved: Vec<u64> = checkpoint::list(&straight).unwrap().iter().map(|(step, _)| *step).collect();
    assert_eq!(saved, [4, 8]);

    let check = |name: &str, harm: &dyn Fn(&Path)| {
        let run = fixture.path(name);
        copy_dir(&straight, &run);
        harm(&run);
        let out = fixture.path(&format!("{name}-out"));
        train(&run, &out);
        assert_eq!(losses(&run).split_off(8), log[4..], "{name}: losses");
        assert_same(&file_bits(&out.join(weights)), &expected, name);
        let left = files_of_type(&run, "tmp");
        assert!(left.is_empty(), "{name}: {left:?} is left");
    };
    check("killed", &|run: &Path| {
        fs::remove_dir_all(run.join("step-00000008")).unwrap();
        let half = run.join("step-00000006.tmp");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("model.bpk"), "half").unwrap();
    });
    check("damaged", &|run: &Path| {
        let path = run.join("step-00000008").join("model.bpk");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    });
}

/// Names in `dir` that end with `.extension`.
fn files_of_type(dir: &Path, extension: &str) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.display().to_string())
        .collect()
}

#[test]
fn a_resumed_adapter_run_equals_one_that_was_not_stopped() {
    alone("a_resumed_adapter_run_equals_one_that_was_not_stopped", || {
        for with_llm in LLMS {
            let fixture = Fixture::new();
            fixture.frozen_parts(OutputHead::Tied);
            with_llm(&fixture);
            let config = fixture.adapter(&loop_config(8));
            check_resume(&fixture, "adapter/model.safetensors", |run, out| {
                finished(adapter::train(config.clone(), run, out, &Device::flex()).unwrap());
            });
        }
    });
}

/// What is kept of the teacher is written while the run goes on, and the thin matrices have dropout.
#[test]
fn a_resumed_run_with_lora_and_distillation_equals_one_that_was_not_stopped() {
    alone("a_resumed_run_with_lora_and_distillation_equals_one_that_was_not_stopped", || {
        let targets = [["q", "o"], ["q_proj", "down_proj"]];
        for (with_llm, targets) in LLMS.into_iter().zip(targets) {
            let fixture = Fixture::new();
            fixture.frozen_parts(OutputHead::Tied);
            with_llm(&fixture);
            let mut config = fixture.adapter(&loop_config(8));
            let target_modules = targets.map(str::to_owned).to_vec();
            config.lora = Some(LoraShape { rank: 2, alpha: 4.0, target_modules, dropout: 0.2 });
            config.losses = Losses { distillation: 0.5, ..Losses::default() };
            check_resume(&fixture, "adapter/adapter_model.safetensors", |run, out| {
                finished(adapter::train(config.clone(), run, out, &Device::flex()).unwrap());
            });
        }
    });
}

#[test]
fn a_resumed_text_run_equals_one_that_was_not_stopped() {
    alone("a_resumed_text_run_equals_one_that_was_not_stopped", || {
        let fixture = Fixture::new();
        let settings = LoopConfig { accumulate: 2, ..loop_config(8) };
        let config = fixture.text(&settings, 0.1);
        check_resume(&fixture, "model.safetensors", |run, out| {
            finished(text::train(config.clone(), run, out, &Device::flex()).unwrap());
        });
    });
}

/// The encoder has running statistics besides its parameters, and there is no evaluation before the checkpoint.
#[test]
fn a_resumed_ctc_run_equals_one_that_was_not_stopped() {
    alone("a_resumed_ctc_run_equals_one_that_was_not_stopped", || {
        let fixture = Fixture::new();
        let config = fixture.ctc(&loop_config(8), 0.1, 150);
        check_resume(&fixture, "model.safetensors", |run, out| {
            finished(ctc::train(config.clone(), run, out, &Device::flex()).unwrap());
        });
    });
}

#[test]
fn checkpoint_of_other_data_is_refused() {
    alone("checkpoint_of_other_data_is_refused", || {
        let fixture = Fixture::new();
        fixture.frozen_parts(OutputHead::Tied);
        let run = fixture.path("run");
        let train = |config: &AdapterStage| {
            adapter::train(config.clone(), &run, &fixture.path("bundle"), &Device::flex())
        };
        let config = fixture.adapter(&loop_config(2));
        finished(train(&config).unwrap());

        let mut seeded = config.clone();
        seeded.train.seed += 1;
        let mut words = WORDS;
        words[2].0 = "under";
        let mut reworded = config.clone();
        reworded.train_manifest = fixture.corpus("reworded", &words).into();
        for (what, other) in [("seed", seeded), ("text", reworded)] {
            let error = format!("{:#}", train(&other).unwrap_err());
            assert!(error.contains("cannot resume from"), "{what}: {error}");
        }

        let longer = fixture.adapter(&loop_config(4));
        finished(train(&longer).unwrap());
        let steps: Vec<u64> = losses(&run).iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [1, 2, 3, 4]);
    });
}

/// Checks that the loss fell from the first to the last `window` steps of `run` to less than `share` of it.
fn assert_learnt(run: &Path, window: usize, share: f64) {
    let log = losses(run);
    let mean = |part: &[(u64, f64)]| part.iter().map(|(_, loss)| loss).sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&log[..window]), mean(&log[log.len() - window..]));
    assert!(last < share * first, "loss {first} at first, {last} at last");
}

#[test]
fn ctc_stage_learns_on_flex() {
    let fixture = Fixture::new();
    let (run, out) = (fixture.path("run"), fixture.path("out"));
    let settings = LoopConfig { eval_every: 100, ..loop_config(30) };
    let config = fixture.ctc(&settings, 0.0, 300);
    let device = Device::flex();
    let trained = finished(ctc::train(config, &run, &out, &device).unwrap());
    assert_learnt(&run, 5, 0.85);
    let loaded = Parakeet::load(&open(&out), &device).unwrap();
    assert_same(&walk(&loaded).tensors, &walk(&trained).tensors, "written encoder");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("\"wer\""), "no evaluation at the end");
}

#[test]
fn text_stage_learns_on_flex() {
    let fixture = Fixture::new();
    let (run, out) = (fixture.path("run"), fixture.path("out"));
    let settings = LoopConfig { learning_rate: 2e-2, eval_every: 100, ..loop_config(30) };
    let device = Device::flex();
    let trained = finished(text::train(fixture.text(&settings, 0.0), &run, &out, &device).unwrap());
    assert_learnt(&run, 6, 0.95);
    let loaded = T5::load(&open(&out), &device).unwrap();
    assert_same(&walk(&loaded).tensors, &walk(&trained).tensors, "written language model");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(metrics.contains("\"token_accuracy\""), "no evaluation at the end");
}

/// Makes one row of the embedding NaN.
struct Poison {
    path: Vec<String>,
    row: usize,
}

impl ModuleMapper for Poison {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.path.join(".").ends_with("shared.weight") {
            return param;
        }
        let row = self.row;
        param.map(|weight| {
            let (shape, device) = (weight.shape(), weight.device());
            let mut values = weight.try_into_vec_as::<f32>().unwrap();
            values[row * WIDTH..(row + 1) * WIDTH].fill(f32::NAN);
            Tensor::from_data(TensorData::new(values, shape), &device)
        })
    }
}

/// One utterance a step. From the fourth step on the target has a piece whose embedding is NaN, and so the loss is.
#[test]
fn a_nan_stops_the_run_and_keeps_the_weights() {
    const HEALTHY: u64 = 3;
    let fixture = Fixture::new();
    // The logits come from a matrix of their own, so that only rows with the piece meet the NaN.
    fixture.frozen_parts(OutputHead::Own);
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let tokenizer = fixture.tokenizer();
    let (sound, sick) = (tokenizer.encode("Á").unwrap(), tokenizer.encode("Û").unwrap());
    let piece = *sick.last().unwrap();
    // Batches go by length, so their order is the same with either.
    assert!(sound.len() == sick.len() && !sound.contains(&piece), "{sound:?} {sick:?}");

    let settings = LoopConfig { save_every: 1, eval_every: 1000, ..loop_config(30) };
    let mut config = fixture.adapter(&settings);
    let only = "[[task]]\nname = \"transcribe\"\ntarget = \"text\"\nphrasings = [\": repeat the text\"]\n";
    config.tasks = fixture.tasks("only.toml", only);
    config.batch_tokens = 1;
    let mut words = WORDS.map(|_| ("Á", ""));
    config.train_manifest = fixture.corpus("sound", &words).into();
    let job = AdapterJob::new(config.clone(), frozen(&fixture, &device)).unwrap();
    let adapter = job.init(&tracked).unwrap();
    let order = job.batches(0);
    assert_eq!(order.len(), WORDS.len());

    for &index in order.iter().skip(HEALTHY as usize).flatten() {
        words[index].0 = "Û";
    }
    config.train_manifest = fixture.corpus("sick", &words).into();
    let mut parts = frozen(&fixture, &device);
    parts.llm = parts.llm.map(&mut Poison { path: Vec::new(), row: piece as usize });
    let job = AdapterJob::new(config.clone(), parts).unwrap();
    assert_eq!(job.batches(0), order);
    let run = fixture.path("run");
    let error = training::run(&job, adapter, &config.train, &run, &tracked).unwrap_err();
    assert!(format!("{error:#}").contains("non-finite"), "{error:#}");
    for (step, loss) in losses(&run) {
        assert_eq!(loss.is_finite(), step <= HEALTHY, "step {step}: {loss}");
    }

    let weights = |dir: &Path| {
        let fresh = job.init(&device).unwrap();
        walk(&fresh.try_load_file(dir.join("model.bpk")).unwrap()).tensors
    };
    let saved = checkpoint::list(&run).unwrap();
    let (newest, dir) = saved.last().unwrap();
    assert!(*newest >= HEALTHY);
    let kept = weights(dir);
    assert!(kept.values().flatten().all(|&bits| f32::from_bits(bits).is_finite()));
    let (_, before) = saved.iter().find(|(step, _)| *step == HEALTHY).unwrap();
    assert_same(&kept, &weights(before), "weights after the last sound step");
}

#[test]
fn second_trainer_in_one_folder_is_refused() {
    let fixture = Fixture::new();
    let (run, out) = (fixture.path("run"), fixture.path("out"));
    let config = fixture.text(&loop_config(1), 0.0);
    fs::create_dir_all(&run).unwrap();
    let lock = File::create(run.join(".lock")).unwrap();
    lock.try_lock().unwrap();
    let error = text::train(config.clone(), &run, &out, &Device::flex()).unwrap_err();
    assert!(format!("{error:#}").contains("in use by another trainer"), "{error:#}");
    assert!(checkpoint::list(&run).unwrap().is_empty());

    drop(lock);
    finished(text::train(config, &run, &out, &Device::flex()).unwrap());
    // A run lets go of the folder at its end.
    File::open(run.join(".lock")).unwrap().try_lock().unwrap();
}
