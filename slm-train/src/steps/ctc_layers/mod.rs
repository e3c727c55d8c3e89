//! Stage `ctc-layers`: layers with a CTC head learn to label what a frozen encoder gives.
//!
//! The frozen encoder hears every utterance once, or several times in variants, and what it gives is kept on disk, as for the
//! stage `adapter`. The result is a folder of the family `slm_ctc_layers`, with the frozen encoder in it: an encoder with a CTC
//! head, for the stage `adapter` and for transcribing by itself.

mod speech;

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

use self::speech::{Batch, Speech};
use super::labelling;
use super::loss::ctc_sum;
use super::result;
use crate::config;
use crate::data::augment::{Augment, SpecAugment};
use crate::data::buckets;
use crate::data::encoded::{CachedEncoder, Variants};
use crate::data::mixture::Corpus;
use crate::digest::digest;
use crate::output::model;
use crate::output::tokenizer::TokenizerFiles;
use crate::training::{self, Job, LoopConfig, Metrics, Outcome, Sample};

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
    /// How the sound of an utterance is changed in its variants.
    #[serde(default)]
    pub augment: Augment,
    /// How often the frozen encoder hears each utterance: as it is, and changed, each time otherwise.
    #[serde(default = "CtcLayersStage::once")]
    pub variants: usize,
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

impl CtcLayersStage {
    /// Without variants.
    fn once() -> usize {
        1
    }

    /// What is wrong with the changes of sound, one text each.
    fn sound_problems(&self) -> Vec<String> {
        let mut problems = self.augment.problems();
        match (self.variants, self.augment == Augment::default()) {
            (0, _) => problems.push("`variants` is 0, must be 1 or more".to_owned()),
            (1, false) => problems.push("`augment` changes nothing, as `variants` is 1".to_owned()),
            (2.., true) => problems.push("`variants` are all the same without `augment`".to_owned()),
            _ => {}
        }
        if self.augment.join.is_some() {
            problems.push(
                "`augment.join` needs the text of another utterance, which this stage does not join"
                    .to_owned(),
            );
        }
        if self.augment.spec.is_some() {
            problems.push("`augment.spec` is `spec_augment` in this stage".to_owned());
        }
        problems
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
            self.heard(layers, self.dev.rows.len())?.into_iter().map(|heard| heard.doubt).collect();
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
        let hypotheses = self.transcripts(layers, self.dev.rows.len())?;
        Ok(labelling::error_rates(&self.dev.item_texts(), &hypotheses))
    }

    fn samples(&self, layers: &CtcLayers, count: usize) -> anyhow::Result<Vec<Sample>> {
        let texts = self.transcripts(layers, count)?;
        let names: Vec<String> =
            (0..texts.len()).map(|item| self.dev.names[self.dev.utterance(item)].clone()).collect();
        Ok(labelling::samples(&names, &self.dev.item_texts(), texts))
    }

    fn frozen_parameters(&self) -> usize {
        self.frozen
    }

    fn fingerprint(&self) -> String {
        digest(&(
            (&self.config.model, self.config.spec_augment, self.config.batch_states),
            (self.config.train.identity(), self.train.item_labels(), self.train.corpus.key()),
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
    problems.extend(config.sound_problems());
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
    let chain = config.augment.prepare()?;
    let variants = Variants { chain: &chain, count: config.variants, seed: config.train.seed };
    let load = |corpus: &Corpus, variants| Speech::load(corpus, &config, &tokenizer, cached, variants);
    let loaded = load(&config.dev_manifest, None)
        .and_then(|dev| Ok((dev, load(&config.train_manifest, Some(variants))?)));
    let (dev, train) = match loaded {
        Ok(both) => both,
        Err(error) => return super::stopped_early(error, config.train.purpose),
    };
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
