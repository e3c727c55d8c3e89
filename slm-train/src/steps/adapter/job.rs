//! The loss of an adapter between frozen parts, and its evaluation.
//!
//! Shapes: `B` examples, `T` speech rows, `D` the language model's width, `V` its vocabulary.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Context;
use burn::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use slm_core::models::adapter::AdapterShape;
use slm_core::models::adapter::ReducedSpeech;
use slm_core::models::checkpoint::{Checkpoint, PromptSettings};
use slm_core::models::ctc;
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{EncodedSpeech, PaddedBatch, PaddedIds, cross_entropy_sum};
use slm_core::models::prompt::{SpeechRows, adapter_input};
use slm_core::models::text::TextTokenizer;

use super::data::{Batch, Data, Heard, Part};
use super::examples::Example;
use super::input::{Beginning, StepInput, logits};
use super::pieces::{AllLabelled, ctc_labels};
use super::prompts::Prompts;
use super::start::Start;
use super::teacher::Teacher;
use super::tried::Tried;
use super::words::Words;
use super::{AdapterStage, Encode, Frozen, Trained, frozen};
use crate::config;
use crate::data::buckets;
use crate::data::groups::Group;
use crate::data::mixture::Corpus;
use crate::data::pool::{Asker, LearntTask, PromptWriter, TaskPool};
use crate::digest::{digest, streamed_digest};
use crate::steps::loss::ctc_sum;
use crate::steps::pairing;
use crate::training::{Draw, Encoding, Job, Metrics, Purpose, Sample, Source};

/// The frozen parts and the data of a run.
pub struct AdapterJob {
    pub(super) config: AdapterStage,
    pub(super) shape: AdapterShape,
    /// What the adapter reads of encoded speech.
    pub(super) rows: SpeechRows,
    pub(super) encoder_files: Checkpoint,
    pub(super) encoder: SpeechEncoder,
    pub(super) labels: Option<TextTokenizer>,
    pub(super) tokenizer: TextTokenizer,
    pub(super) llm_files: Checkpoint,
    pub(super) llm: LanguageModel,
    pub(super) prompts: Prompts,
    /// What the bundle is to have of the tasks.
    pub(super) templates: BTreeMap<String, Vec<String>>,
    pub(super) train: Data,
    /// The bundle whose adapter the training starts from.
    pub(super) start: Option<Start>,
    /// What the language model is distilled from; none without distillation.
    teacher: Option<Teacher>,
    pub(super) dev: Data,
    /// Without autodiff: data and frozen parts.
    pub(super) device: Device,
    fingerprint: String,
}

/// What the language model says to a batch.
struct Answers {
    /// `[B, L, V]`, before the softmax.
    logits: Tensor<3>,
    /// What was put to it.
    input: StepInput,
    /// What the adapter made of the speech.
    speech: Option<PaddedBatch>,
}

impl AdapterJob {
    /// Loads data, and the encoder's outputs for it, for the frozen `parts`; for a dry run, outputs of a few utterances.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, or an encoder without the CTC head that the reduction needs.
    pub fn new(config: AdapterStage, parts: Frozen) -> anyhow::Result<Self> {
        let start = config.start.as_ref().map(|dir| Start::open(dir, &parts)).transpose()?;
        let shape = match (&config.model, &start) {
            (Some(shape), _) => shape.clone(),
            (None, Some(start)) => start.shape().clone(),
            (None, None) => pairing::shape_between(&parts),
        };
        if shape.reduction.needs_ctc() && parts.encoder.labels().is_none() {
            anyhow::bail!("reduction {:?} needs an encoder with a CTC head", shape.reduction);
        }
        let rows = SpeechRows::new(shape.reduction, parts.labels.as_ref(), &parts.tokenizer, &parts.llm)?;
        let parts = parts.with_layers(&shape.encoder_layers)?;
        config::check("adapter", &pairing::config_between(&parts.encoder, &parts.llm, &shape).problems())?;
        let pool = TaskPool::read(&config.tasks, config.order)?;
        let named = [&config.train_manifest, &config.dev_manifest].map(Corpus::names).concat();
        pool.check_sources(&named.into_iter().flatten().collect::<Vec<_>>())?;
        let writer =
            PromptWriter::new(parts.llm.sizes(), &parts.llm_files, &parts.tokenizer, &config.prompt)?;
        let (mut asker, mut prompts) = (Asker::new(&pool), Prompts::new(writer));
        let train = Words::read(&config.train_manifest, &config.cache, &mut asker, &mut prompts)?;
        let templates = pool.templates(asker.tasks());
        let dev = Words::read(&config.dev_manifest, &config.cache, &mut asker, &mut prompts)?;
        let pieces = ctc_labels(parts.labels.as_ref(), &parts.tokenizer);
        let pieces = config.losses.has_ctc().then_some(pieces);
        if let Some(pieces) = pieces {
            train.check_transcripts(pieces)?;
        }
        let teacher = if config.losses.has_distillation() {
            train.check_taught(&prompts)?;
            Some(Teacher::new(&config, &parts)?)
        } else {
            None
        };
        let is_tried = config.train.purpose == Purpose::DryRun;
        let train = match config.encode {
            Encode::Once if is_tried => Data::tried(train, &parts, &config, &shape, &rows)?,
            Encode::Once => Data::encode(train, &parts, &config, &shape, &rows)?,
            Encode::EachStep => Data::fresh(train, &parts, &config, &shape, prompts.end())?,
        };
        let dev = if is_tried {
            Data::untouched(dev, &parts, &config)
        } else {
            Data::encode(dev, &parts, &config, &shape, &rows)?
        };
        let fingerprint = streamed_digest(&(
            (&shape, config.order, prompts.phrased(), config.batch_tokens, config.train.identity()),
            (train.key(), &parts.llm_hash, prompts.settings(), &train.examples, config.losses),
            (config.train_manifest.weights(), shares(&train.groups), AllLabelled { data: &train, pieces }),
        ))?;
        // Runs that were begun before there were such settings go on.
        let fingerprint = match (&start, &config.lora) {
            (None, None) => fingerprint,
            (start, lora) => digest(&(fingerprint, start.as_ref().map(Start::hash), lora)),
        };
        let Frozen { encoder_files, encoder, labels, tokenizer, llm_files, llm, device, .. } = parts;
        Ok(Self {
            config,
            shape,
            rows,
            encoder_files,
            encoder,
            labels,
            tokenizer,
            llm_files,
            llm,
            prompts,
            templates,
            train,
            start,
            teacher,
            dev,
            device,
            fingerprint,
        })
    }

    /// The frozen language model.
    pub fn llm(&self) -> &LanguageModel {
        &self.llm
    }

    fn lengths(&self, data: &Data) -> Vec<usize> {
        data.examples
            .iter()
            .map(|example| {
                let speech = example.speech.map_or(0, |speech| data.length(speech));
                self.shape.kind.count(speech) + example.prompt_tokens + example.target.len()
            })
            .collect()
    }

    /// What the bundle is to say of prompts.
    pub(super) fn prompt_settings(&self) -> &PromptSettings {
        self.prompts.settings()
    }

    /// The names of what is learnt.
    pub(super) fn task_names(&self) -> Vec<String> {
        self.prompts.tasks().map(LearntTask::label).collect()
    }

    /// What is put to the models for `part`, whose speech is `speech`, or whose examples all have words in place of it;
    /// `pick` chooses a phrasing of `n`.
    fn input(
        &self,
        data: &Data,
        speech: Vec<ReducedSpeech>,
        part: &Part,
        mut pick: impl FnMut(usize) -> usize,
    ) -> StepInput {
        let examples: Vec<Example> = part.examples.iter().map(|&i| data.examples.get(i)).collect();
        let phrasings: Vec<usize> =
            examples.iter().map(|example| pick(self.prompts.phrasings(example.task))).collect();
        let prompts = examples
            .iter()
            .zip(&phrasings)
            .map(|(example, &phrasing)| self.prompts.prompt(example, phrasing))
            .collect();
        StepInput { speech, phrasings, prompts, targets: part.targets.clone() }
    }

    /// What a step puts to the models for those examples of a batch that have speech.
    ///
    /// # Errors
    ///
    /// When the encoder's outputs cannot be read.
    pub fn spoken_input(&self, batch: &Batch, rng: &mut ChaCha8Rng) -> anyhow::Result<StepInput> {
        let states = self.states(batch)?;
        let speech = states.iter().map(|speech| self.rows.drawn(speech, rng)).collect::<Result<_, _>>()?;
        Ok(self.input(&self.train, speech, &batch.spoken, |n| rng.random_range(0..n)))
    }

    /// What the language model says to `input`.
    fn answers(&self, model: &Trained, input: StepInput) -> Answers {
        let speech = (!input.speech.is_empty())
            .then(|| model.adapter.forward(&adapter_input(&input.speech, &self.llm, &self.device)));
        let llm = model.beside(&self.llm);
        // What is trained beside the language model reads the beginning of a prompt too.
        let beginning =
            if model.lora.is_some() { None } else { Beginning::read(&llm, &input.prompts, &self.device) };
        let logits =
            logits(&llm, beginning.as_ref(), &input.prompts, speech.as_slice(), &input.targets, &self.device);
        Answers { logits, input, speech }
    }

    /// The loss of the examples of a batch that have speech.
    fn spoken_loss(&self, model: &Trained, batch: &Batch, rng: &mut ChaCha8Rng) -> anyhow::Result<Tensor<1>> {
        let answers = self.answers(model, self.spoken_input(batch, rng)?);
        let (losses, examples) = (self.config.losses, &batch.spoken.examples);
        let mut loss = self.text_loss(&answers);
        if let Some(teacher) = &self.teacher {
            // The teacher is the language model without what is trained beside it.
            let prompts = self.taught(examples, &answers.input.phrasings)?;
            let divergence =
                teacher.divergence(&self.llm, &answers.logits, &prompts, &answers.input.targets)?;
            loss = loss + divergence * losses.distillation;
        }
        Ok(match self.ctc(model, &answers, examples)? {
            Some(ctc) => loss + ctc * losses.ctc,
            None => loss,
        })
    }

    /// What the encoder gives for a batch.
    pub(super) fn states<'a>(&self, batch: &'a Batch) -> anyhow::Result<Cow<'a, [EncodedSpeech]>> {
        let features = match &batch.speech {
            Heard::States(states) => return Ok(Cow::Borrowed(states)),
            Heard::Features(features) => features,
        };
        let rows: Vec<&[f32]> = features.iter().map(|features| features.values.as_slice()).collect();
        let inputs = PaddedBatch::from_rows(&rows, self.encoder.input_width(), &self.device);
        Ok(Cow::Owned(ctc::encode(&self.encoder, &inputs)?))
    }

    /// The ids of the targets.
    fn targets(&self, answers: &Answers) -> PaddedIds {
        PaddedIds::from_rows(&answers.input.targets, self.llm.ids().pad, &self.device)
    }

    /// The cross-entropy of the targets as it is learnt by, summed.
    fn text_loss(&self, answers: &Answers) -> Tensor<1> {
        let losses = self.config.losses;
        let targets = self.targets(answers);
        let loss = cross_entropy_sum(answers.logits.clone(), &targets, losses.label_smoothing);
        loss * losses.cross_entropy
    }

    /// The CTC loss of the transcripts on what the adapter made, summed; `None` without a head.
    fn ctc(
        &self,
        model: &Trained,
        answers: &Answers,
        examples: &[usize],
    ) -> anyhow::Result<Option<Tensor<1>>> {
        let Some(speech) = &answers.speech else { return Ok(None) };
        let Some(log_probs) = model.ctc_log_probs(speech) else { return Ok(None) };
        let blank = self.ctc_labels().len();
        let labels = self.labelled(examples)?;
        let labels: Vec<&[u32]> = labels.iter().map(Vec::as_slice).collect();
        Ok(Some(ctc_sum(log_probs, speech.lengths(), &labels, blank)))
    }
}

impl Job for AdapterJob {
    type Model = Trained;
    type Source = Data;

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let AdapterStage { train_manifest, batch_tokens, train, .. } = &self.config;
        let lengths = self.lengths(&self.train);
        train_manifest.batches(&self.train.groups, &lengths, *batch_tokens, train.seed, epoch)
    }

    fn source(&self) -> &Data {
        &self.train
    }

    fn weight(&self, batch: &Batch) -> f64 {
        batch.tokens() as f64
    }

    fn loss(&self, model: &Trained, batch: &Batch, rng: &mut ChaCha8Rng) -> anyhow::Result<Tensor<1>> {
        let mut parts = Vec::new();
        if !batch.spoken.is_empty() {
            parts.push(self.spoken_loss(model, batch, rng)?);
        }
        if !batch.written.is_empty() {
            let input = self.input(&self.train, Vec::new(), &batch.written, |n| rng.random_range(0..n));
            parts.push(self.text_loss(&self.answers(model, input)));
        }
        Ok(Tensor::cat(parts, 0).sum())
    }

    fn evaluate(&self, model: &Trained) -> anyhow::Result<Metrics> {
        let mut sums: BTreeMap<String, (f64, usize)> = BTreeMap::new();
        let batches = buckets::batches(&self.lengths(&self.dev), 2 * self.config.batch_tokens, 0, 0);
        for batch in batches {
            for (task, learnt) in self.prompts.tasks().enumerate() {
                let items: Vec<usize> =
                    batch.iter().copied().filter(|&i| self.dev.examples.get(i).task == task).collect();
                if items.is_empty() {
                    continue;
                }
                // All examples of a task have speech, or none has.
                let batch = self.dev.load(Draw { step: 0, epoch: 0, items })?;
                let states = self.states(&batch)?;
                let reduced = states.iter().map(|speech| self.rows.of(speech)).collect::<Result<_, _>>()?;
                let part = if batch.spoken.is_empty() { &batch.written } else { &batch.spoken };
                let answers = self.answers(model, self.input(&self.dev, reduced, part, |_| 0));
                let targets = self.targets(&answers);
                let loss = cross_entropy_sum(answers.logits, &targets, 0.0);
                let sum = sums.entry(learnt.label()).or_default();
                sum.0 += f64::from(loss.try_into_scalar::<f32>().context("cannot read the loss")?);
                sum.1 += batch.tokens();
            }
        }
        let mean = |(task, (loss, tokens))| (format!("loss_{task}"), loss / tokens as f64);
        Ok(sums.into_iter().map(mean).collect())
    }

    fn samples(&self, model: &Trained, count: usize) -> anyhow::Result<Vec<Sample>> {
        self.answers_to_held_out(model, count)
    }

    fn frozen_parameters(&self) -> usize {
        self.encoder.num_params() + self.llm.num_params()
    }

    fn frozen_bytes(&self) -> u64 {
        frozen::bytes_of(&self.encoder) + frozen::bytes_of(&self.llm)
    }

    fn weight_of(&self, items: &[usize]) -> anyhow::Result<f64> {
        let tokens: usize = items.iter().map(|&item| self.train.examples.get(item).target.len()).sum();
        Ok(tokens as f64)
    }

    fn prepare(&self, batches: &[Vec<usize>]) -> anyhow::Result<()> {
        let Some(tried) = self.train.as_tried() else { return Ok(()) };
        let spoken = batches.iter().flatten().filter_map(|&item| self.train.examples.get(item).speech);
        tried.encode(spoken, &self.encoder, &self.device, &|speech| Ok(speech.len()))
    }

    fn encoding(&self) -> anyhow::Result<Option<Encoding>> {
        let Some(train) = self.train.as_tried() else { return Ok(None) };
        let Some(pace) = train.pace()? else { return Ok(None) };
        let sound_seconds = train.sound_seconds() + self.dev.as_tried().map_or(0.0, Tried::sound_seconds);
        let bytes = (pace.bytes * sound_seconds) as u64;
        Ok(Some(Encoding { sound_seconds, seconds: pace.seconds * sound_seconds, bytes }))
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }
}

/// What the groups of an epoch are drawn by, for a fingerprint.
fn shares(groups: &[Group]) -> Vec<Option<f64>> {
    groups.iter().map(|group| group.share).collect()
}
