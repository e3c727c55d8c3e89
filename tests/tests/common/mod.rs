//! What the training tests share: tiny models, a tiny corpus, and comparisons bit by bit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers outside of test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::module::{ModuleVisitor, Param};
use burn::prelude::*;
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::{Value, json};
use slm_core::models::adapter::{AdapterKind, AdapterShape};
use slm_core::models::checkpoint::{PREPROCESSOR_FILE, json as json_file};
use slm_core::models::encoder::parakeet::{ParakeetConfig, ParakeetEncoderConfig};
use slm_core::models::features::LogMelConfig;
use slm_core::models::llm::t5::{OutputHead, T5Config};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::text::TextTokenizer;
use slm_tests::{checkpoint, fixtures};
use slm_train::data::manifest::{self, Utterance};
use slm_train::data::vocabulary::{self, FILE_NAME, Purpose};
use slm_train::output::tokenizer;
use slm_train::steps::adapter::AdapterStage;
use slm_train::steps::ctc::CtcConfig;
use slm_train::steps::text::TextConfig;
use slm_train::training::{LoopConfig, Outcome};
use tempfile::TempDir;

/// Width of the tiny models.
pub(crate) const WIDTH: usize = 16;
/// Mel bins of the tiny encoder.
const MEL_BINS: usize = 16;
/// Utterances of the corpus and their translations; short, so that few states can carry the labels.
pub(crate) const WORDS: [(&str, &str); 6] =
    [("on", "an"), ("off", "aus"), ("up", "auf"), ("down", "ab"), ("left", "links"), ("right", "rechts")];

/// Set in the process of [`alone`].
const ALONE: &str = "SLM_TEST_ALONE";

/// Runs `body`, which is the test `name`, in a process of its own.
///
/// Flex has one random generator for all threads, so tests side by side would draw from each other's seeds. And
/// Burn reads an optimizer's state onto its default device, which is a GPU as soon as one is compiled in.
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        body();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .env("BURN_DEVICE", "flex")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

/// Sizes of the tiny encoder: four frames for a state.
fn encoder_config(dropout: f64) -> ParakeetEncoderConfig {
    ParakeetEncoderConfig {
        hidden_size: WIDTH,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 32,
        conv_kernel_size: 5,
        subsampling_factor: 4,
        subsampling_conv_channels: 4,
        num_mel_bins: MEL_BINS,
        dropout,
        ..ParakeetEncoderConfig::default()
    }
}

/// Sizes of the tiny language model, but for its vocabulary.
pub(crate) fn t5_config(dropout: f64) -> T5Config {
    T5Config {
        d_model: WIDTH,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_decoder_layers: Some(1),
        num_heads: 2,
        relative_attention_num_buckets: 8,
        relative_attention_max_distance: 32,
        dropout_rate: dropout,
        feed_forward_proj: "gated-gelu".into(),
        ..T5Config::default()
    }
}

/// A loop of `steps` steps: every step logged, a checkpoint every fourth step, one evaluation at step 8.
pub(crate) fn loop_config(steps: u64) -> LoopConfig {
    LoopConfig {
        steps,
        learning_rate: 1e-2,
        warmup_steps: 2,
        log_every: 1,
        save_every: 4,
        eval_every: 8,
        keep: 10,
        ..LoopConfig::default()
    }
}

/// A folder with all that the stages read.
pub(crate) struct Fixture {
    dir: TempDir,
}

impl Fixture {
    /// A tokenizer and the corpus of [`WORDS`].
    pub(crate) fn new() -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        let tokenizer = fixture.folder("tokenizer");
        let texts = vocabulary::texts(Purpose::Text, 30, 1);
        vocabulary::train(&tokenizer.join(FILE_NAME), Purpose::Text, 160, &texts).unwrap();
        fixture.corpus("corpus", &WORDS);
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn tokenizer(&self) -> TextTokenizer {
        TextTokenizer::from_checkpoint(&checkpoint(&self.path("tokenizer"))).unwrap()
    }

    /// Writes a recording for each of `words` and gives the manifest. The recordings depend on the index alone.
    pub(crate) fn corpus(&self, name: &str, words: &[(&str, &str)]) -> PathBuf {
        let folder = self.folder(name);
        let utterances: Vec<Utterance> = words
            .iter()
            .enumerate()
            .map(|(index, (english, german))| {
                let path = folder.join(format!("{index}.wav"));
                let duration = write_tone(&path, index);
                serde_json::from_value(json!({
                    "audio_filepath": path,
                    "duration": duration,
                    "text": english,
                    "text_de": german,
                }))
                .unwrap()
            })
            .collect();
        let manifest = folder.join("manifest.jsonl");
        manifest::write(&manifest, &utterances).unwrap();
        manifest
    }

    /// Writes the folder `w2v_bert`, an encoder that has no labels.
    pub(crate) fn bare_encoder(&self) -> PathBuf {
        let encoder = self.folder("w2v_bert");
        for name in ["config.json", "model.safetensors"] {
            fs::copy(fixtures().join("parity/w2v_bert").join(name), encoder.join(name)).unwrap();
        }
        let settings = fixtures().join("speech/seamless/preprocessor_config.json");
        fs::copy(settings, encoder.join(PREPROCESSOR_FILE)).unwrap();
        encoder
    }

    /// Writes the folders `encoder` and `llm` with random weights.
    pub(crate) fn frozen_parts(&self, head: OutputHead) {
        let device = Device::flex();
        device.seed(5);
        let pieces = self.tokenizer().len();

        let encoder = self.folder("encoder");
        let model = ParakeetConfig::ctc(encoder_config(0.1), pieces).init(&device);
        model.save(&encoder, StorageType::F32).unwrap();
        let features = LogMelConfig { feature_size: MEL_BINS, ..LogMelConfig::default() };
        json_file::write(&encoder.join(PREPROCESSOR_FILE), &features).unwrap();
        tokenizer::copy(&self.path("tokenizer"), &encoder).unwrap();

        let llm = self.folder("llm");
        let config = T5Config { vocab_size: pieces, ..t5_config(0.1) };
        let model = config.init(head, &device);
        model.save(&llm, StorageType::F32).unwrap();
        tokenizer::copy(&self.path("tokenizer"), &llm).unwrap();
    }

    /// Puts a decoder-only model with a chat template into the folder `llm`.
    pub(crate) fn decoder_only_llm(&self) {
        let llm = self.path("llm");
        fs::remove_dir_all(&llm).unwrap();
        copy_dir(&fixtures().join("conversation"), &llm);
    }

    /// Writes a file of tasks.
    pub(crate) fn tasks(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Stage `adapter` on the corpus, with dropout and random dropping of states.
    pub(crate) fn adapter(&self, train: &LoopConfig) -> AdapterStage {
        let manifest = self.path("corpus").join("manifest.jsonl");
        serde_json::from_value(json!({
            "name": "tiny",
            "encoder": self.path("encoder"),
            "llm": self.path("llm"),
            "train_manifest": manifest,
            "dev_manifest": manifest,
            "cache": self.path("cache"),
            "model": {
                "reduction": { "kind": "random", "keep": 0.6 },
                "hidden_size": WIDTH,
                "num_layers": 1,
                "num_heads": 2,
                "intermediate_size": 32,
                "dropout": 0.1,
            },
            "order": "speech-first",
            "tasks": fixtures().join("../../weights/recipe/tasks.toml"),
            "batch_tokens": 120,
            "train": train,
        }))
        .unwrap()
    }

    /// Stage `ctc` on the corpus, with masks and `batch_frames` frames a batch.
    pub(crate) fn ctc(&self, train: &LoopConfig, dropout: f64, batch_frames: usize) -> CtcConfig {
        let manifest = self.path("corpus").join("manifest.jsonl");
        serde_json::from_value(json!({
            "tokenizer": self.path("tokenizer"),
            "train_manifest": manifest,
            "dev_manifest": manifest,
            "model": encoder_config(dropout),
            "spec_augment": {
                "frequency_masks": 1,
                "frequency_width": 2,
                "time_masks": 1,
                "time_share": 0.05,
            },
            "batch_frames": batch_frames,
            "train": train,
        }))
        .unwrap()
    }

    /// Stage `text` on two sentences an epoch.
    pub(crate) fn text(&self, train: &LoopConfig, dropout: f64) -> TextConfig {
        serde_json::from_value(json!({
            "tokenizer": self.path("tokenizer"),
            "model": t5_config(dropout),
            "data": {
                "items": 2,
                "copy_share": 0.1,
                "batch_tokens": 200,
                "held_out_items": 1,
            },
            "train": train,
        }))
        .unwrap()
    }
}

/// Writes a tone with noise and gives its length in seconds: 0.4, 0.45 or 0.5.
fn write_tone(path: &Path, index: usize) -> f64 {
    let spec =
        WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let samples = 6400 + 800 * (index % 3);
    let step = std::f64::consts::TAU * (300.0 + 250.0 * index as f64) / 16_000.0;
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..samples {
        let tone = (step * n as f64).sin();
        let noise = ((n * 7919 + index * 104_729) % 1009) as f64 / 1009.0 - 0.5;
        let sample = 8000.0 * tone + 2000.0 * noise;
        writer.write_sample(sample as i16).unwrap();
    }
    writer.finalize().unwrap();
    samples as f64 / 16_000.0
}

/// The bits of tensors by name.
pub(crate) type Bits = BTreeMap<String, Vec<u32>>;

/// What a module is made of.
#[derive(Default)]
pub(crate) struct Walk {
    path: Vec<String>,
    /// The float tensors by path.
    pub(crate) tensors: Bits,
    /// The ids of their parameters.
    pub(crate) ids: BTreeSet<u64>,
    /// How many of them ask for a gradient.
    pub(crate) trainable: usize,
}

impl ModuleVisitor for Walk {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.trainable += usize::from(tensor.is_require_grad());
        let values = tensor.inner().try_into_vec_as::<f32>().unwrap();
        let bits = values.into_iter().map(f32::to_bits).collect();
        self.tensors.insert(self.path.join("."), bits);
        self.ids.insert(param.id.val());
    }
}

/// Walks over every float parameter of `module`.
pub(crate) fn walk<M: Module>(module: &M) -> Walk {
    let mut walk = Walk::default();
    module.visit(&mut walk);
    walk
}

/// The bits of a safetensors file.
pub(crate) fn file_bits(path: &Path) -> Bits {
    slm_tests::read_tensors(path)
        .into_iter()
        .map(|(name, tensor)| (name, tensor.values.into_iter().map(f32::to_bits).collect()))
        .collect()
}

/// Checks that both hold the same tensors, bit by bit.
pub(crate) fn assert_same(found: &Bits, expected: &Bits, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}: other tensors");
    let differing: Vec<&String> = found.keys().filter(|&name| found[name] != expected[name]).collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
}

/// The files of a folder by name.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Step and loss of every step in `metrics.jsonl`; a loss that JSON has no number for is NaN.
pub(crate) fn losses(run: &Path) -> Vec<(u64, f64)> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line.get("loss").is_some())
        .map(|line| {
            let step = line["step"].as_u64().unwrap();
            (step, line["loss"].as_f64().unwrap_or(f64::NAN))
        })
        .collect()
}

/// The model of a run that made all its steps.
pub(crate) fn finished<M>(outcome: Outcome<M>) -> M {
    match outcome {
        Outcome::Finished { model, .. } => model,
        Outcome::Interrupted { signal } => panic!("interrupted by signal {signal}"),
        Outcome::Estimated(estimate) => panic!("not trained: {estimate}"),
    }
}

/// Takes dropout out of the Transformer of `shape`.
pub(crate) fn without_dropout(shape: &mut AdapterShape) {
    if let AdapterKind::Transformer(transformer) = &mut shape.kind {
        transformer.dropout = 0.0;
    }
}
