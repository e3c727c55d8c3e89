//! Stage `adapter`: the mission's training. Encoder and language model are frozen; the adapter between
//! them learns from speech recognition and speech translation, cross-entropy on the target text alone.
//!
//! Paper: arXiv 2310.00230, section 3. Gradients flow through the frozen language model's activations
//! into the adapter. The frozen parts live on the plain device and are constants for autodiff; the
//! encoder's outputs are computed once and kept on disk.

use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::adapter::reduction::ReducedSpeech;
use slm_core::adapter::{Adapter, AdapterConfig, AdapterShape, OutputSpace, SoftTokensStart};
use slm_core::batch::{PaddedBatch, PaddedIds};
use slm_core::encoder::{EncodedSpeech, SpeechEncoder};
use slm_core::features::FeatureExtractor;
use slm_core::llm::LanguageModel;
use slm_core::text::TextTokenizer;

use super::config::{self, digest};
use super::loss::{cross_entropy_sum, shift_right};
use super::pairing;
use crate::data::domain::tasks::{Language, Task, instructions};
use crate::data::manifest::{self, Utterance};
use crate::data::vocabulary::spellings;
use crate::data::{buckets, encoded};
use crate::training::{self, Job, LoopConfig, Metrics, Outcome};

/// Settings of the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterStage {
    /// The bundle's name.
    pub name: String,
    /// The frozen speech encoder's folder.
    pub encoder: PathBuf,
    /// The frozen language model's folder.
    pub llm: PathBuf,
    /// Utterances to learn from.
    pub train_manifest: PathBuf,
    /// Utterances to judge by.
    pub dev_manifest: PathBuf,
    /// Folder for the encoder's outputs.
    pub cache: PathBuf,
    /// The adapter's shape; its outer widths follow the two models. Absent, all of it follows them.
    #[serde(default)]
    pub model: Option<AdapterShape>,
    /// Whether the bundle holds the frozen parts or points to them.
    #[serde(default)]
    pub parts: PartsPlace,
    /// Where the speech stands.
    pub order: Order,
    /// What is learnt.
    pub tasks: Vec<TrainedTask>,
    /// Speech rows, instruction and target tokens of a batch together, padding included.
    pub batch_tokens: usize,
    /// The loop.
    pub train: LoopConfig,
}

/// Whether the speech comes before the instruction or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Speech, then the instruction.
    SpeechFirst,
    /// The instruction, then speech.
    InstructionFirst,
}

/// Where the frozen parts of a bundle lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartsPlace {
    /// In the bundle, as copies.
    #[default]
    Copy,
    /// Where they are.
    Link,
}

/// A task that the adapter is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainedTask {
    /// Speech recognition.
    Transcribe,
    /// Speech translation to German.
    TranslateGerman,
}

impl TrainedTask {
    fn task(self) -> Task {
        match self {
            Self::Transcribe => Task::Repeat,
            Self::TranslateGerman => Task::Translate(Language::German),
        }
    }

    fn target(self, utterance: &Utterance) -> Option<&str> {
        match self {
            Self::Transcribe => Some(&utterance.text),
            Self::TranslateGerman => utterance.german.as_deref(),
        }
    }
}

/// One utterance under one task.
#[derive(Debug, Clone)]
struct Example {
    speech: usize,
    task: usize,
    target: Vec<u32>,
}

struct Data {
    speech: Vec<EncodedSpeech>,
    reduced: Vec<ReducedSpeech>,
    examples: Vec<Example>,
}

/// The frozen parts and the data of a run.
pub struct AdapterJob {
    config: AdapterStage,
    shape: AdapterShape,
    encoder: SpeechEncoder,
    labels: Option<TextTokenizer>,
    tokenizer: TextTokenizer,
    llm: LanguageModel,
    /// For every trained task, its phrasings as token ids.
    instructions: Vec<Vec<Vec<u32>>>,
    train: Data,
    dev: Data,
    /// Without autodiff: data and frozen parts.
    device: Device,
    fingerprint: String,
}

impl Data {
    fn load(
        manifest: &Path,
        parts: &Frozen,
        config: &AdapterStage,
        shape: &AdapterShape,
    ) -> anyhow::Result<Self> {
        let utterances = manifest::read(manifest)?;
        let note = |text: String| {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        let speech = encoded::load_or_compute(
            &config.cache,
            &utterances,
            &parts.features,
            &parts.encoder,
            &parts.encoder_hash,
            &parts.device,
            &note,
        )?;
        let eos = parts.llm.ids().eos;
        let mut examples = Vec::new();
        for (index, utterance) in utterances.iter().enumerate() {
            for (task, trained) in config.tasks.iter().enumerate() {
                let Some(text) = trained.target(utterance) else { continue };
                let mut target = parts.tokenizer.encode(text)?;
                target.push(eos);
                examples.push(Example { speech: index, task, target });
            }
        }
        anyhow::ensure!(
            !examples.is_empty(),
            "invalid manifest `{}`: no utterance has a target",
            manifest.display()
        );
        let reduced = speech.iter().map(|speech| shape.reduction.apply(speech)).collect();
        Ok(Self { speech, reduced, examples })
    }
}

/// The frozen models and what goes with them.
pub struct Frozen {
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// SHA-256 of the encoder's weights.
    pub encoder_hash: String,
    /// The language model.
    pub llm: LanguageModel,
    /// SHA-256 of its weights.
    pub llm_hash: String,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// The tokenizer of the encoder's CTC labels, where its folder has one.
    pub labels: Option<TextTokenizer>,
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// Where they live.
    pub device: Device,
}

impl Frozen {
    /// Loads both folders on `device`.
    ///
    /// # Errors
    ///
    /// Files that are missing, do not fit, or disagree.
    pub fn load(encoder: &Path, llm: &Path, device: &Device) -> anyhow::Result<Self> {
        let hash = |dir: &Path| anyhow::Ok(config::weights_hash(Some(dir))?.unwrap_or_default());
        let llm_model = LanguageModel::load(llm, device)?;
        let tokenizer = TextTokenizer::from_dir(llm)?;
        tokenizer.check_rows(llm_model.vocab_size())?;
        Ok(Self {
            labels: TextTokenizer::find(encoder)?,
            encoder: SpeechEncoder::load(encoder, device)?,
            encoder_hash: hash(encoder)?,
            llm: llm_model,
            llm_hash: hash(llm)?,
            tokenizer,
            features: FeatureExtractor::from_dir(encoder)?,
            device: device.clone(),
        })
    }
}

impl AdapterJob {
    /// Loads data, and the encoder's outputs for it, for the frozen `parts`.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, or an encoder without the CTC head that the reduction needs.
    pub fn new(config: AdapterStage, parts: Frozen) -> anyhow::Result<Self> {
        let shape = match &config.model {
            Some(shape) => shape.clone(),
            None => pairing::shape_between(&parts)?,
        };
        if shape.reduction.needs_ctc() && parts.encoder.labels().is_none() {
            anyhow::bail!("reduction {:?} needs an encoder with a CTC head", shape.reduction);
        }
        let eos = parts.llm.ids().eos;
        let instructions = config
            .tasks
            .iter()
            .map(|trained| {
                instructions(trained.task())
                    .iter()
                    .map(|text| {
                        let mut ids = parts.tokenizer.encode(text)?;
                        if config.order == Order::SpeechFirst {
                            ids.push(eos);
                        }
                        Ok(ids)
                    })
                    .collect::<anyhow::Result<Vec<_>>>()
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let train = Data::load(&config.train_manifest, &parts, &config, &shape)?;
        let dev = Data::load(&config.dev_manifest, &parts, &config, &shape)?;
        let targets: Vec<&[u32]> = train.examples.iter().map(|example| example.target.as_slice()).collect();
        let fingerprint = digest(&(
            (&shape, config.order, &config.tasks, config.batch_tokens, config.train.identity()),
            (&parts.encoder_hash, &parts.llm_hash, &instructions, targets),
        ));
        let Frozen { encoder, labels, tokenizer, llm, device, .. } = parts;
        Ok(Self {
            config,
            shape,
            encoder,
            labels,
            tokenizer,
            llm,
            instructions,
            train,
            dev,
            device,
            fingerprint,
        })
    }

    /// The adapter's config for these parts.
    pub fn adapter_config(&self) -> AdapterConfig {
        let shape = self.shape.clone();
        AdapterConfig {
            encoder_dim: self.encoder.output_width(),
            llm_dim: self.llm.d_model(),
            labels: self.encoder.labels().filter(|_| shape.output == OutputSpace::SoftTokens),
            shape,
        }
    }

    /// A fresh adapter on `device`, whose outputs have the size of the language model's embeddings.
    ///
    /// # Errors
    ///
    /// Invalid shapes, or a device that cannot be read.
    pub fn init(&self, device: &Device) -> anyhow::Result<Adapter> {
        let config = self.adapter_config();
        config::check("adapter", &config.problems())?;
        let rms = self.llm.embedding_rms().try_into_scalar::<f32>().context("cannot read the embedding")?;
        let adapter = config.init(device).with_output_rms(rms);
        match config.shape.output {
            OutputSpace::Projected => Ok(adapter),
            OutputSpace::SoftTokens => Ok(adapter.with_soft_tokens(self.soft_tokens_start()?)),
        }
    }

    /// The CTC head, and for each of its labels the language model's embedding: the mean over the pieces
    /// that spell the label, which is the piece's own where the two tokenizers share it.
    fn soft_tokens_start(&self) -> anyhow::Result<SoftTokensStart> {
        let (head, head_bias) = self.encoder.ctc_head().context("soft tokens need a CTC head")?;
        let labels = self.labels.as_ref().context("soft tokens need the tokenizer of the CTC labels")?;
        let [count, _] = head.dims();
        let pad = self.llm.ids().pad;
        let mut spelled = spellings(labels, &self.tokenizer);
        // The blank has no piece, nor have rows that pad the head.
        spelled.resize(count, Vec::new());
        // A label without pieces has weight 0; its row holds padding so that every row has an id.
        let weights: Vec<f32> =
            spelled.iter().map(|ids| if ids.is_empty() { 0.0 } else { 1.0 / ids.len() as f32 }).collect();
        let rows: Vec<Vec<u32>> =
            spelled.into_iter().map(|ids| if ids.is_empty() { vec![pad] } else { ids }).collect();
        let embedded = self.llm.embed(&PaddedIds::from_rows(&rows, pad, &self.device)).values();
        let [_, _, width] = embedded.dims();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), &self.device);
        // [V, S, D] -> [V, D]
        let embeddings = embedded.sum_dim(1).reshape([count, width]) * weights;
        Ok(SoftTokensStart { head, head_bias, embeddings })
    }

    /// The frozen language model.
    pub fn llm(&self) -> &LanguageModel {
        &self.llm
    }

    fn lengths(&self, data: &Data) -> Vec<usize> {
        data.examples
            .iter()
            .map(|example| {
                let instruction = self.instructions[example.task].first().map_or(0, Vec::len);
                data.reduced[example.speech].origins.len() + instruction + example.target.len()
            })
            .collect()
    }

    /// Sum of the cross-entropy over the targets of `batch`; `pick` chooses a phrasing of `n`.
    fn batch_loss(
        &self,
        adapter: &Adapter,
        data: &Data,
        reduced: &[ReducedSpeech],
        batch: &[usize],
        mut pick: impl FnMut(usize) -> usize,
    ) -> Tensor<1> {
        let examples: Vec<&Example> = batch.iter().map(|&i| &data.examples[i]).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|speech| speech.rows.as_slice()).collect();
        let width = reduced.first().map_or(1, |speech| speech.width);
        let speech = adapter.forward(&PaddedBatch::from_rows(&rows, width, &self.device));

        let instructions: Vec<&[u32]> = examples
            .iter()
            .map(|example| {
                let phrasings = &self.instructions[example.task];
                phrasings[pick(phrasings.len())].as_slice()
            })
            .collect();
        let ids = self.llm.ids();
        let pad = ids.pad;
        let instruction = self.llm.embed(&PaddedIds::from_rows(&instructions, pad, &self.device));
        let inputs = match self.config.order {
            Order::SpeechFirst => speech.join(&instruction),
            Order::InstructionFirst => {
                let end = vec![[ids.eos]; examples.len()];
                let end = self.llm.embed(&PaddedIds::from_rows(&end, pad, &self.device));
                instruction.join(&speech).join(&end)
            }
        };
        let memory = self.llm.encode(&inputs);
        let targets: Vec<Vec<u32>> = examples.iter().map(|example| example.target.clone()).collect();
        let decoder_inputs = shift_right(&targets, ids.decoder_start);
        let logits = self.llm.decode(&memory, PaddedIds::from_rows(&decoder_inputs, pad, &self.device).ids);
        cross_entropy_sum(logits, &PaddedIds::from_rows(&targets, pad, &self.device))
    }
}

impl Job for AdapterJob {
    type Model = Adapter;

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        buckets::batches(&self.lengths(&self.train), self.config.batch_tokens, self.config.train.seed, epoch)
    }

    fn weight(&self, _: u64, batch: &[usize]) -> f64 {
        batch.iter().map(|&i| self.train.examples[i].target.len()).sum::<usize>() as f64
    }

    fn loss(&self, model: &Adapter, _: u64, batch: &[usize], rng: &mut ChaCha8Rng) -> Tensor<1> {
        let reduction = self.shape.reduction;
        let reduced: Vec<ReducedSpeech> = batch
            .iter()
            .map(|&i| reduction.apply_in_training(&self.train.speech[self.train.examples[i].speech], rng))
            .collect();
        self.batch_loss(model, &self.train, &reduced, batch, |n| rng.random_range(0..n))
    }

    fn evaluate(&self, model: &Adapter) -> anyhow::Result<Metrics> {
        let mut sums = vec![(0.0, 0usize); self.config.tasks.len()];
        let batches = buckets::batches(&self.lengths(&self.dev), 2 * self.config.batch_tokens, 0, 0);
        for batch in batches {
            for (task, sum) in sums.iter_mut().enumerate() {
                let batch: Vec<usize> =
                    batch.iter().copied().filter(|&i| self.dev.examples[i].task == task).collect();
                if batch.is_empty() {
                    continue;
                }
                let reduced: Vec<ReducedSpeech> =
                    batch.iter().map(|&i| self.dev.reduced[self.dev.examples[i].speech].clone()).collect();
                let loss = self.batch_loss(model, &self.dev, &reduced, &batch, |_| 0);
                sum.0 += f64::from(loss.try_into_scalar::<f32>().context("cannot read the loss")?);
                sum.1 += batch.iter().map(|&i| self.dev.examples[i].target.len()).sum::<usize>();
            }
        }
        Ok(self
            .config
            .tasks
            .iter()
            .zip(sums)
            .map(|(task, (loss, tokens))| {
                let name = match task {
                    TrainedTask::Transcribe => "loss_transcribe",
                    TrainedTask::TranslateGerman => "loss_german",
                };
                (name.to_owned(), loss / tokens.max(1) as f64)
            })
            .collect())
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }
}

/// Trains in `run`, and writes the bundle `out` when all steps are made.
///
/// # Errors
///
/// Invalid settings, parts or data that cannot be read, and what [`training::run`] tells.
pub fn train(
    config: AdapterStage,
    run: &Path,
    out: &Path,
    device: &Device,
) -> anyhow::Result<Outcome<Adapter>> {
    config::check("adapter", &config.train.problems())?;
    anyhow::ensure!(!config.tasks.is_empty(), "adapter: `tasks` is empty");
    let parts = Frozen::load(&config.encoder, &config.llm, device)?;
    let encoder_params = parts.encoder.num_params();
    let job = AdapterJob::new(config, parts)?;
    let config = &job.config;
    let tracked = device.clone().autodiff();
    tracked.seed(config.train.seed);
    let adapter = job.init(&tracked)?;
    let outcome = training::run(&job, adapter, &config.train, run, &tracked)?;
    if let Outcome::Finished { model, state } = &outcome {
        let record = serde_json::json!({
            "tasks": config.tasks,
            "utterances": job.train.speech.len(),
            "steps": state.step,
            "settings": config.train,
            "metrics": state.metrics,
            "parameters": {
                "encoder": encoder_params,
                "llm": job.llm.num_params(),
                "adapter": model.num_params(),
            },
        });
        pairing::write(out, config, model, record)?;
    }
    Ok(outcome)
}
