//! Stage `ctc-layers`: layers with a CTC head learn to label what a frozen encoder gives.
//!
//! The frozen encoder hears every utterance once and what it gives is kept on disk, as for the stage `adapter`. The result is
//! a folder of the family `slm_ctc_layers`, with the frozen encoder in it: an encoder with a CTC head, for the stage
//! `adapter` and for transcribing by itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::prelude::*;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::models::checkpoint::{BASE_FOLDER, Checkpoint, PREPROCESSOR_FILE, PROCESSOR_FILE};
use slm_core::models::ctc::{self, best_path};
use slm_core::models::encoder::{CtcLayers, CtcLayersConfig, SpeechEncoder};
use slm_core::models::features::FeatureExtractor;
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{EncodedSpeech, PaddedBatch, Watch};
use slm_core::models::text::TextTokenizer;

use super::labelling;
use super::loss::{ctc_sum, states_needed};
use super::result;
use crate::config;
use crate::data::augment::SpecAugment;
use crate::data::buckets;
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::groups::{Group, groups};
use crate::data::mixture::{Corpus, MixedRows};
use crate::data::rows::Rows;
use crate::data::vocabulary;
use crate::digest::digest;
use crate::output::model;
use crate::output::tokenizer::TokenizerFiles;
use crate::training::{self, Draw, Job, LoopConfig, Metrics, Outcome, Sample, Source, rng_for};

/// The stream of random numbers that masks draw from.
const MASK_STREAM: u64 = 0x6d61_736b;

/// Limits of the doubt that counts as no speech.
const LEAST_THRESHOLD: f64 = 0.25;
const MOST_THRESHOLD: f64 = 0.6;

/// Settings of the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CtcLayersStage {
    /// The frozen encoder's folder.
    pub encoder: PathBuf,
    /// Folder with the tokenizer of the labels: `tokenizer.json`, or a SentencePiece model.
    pub tokenizer: PathBuf,
    /// Utterances to learn from.
    pub train_manifest: Corpus,
    /// Utterances to judge by.
    pub dev_manifest: Corpus,
    /// Folder for the frozen encoder's outputs.
    pub cache: PathBuf,
    /// Folder of an earlier result of the same sizes and labels to go on from, in place of random weights.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Sizes of the layers.
    pub model: CtcLayersConfig,
    /// Masking of the frozen encoder's states: stretches of time, and channels side by side.
    #[serde(default)]
    pub spec_augment: SpecAugment,
    /// States of the layers in a batch, padding included.
    pub batch_states: usize,
    /// The type in which the result is stored.
    #[serde(default = "StorageType::full")]
    pub storage: StorageType,
    /// The loop.
    pub train: LoopConfig,
}

/// A corpus behind the frozen encoder.
struct Speech {
    corpus: EncodedCorpus,
    /// The row of the corpus of each utterance that can be learnt from.
    rows: Vec<usize>,
    labels: Vec<Vec<u32>>,
    texts: Vec<String>,
    /// The recording of each utterance, for samples.
    names: Vec<String>,
    /// Of each source which of them it has.
    groups: Vec<Group>,
    masks: SpecAugment,
    seed: u64,
}

/// What a step reads of the data.
struct Batch {
    states: Vec<EncodedSpeech>,
    labels: Vec<Vec<u32>>,
}

impl Speech {
    /// Loads a manifest; utterances with more labels than states are left out, as CTC cannot align them.
    fn load(
        corpus: &Corpus,
        config: &CtcLayersStage,
        tokenizer: &TextTokenizer,
        encoder: CachedEncoder<'_>,
    ) -> anyhow::Result<Self> {
        let MixedRows { utterances, counts } = corpus.read()?;
        let texts = utterances.iter().map(|row| (row.audio_filepath.as_path(), row.text.as_str()));
        let labels = vocabulary::encode_all(tokenizer, texts)?;
        let kept = Rows::keep(&config.cache, &utterances)?;
        let reduced = |speech: &EncodedSpeech| Ok(config.model.reduced(speech.len()));
        let encoded = encoder.encode(&kept, &reduced, &|text| super::note(&text))?;
        let is_usable =
            |&row: &usize| !labels[row].is_empty() && states_needed(&labels[row]) <= encoded.measured(row);
        let rows: Vec<usize> = (0..utterances.len()).filter(is_usable).collect();
        anyhow::ensure!(!rows.is_empty(), "invalid manifest `{corpus}`: no usable utterance");
        Ok(Self {
            labels: rows.iter().map(|&row| labels[row].clone()).collect(),
            texts: rows.iter().map(|&row| utterances[row].text.clone()).collect(),
            names: rows.iter().map(|&row| utterances[row].audio_filepath.display().to_string()).collect(),
            groups: groups(&counts, rows.iter().copied()),
            corpus: encoded,
            rows,
            masks: config.spec_augment,
            seed: config.train.seed,
        })
    }

    fn lengths(&self) -> Vec<usize> {
        self.rows.iter().map(|&row| self.corpus.measured(row)).collect()
    }

    /// What the frozen encoder gives for the utterances `items`.
    fn states(&self, items: &[usize]) -> anyhow::Result<Vec<EncodedSpeech>> {
        items.iter().map(|&item| self.corpus.read(self.rows[item])).collect()
    }
}

impl Source for Speech {
    type Batch = Batch;

    fn load(&self, draw: Draw) -> anyhow::Result<Batch> {
        let mut states = self.states(&draw.items)?;
        let mut rng = rng_for(self.seed, MASK_STREAM, draw.step);
        for speech in &mut states {
            self.masks.apply(&mut speech.states, speech.width, &mut rng);
        }
        Ok(Batch { states, labels: draw.items.iter().map(|&item| self.labels[item].clone()).collect() })
    }
}

/// What is heard in an utterance.
#[derive(Clone, Default)]
struct Heard {
    text: String,
    /// [`CtcPosteriors::doubt`](slm_core::models::ctc::CtcPosteriors::doubt).
    doubt: f64,
}

struct LayersJob {
    config: CtcLayersStage,
    tokenizer: TextTokenizer,
    train: Speech,
    dev: Speech,
    /// Hash of the layers that it starts from.
    start_hash: Option<String>,
    /// Parameters of the frozen encoder.
    frozen: usize,
    /// Without autodiff.
    device: Device,
}

impl LayersJob {
    fn padded(&self, states: &[EncodedSpeech]) -> PaddedBatch {
        let rows: Vec<&[f32]> = states.iter().map(|speech| speech.states.as_slice()).collect();
        let width = states.first().map_or(1, |speech| speech.width);
        PaddedBatch::from_rows(&rows, width, &self.device)
    }

    /// What `layers` hear in the first `count` held-out utterances, and how much they doubt it.
    fn heard(&self, layers: &CtcLayers, count: usize) -> anyhow::Result<Vec<Heard>> {
        let mut lengths = self.dev.lengths();
        lengths.truncate(count);
        let mut all = vec![Heard::default(); lengths.len()];
        for batch in buckets::batches(&lengths, 4 * self.config.batch_states, 0, 0) {
            let states = layers.forward(&self.padded(&self.dev.states(&batch)?), &Watch::default());
            let log_probs = layers.log_probs(&states);
            let outputs = ctc::read_back(&states, Some(log_probs), layers.config().blank() as u32)?;
            for (&i, output) in batch.iter().zip(outputs) {
                let text = self.tokenizer.decode(&best_path::labels(&output.speech))?;
                all[i] =
                    Heard { text, doubt: output.posteriors.map_or(1.0, |posteriors| posteriors.doubt()) };
            }
        }
        Ok(all)
    }

    fn transcripts(&self, layers: &CtcLayers, count: usize) -> anyhow::Result<Vec<String>> {
        Ok(self.heard(layers, count)?.into_iter().map(|heard| heard.text).collect())
    }

    /// From which doubt on a sound is to count as no speech: that which 99 of 100 held-out utterances are below.
    fn no_speech_threshold(&self, layers: &CtcLayers) -> anyhow::Result<f64> {
        let mut doubts: Vec<f64> =
            self.heard(layers, self.dev.texts.len())?.into_iter().map(|heard| heard.doubt).collect();
        doubts.sort_by(f64::total_cmp);
        let high = doubts.get(doubts.len() * 99 / 100).copied().unwrap_or_default();
        Ok((high.clamp(LEAST_THRESHOLD, MOST_THRESHOLD) * 100.0).ceil() / 100.0)
    }
}

impl Job for LayersJob {
    type Model = CtcLayers;
    type Source = Speech;

    /// The first epoch goes from short utterances to long ones, but for layers that go on from others.
    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths = self.train.lengths();
        let CtcLayersStage { train_manifest, batch_states, train, .. } = &self.config;
        let mut batches =
            train_manifest.batches(&self.train.groups, &lengths, *batch_states, train.seed, epoch);
        if epoch == 0 && self.config.start.is_none() {
            labelling::short_first(&mut batches, &lengths);
        }
        batches
    }

    fn source(&self) -> &Speech {
        &self.train
    }

    fn weight(&self, batch: &Batch) -> f64 {
        batch.states.len() as f64
    }

    fn loss(&self, layers: &CtcLayers, batch: &Batch, _rng: &mut ChaCha8Rng) -> anyhow::Result<Tensor<1>> {
        let states = layers.forward(&self.padded(&batch.states), &Watch::default());
        let labels: Vec<&[u32]> = batch.labels.iter().map(Vec::as_slice).collect();
        Ok(ctc_sum(layers.log_probs(&states), states.lengths(), &labels, layers.config().blank()))
    }

    fn evaluate(&self, layers: &CtcLayers) -> anyhow::Result<Metrics> {
        let hypotheses = self.transcripts(layers, self.dev.texts.len())?;
        Ok(labelling::error_rates(&self.dev.texts, &hypotheses))
    }

    fn samples(&self, layers: &CtcLayers, count: usize) -> anyhow::Result<Vec<Sample>> {
        let texts = self.transcripts(layers, count)?;
        Ok(labelling::samples(&self.dev.names, &self.dev.texts, texts))
    }

    fn frozen_parameters(&self) -> usize {
        self.frozen
    }

    fn fingerprint(&self) -> String {
        digest(&(
            (&self.config.model, self.config.spec_augment, self.config.batch_states),
            (self.config.train.identity(), &self.train.labels, self.train.corpus.key()),
            (self.tokenizer.digest(), &self.start_hash, self.config.train_manifest.weights()),
        ))
    }
}

/// Trains in `run`, and writes the encoder to `out` when all steps are made.
///
/// # Errors
///
/// Invalid settings, data that cannot be read, and what [`training::run()`] tells. As
/// [`Stopped`](crate::stopped::Stopped), a result that cannot be written.
pub fn train(
    mut config: CtcLayersStage,
    run: &Path,
    out: &Path,
    device: &Device,
) -> anyhow::Result<Outcome<CtcLayers>> {
    let mut problems = config.model.problems();
    problems.extend(config.spec_augment.problems("spec_augment"));
    problems.extend(config.train.problems());
    problems.extend(config.train_manifest.problems("train_manifest"));
    problems.extend(config.dev_manifest.problems("dev_manifest"));
    config::check("ctc-layers", &problems)?;
    result::check(out, &config.train)?;
    let source = Checkpoint::open(&config.tokenizer)?;
    let tokenizer = TextTokenizer::from_checkpoint(&source)?;
    tokenizer.check_rows(tokenizer.len())?;
    let tokenizer_files = TokenizerFiles::read(&source)?;
    config.model.vocab_size = labelling::labels_with_blank(&tokenizer);
    let start = config.start.as_deref().map(Checkpoint::open).transpose()?;
    let base = Checkpoint::open(&config.encoder)?;
    let encoder = SpeechEncoder::load(&base, device)?;
    let (features, hash) = (FeatureExtractor::from_checkpoint(&base)?, base.content_hash()?);
    let (width, frozen) = (encoder.output_width(), encoder.num_params());

    let cached = CachedEncoder {
        dir: &config.cache,
        features: &features,
        encoder: &encoder,
        encoder_hash: &hash,
        layers: 1,
        device,
    };
    // The smaller one first, so that what is wrong with it is told soon.
    let dev = Speech::load(&config.dev_manifest, &config, &tokenizer, cached)?;
    let train = Speech::load(&config.train_manifest, &config, &tokenizer, cached)?;
    let tracked = config.train.activations.tracked(device);
    tracked.seed(config.train.seed);
    let layers = match &start {
        Some(start) => {
            let earlier = CtcLayersConfig::from_checkpoint(start)?;
            let own = &config.model;
            let same = CtcLayersConfig {
                dropout: own.dropout,
                no_speech_threshold: own.no_speech_threshold,
                ..earlier
            };
            anyhow::ensure!(same == config.model, "`start` has layers of other sizes or labels than `model`");
            config.model.load_weights(start, width, &tracked)?
        }
        None => config.model.init(width, &tracked),
    };
    let start_hash = start.as_ref().map(Checkpoint::content_hash).transpose()?;
    let job = LayersJob { config, tokenizer, train, dev, start_hash, frozen, device: device.clone() };
    let outcome = training::run(&job, layers, &job.config.train, run, &tracked)?;
    if let Outcome::Finished { model, .. } = &outcome {
        let threshold = job.no_speech_threshold(model)?;
        result::write(run, out, |dir| {
            model.clone().with_no_speech_threshold(threshold).save(dir, job.config.storage)?;
            tokenizer_files.write(dir)?;
            take_along(&base, dir)
        })?;
    }
    Ok(outcome)
}

/// Copies the frozen encoder into its place in the folder `dir`, and the settings of its features beside the layers, whose
/// folder is an encoder of its own.
fn take_along(base: &Checkpoint, dir: &Path) -> anyhow::Result<()> {
    model::copy(base, &dir.join(BASE_FOLDER))?;
    for name in [PREPROCESSOR_FILE, PROCESSOR_FILE].into_iter().filter(|name| base.has(name)) {
        let from = base.path_of(name);
        fs::copy(&from, dir.join(name)).with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    Ok(())
}
