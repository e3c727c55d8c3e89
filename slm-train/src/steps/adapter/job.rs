//! The loss of an adapter between frozen parts, and its evaluation.
//!
//! Shapes: `B` examples, `T` speech rows, `D` the language model's width, `V` its vocabulary.

use anyhow::Context;
use burn::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use slm_core::models::adapter::reduction::ReducedSpeech;
use slm_core::models::adapter::{Adapter, AdapterConfig, AdapterShape, SoftTokensStart};
use slm_core::models::checkpoint::{Checkpoint, PromptSettings};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::models::prompt::{PromptIds, embed_prompts};
use slm_core::models::text::TextTokenizer;

use super::data::{Data, Example, Words};
use super::prompts::Prompts;
use super::{AdapterStage, Frozen, Trained, TrainedTask};
use crate::config;
use crate::data::buckets;
use crate::data::vocabulary::spellings;
use crate::digest::digest;
use crate::steps::loss::{
    cross_entropy_sum, ctc_sum, divergence_sum, shift_right, smoothed_cross_entropy_sum,
};
use crate::steps::pairing;
use crate::training::{Job, Metrics};

/// The frozen parts and the data of a run.
pub struct AdapterJob {
    pub(super) config: AdapterStage,
    shape: AdapterShape,
    pub(super) encoder_files: Checkpoint,
    encoder: SpeechEncoder,
    labels: Option<TextTokenizer>,
    tokenizer: TextTokenizer,
    pub(super) llm_files: Checkpoint,
    pub(super) llm: LanguageModel,
    prompts: Prompts,
    pub(super) train: Data,
    /// For every example that is learnt from what the language model reads to be distilled from, in each phrasing; none
    /// without distillation.
    taught: Vec<Vec<PromptIds>>,
    /// The transcript of each utterance that is learnt from, in the labels of the CTC loss; none without that.
    transcripts: Vec<Vec<u32>>,
    dev: Data,
    /// Without autodiff: data and frozen parts.
    device: Device,
    fingerprint: String,
}

/// What the language model says to a batch.
struct Answers {
    /// `[B, L, V]`, before the softmax.
    logits: Tensor<3>,
    /// The phrasing of each example.
    phrasings: Vec<usize>,
    /// What it should say.
    targets: Vec<Vec<u32>>,
    /// What the adapter made of the speech.
    speech: PaddedBatch,
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
            None => pairing::shape_between(&parts),
        };
        if shape.reduction.needs_ctc() && parts.encoder.labels().is_none() {
            anyhow::bail!("reduction {:?} needs an encoder with a CTC head", shape.reduction);
        }
        let parts = parts.with_layers(&shape.encoder_layers)?;
        let prompts = Prompts::new(&config, &parts)?;
        let train = Words::read(&config.train_manifest, &parts, &config, prompts.end())?;
        let dev = Words::read(&config.dev_manifest, &parts, &config, prompts.end())?;
        let taught = if config.losses.has_distillation() { train.taught(&prompts)? } else { Vec::new() };
        let ctc_labels = ctc_labels(parts.labels.as_ref(), &parts.tokenizer);
        let transcripts = if config.losses.has_ctc() { train.transcripts(ctc_labels)? } else { Vec::new() };
        let train = Data::encode(train, &parts, &config, &shape)?;
        let dev = Data::encode(dev, &parts, &config, &shape)?;
        let targets: Vec<&[u32]> = train.examples.iter().map(|example| example.target.as_slice()).collect();
        let fingerprint = digest(&(
            (&shape, config.order, &config.tasks, config.batch_tokens, config.train.identity()),
            (&train.speech_key, &parts.llm_hash, prompts.ids(), targets, config.losses),
            config.train_manifest.weights(),
        ));
        let Frozen { encoder_files, encoder, labels, tokenizer, llm_files, llm, device, .. } = parts;
        Ok(Self {
            config,
            shape,
            encoder_files,
            encoder,
            labels,
            tokenizer,
            llm_files,
            llm,
            prompts,
            train,
            taught,
            transcripts,
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
            labels: self.encoder.labels().filter(|_| shape.kind.has_soft_tokens()),
            shape,
        }
    }

    /// A fresh adapter on `device`, whose outputs have the size of the language model's embeddings.
    ///
    /// # Errors
    ///
    /// Invalid shapes, or a device that cannot be read.
    pub fn init(&self, device: &Device) -> anyhow::Result<Trained> {
        let config = self.adapter_config();
        config::check("adapter", &config.problems())?;
        let rms = self.llm.embedding_rms().try_into_scalar::<f32>().context("cannot read the embedding")?;
        let adapter = config.init(device).with_output_rms(rms);
        let adapter = if config.shape.kind.has_soft_tokens() {
            adapter.with_soft_tokens(self.soft_tokens_start()?)
        } else {
            adapter
        };
        // The blank is the last label.
        let labels = self.config.losses.has_ctc().then(|| self.ctc_labels().len() + 1);
        Ok(Trained::new(adapter, labels, device))
    }

    /// The CTC head, and for each of its labels the language model's embedding: the mean over the pieces
    /// that spell the label, which is the piece's own where the two tokenizers share it.
    fn soft_tokens_start(&self) -> anyhow::Result<SoftTokensStart> {
        let (head, head_bias) = self.encoder.ctc_head().context("soft tokens need a CTC head")?;
        let labels = self.labels.as_ref().context("soft tokens need the tokenizer of the CTC labels")?;
        let [count, _] = head.dims();
        let pad = self.llm.ids().pad;
        let mut spelled = spellings(labels, &self.tokenizer)?;
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

    /// The pieces that the CTC loss labels the adapter's outputs with.
    fn ctc_labels(&self) -> &TextTokenizer {
        ctc_labels(self.labels.as_ref(), &self.tokenizer)
    }

    /// The frozen language model.
    pub fn llm(&self) -> &LanguageModel {
        &self.llm
    }

    fn lengths(&self, data: &Data) -> Vec<usize> {
        data.examples
            .iter()
            .map(|example| {
                let instruction = self.prompts.spoken(example.task).first().map_or(0, PromptIds::len);
                let speech = self.shape.kind.count(data.reduced[example.speech].origins.len());
                speech + instruction + example.target.len()
            })
            .collect()
    }

    /// What the bundle is to say of prompts.
    pub(super) fn prompt_settings(&self) -> &PromptSettings {
        &self.prompts.settings
    }

    /// What the language model says to the `reduced` speech of `batch`; `pick` chooses a phrasing of `n`.
    fn answers(
        &self,
        adapter: &Adapter,
        data: &Data,
        reduced: &[ReducedSpeech],
        batch: &[usize],
        mut pick: impl FnMut(usize) -> usize,
    ) -> Answers {
        let examples: Vec<&Example> = batch.iter().map(|&i| &data.examples[i]).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|speech| speech.rows.as_slice()).collect();
        let width = reduced.first().map_or(1, |speech| speech.width);
        let speech = adapter.forward(&PaddedBatch::from_rows(&rows, width, &self.device));

        let spoken = |example: &&Example| self.prompts.spoken(example.task);
        let phrasings: Vec<usize> = examples.iter().map(|example| pick(spoken(example).len())).collect();
        let prompts: Vec<PromptIds> = examples
            .iter()
            .zip(&phrasings)
            .map(|(example, &phrasing)| spoken(example)[phrasing].clone())
            .collect();
        let targets: Vec<Vec<u32>> = examples.iter().map(|example| example.target.clone()).collect();
        let logits = self.logits(&prompts, std::slice::from_ref(&speech), &targets);
        Answers { logits, phrasings, targets, speech }
    }

    /// The ids of the targets.
    fn targets(&self, answers: &Answers) -> PaddedIds {
        PaddedIds::from_rows(&answers.targets, self.llm.ids().pad, &self.device)
    }

    /// The CTC loss of the transcripts on what the adapter made, summed; `None` without a head.
    fn ctc(&self, model: &Trained, answers: &Answers, batch: &[usize]) -> Option<Tensor<1>> {
        let log_probs = model.ctc_log_probs(&answers.speech)?;
        let blank = self.ctc_labels().len();
        let labels: Vec<&[u32]> =
            batch.iter().map(|&i| self.transcripts[self.train.examples[i].speech].as_slice()).collect();
        Some(ctc_sum(log_probs, answers.speech.lengths(), &labels, blank))
    }

    /// How far the answers are from those to the true transcripts, summed over the targets.
    fn divergence(&self, answers: &Answers, batch: &[usize]) -> Tensor<1> {
        let prompts: Vec<PromptIds> = batch
            .iter()
            .zip(&answers.phrasings)
            .map(|(&example, &phrasing)| self.taught[example][phrasing].clone())
            .collect();
        let taught = self.logits(&prompts, &[], &answers.targets);
        let lengths: Vec<usize> = answers.targets.iter().map(Vec::len).collect();
        divergence_sum(answers.logits.clone(), taught, &lengths)
    }

    /// `[B, L, V]`: what the language model says to prompts, with `speech` in their places, when `targets` are given to it
    /// so far. There are no logits of a prompt's own positions, so that nothing is learnt from them.
    fn logits(&self, prompts: &[PromptIds], speech: &[PaddedBatch], targets: &[Vec<u32>]) -> Tensor<3> {
        let ids = self.llm.ids();
        let memory = self.llm.encode(&embed_prompts(&self.llm, prompts, speech, &self.device));
        let decoder_inputs = shift_right(targets, ids.decoder_start);
        self.llm.decode(&memory, PaddedIds::from_rows(&decoder_inputs, ids.pad, &self.device).ids)
    }
}

impl Job for AdapterJob {
    type Model = Trained;

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let AdapterStage { train_manifest, batch_tokens, train, .. } = &self.config;
        let lengths = self.lengths(&self.train);
        train_manifest.batches(&self.train.groups, &lengths, *batch_tokens, train.seed, epoch)
    }

    fn weight(&self, _: u64, batch: &[usize]) -> f64 {
        batch.iter().map(|&i| self.train.examples[i].target.len()).sum::<usize>() as f64
    }

    fn loss(&self, model: &Trained, _: u64, batch: &[usize], rng: &mut ChaCha8Rng) -> Tensor<1> {
        let reduction = self.shape.reduction;
        let reduced: Vec<ReducedSpeech> = batch
            .iter()
            .map(|&i| reduction.apply_in_training(&self.train.speech[self.train.examples[i].speech], rng))
            .collect();
        let answers = self.answers(&model.adapter, &self.train, &reduced, batch, |n| rng.random_range(0..n));
        let losses = self.config.losses;
        let targets = self.targets(&answers);
        let text = smoothed_cross_entropy_sum(answers.logits.clone(), &targets, losses.label_smoothing);
        let mut loss = text * losses.cross_entropy;
        if losses.has_distillation() {
            loss = loss + self.divergence(&answers, batch) * losses.distillation;
        }
        match self.ctc(model, &answers, batch) {
            Some(ctc) => loss + ctc * losses.ctc,
            None => loss,
        }
    }

    fn evaluate(&self, model: &Trained) -> anyhow::Result<Metrics> {
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
                let answers = self.answers(&model.adapter, &self.dev, &reduced, &batch, |_| 0);
                let targets = self.targets(&answers);
                let loss = cross_entropy_sum(answers.logits, &targets);
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

/// The pieces that the CTC loss labels the adapter's outputs with: those of the encoder's own labels, which are few, where
/// they have a tokenizer.
fn ctc_labels<'a>(encoder: Option<&'a TextTokenizer>, llm: &'a TextTokenizer) -> &'a TextTokenizer {
    encoder.unwrap_or(llm)
}
