//! Stage `ctc`: a small Conformer encoder learns to label speech with pieces of text.
//!
//! The labels are the pieces of the language model's tokenizer, and a blank.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::audio::SAMPLE_RATE;
use slm_core::models::checkpoint::{Checkpoint, PREPROCESSOR_FILE, json};
use slm_core::models::ctc::{self, best_path};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::encoder::parakeet::{Parakeet, ParakeetConfig, ParakeetEncoderConfig};
use slm_core::models::features::{FeatureExtractor, FeatureSettings, Features, LogMelConfig};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::models::text::TextTokenizer;

use super::labelling;
use super::loss::{ctc_sum, nothing_said_sum, states_needed};
use super::result;
use super::timing::{Timing, expected_times};
use crate::config;
use crate::data::augment::{Augment, Chain, Moment, SpecAugment};
use crate::data::buckets;
use crate::data::groups::{Group, groups};
use crate::data::mixture::{Corpus, MixedRows};
use crate::data::speech;
use crate::data::vocabulary;
use crate::digest::digest;
use crate::output::tokenizer::TokenizerFiles;
use crate::training::{self, Draw, Job, LoopConfig, Metrics, Outcome, Sample};

/// Settings of the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CtcConfig {
    /// Folder with a tokenizer: `tokenizer.json`, or a SentencePiece model.
    pub tokenizer: PathBuf,
    /// Utterances to learn from.
    pub train_manifest: Corpus,
    /// Utterances to judge by.
    pub dev_manifest: Corpus,
    /// Folder of an encoder of these sizes to go on from, in place of random weights. Its labels may be
    /// others: the new ones then start from the pieces that spell them.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Sizes of the encoder, by the names of a `parakeet_encoder` config.
    pub model: ParakeetEncoderConfig,
    /// What becomes of each recording to learn from, once, when it is read. Nothing that moves words.
    #[serde(default)]
    pub augment: Augment,
    /// Masking of the features.
    #[serde(default)]
    pub spec_augment: SpecAugment,
    /// Feature frames of a batch, padding included.
    pub batch_frames: usize,
    /// Keeps labels near the time at which they are said; absent for CTC alone.
    #[serde(default)]
    pub timing: Option<Timing>,
    /// The type in which the result is stored.
    #[serde(default = "StorageType::full")]
    pub storage: StorageType,
    /// The loop.
    pub train: LoopConfig,
}

struct Speech {
    features: Vec<Features>,
    labels: Vec<Vec<u32>>,
    /// The expected state of each label.
    times: Vec<Vec<f32>>,
    texts: Vec<String>,
    /// The recording of each utterance, for samples.
    names: Vec<String>,
    /// Of each source which of them it has.
    groups: Vec<Group>,
    /// A hash of the audio of all utterances.
    recordings: String,
}

impl Speech {
    /// Loads a manifest, of whose recordings `change` makes what is heard; utterances with more labels than states are left
    /// out, as CTC cannot align them.
    fn load(
        corpus: &Corpus,
        tokenizer: &TextTokenizer,
        extractor: &FeatureExtractor,
        model: &ParakeetEncoderConfig,
        change: &speech::Change,
    ) -> anyhow::Result<Self> {
        let MixedRows { utterances, counts, .. } = corpus.read(&|text| super::note(&text))?;
        let texts = utterances.iter().map(|row| (row.audio_filepath.as_path(), row.text.as_str()));
        let labels = vocabulary::encode_all(tokenizer, texts)?;
        let (features, spans) = speech::features_and_spans(&utterances, extractor, change)?;
        let state_seconds = state_seconds(model, extractor);
        let spellings = tokenizer.spellings()?;
        let mut speech = Self {
            features: Vec::new(),
            labels: Vec::new(),
            times: Vec::new(),
            texts: Vec::new(),
            names: Vec::new(),
            groups: Vec::new(),
            recordings: digest(&speech::hashes(&utterances)?),
        };
        let mut places = Vec::new();
        let rows = utterances.into_iter().zip(labels).zip(features.into_iter().zip(spans));
        for (place, ((utterance, labels), (features, span))) in rows.enumerate() {
            // No text is one too: nothing is said. Text without labels cannot be learnt.
            let is_lost = labels.is_empty() && !utterance.text.trim().is_empty();
            if is_lost || states_needed(&labels) > model.subsampled_len(features.frames) {
                continue;
            }
            let letters: Vec<usize> =
                labels.iter().map(|&label| spellings[label as usize].trim().chars().count()).collect();
            let [start, end] = [span.start, span.end].map(|seconds| (seconds / state_seconds) as f32);
            speech.times.push(expected_times(&letters, start..end));
            speech.features.push(features);
            speech.labels.push(labels);
            speech.texts.push(utterance.text);
            speech.names.push(utterance.audio_filepath.display().to_string());
            places.push(place);
        }
        anyhow::ensure!(!speech.features.is_empty(), "invalid manifest `{corpus}`: no usable utterance");
        speech.groups = groups(&counts, places.into_iter());
        Ok(speech)
    }

    fn lengths(&self) -> Vec<usize> {
        self.features.iter().map(|features| features.frames).collect()
    }
}

struct CtcJob {
    config: CtcConfig,
    tokenizer: TextTokenizer,
    train: Speech,
    dev: Speech,
    blank: u32,
    state_seconds: f64,
    /// What becomes of the recordings to learn from.
    chain: Chain,
    /// Hash of the encoder that it starts from.
    start_hash: Option<String>,
    device: Device,
}

impl Job for CtcJob {
    type Model = Parakeet;
    type Source = ();

    /// The first epoch goes from short utterances to long ones, but for an encoder that goes on from another.
    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        let lengths = self.train.lengths();
        let CtcConfig { train_manifest, batch_frames, train, .. } = &self.config;
        let mut batches =
            train_manifest.batches(&self.train.groups, &lengths, *batch_frames, train.seed, epoch);
        if epoch == 0 && self.config.start.is_none() {
            labelling::short_first(&mut batches, &lengths);
        }
        batches
    }

    fn source(&self) -> &() {
        &()
    }

    fn weight(&self, batch: &Draw) -> f64 {
        batch.items.len() as f64
    }

    fn loss(&self, model: &Parakeet, batch: &Draw, rng: &mut ChaCha8Rng) -> anyhow::Result<Tensor<1>> {
        let batch = &batch.items;
        let bins = self.config.model.num_mel_bins;
        let masked: Vec<Vec<f32>> = batch
            .iter()
            .map(|&i| {
                let mut values = self.train.features[i].values.clone();
                self.config.spec_augment.apply(&mut values, bins, rng);
                values
            })
            .collect();
        let rows: Vec<&[f32]> = masked.iter().map(Vec::as_slice).collect();
        let states = model.forward(&PaddedBatch::from_rows(&rows, bins, &self.device));
        let Some(log_probs) = model.ctc_log_probs(&states) else {
            return Ok(Tensor::zeros([1], &self.device));
        };
        let labels: Vec<&[u32]> = batch.iter().map(|&i| self.train.labels[i].as_slice()).collect();
        let blank = self.blank as usize;
        let loss = ctc_sum(log_probs.clone(), states.lengths(), &labels, blank)
            + nothing_said_sum(log_probs.clone(), states.lengths(), &labels, blank);
        let off_time = self.config.timing.and_then(|timing| self.off_time(timing, log_probs, batch));
        Ok(match off_time {
            Some(off_time) => loss + off_time,
            None => loss,
        })
    }

    fn evaluate(&self, model: &Parakeet) -> anyhow::Result<Metrics> {
        let hypotheses = self.transcripts(model, self.dev.texts.len())?;
        Ok(labelling::error_rates(&self.dev.texts, &hypotheses))
    }

    fn samples(&self, model: &Parakeet, count: usize) -> anyhow::Result<Vec<Sample>> {
        let texts = self.transcripts(model, count)?;
        Ok(labelling::samples(&self.dev.names, &self.dev.texts, texts))
    }

    fn frozen_parameters(&self) -> usize {
        0
    }

    fn fingerprint(&self) -> String {
        digest(&(
            &self.config.model,
            self.chain.identity(),
            self.config.spec_augment,
            self.config.batch_frames,
            self.config.timing,
            self.config.train.identity(),
            &self.train.labels,
            &self.train.recordings,
            self.tokenizer.digest(),
            &self.start_hash,
            self.config.train_manifest.weights(),
        ))
    }
}

impl CtcJob {
    /// How far the labels of a batch are from their times, where there are any.
    fn off_time(&self, timing: Timing, log_probs: Tensor<3>, batch: &[usize]) -> Option<Tensor<1>> {
        let spoken = |row: &usize| !self.train.labels[batch[*row]].is_empty();
        let rows: Vec<usize> = (0..batch.len()).filter(spoken).collect();
        if rows.is_empty() {
            return None;
        }
        let labels: Vec<&[u32]> = rows.iter().map(|&row| self.train.labels[batch[row]].as_slice()).collect();
        let times: Vec<&[f32]> = rows.iter().map(|&row| self.train.times[batch[row]].as_slice()).collect();
        let device = log_probs.device();
        let places: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let places = Tensor::from_data(TensorData::new(places, [rows.len()]), &device);
        let log_probs = if rows.len() == batch.len() { log_probs } else { log_probs.select(0, places) };
        let targets = PaddedIds::from_rows(&labels, self.blank, &device);
        Some(timing.loss(&log_probs, &targets, &times, self.state_seconds))
    }

    /// What `model` hears in the first `count` held-out utterances.
    fn transcripts(&self, model: &Parakeet, count: usize) -> anyhow::Result<Vec<String>> {
        let device = self.device.clone().without_autodiff();
        let bins = self.config.model.num_mel_bins;
        let mut lengths = self.dev.lengths();
        lengths.truncate(count);
        let mut hypotheses = vec![String::new(); lengths.len()];
        let encoder = SpeechEncoder::Parakeet(model.clone());
        for batch in buckets::batches(&lengths, 4 * self.config.batch_frames, 0, 0) {
            let rows: Vec<&[f32]> = batch.iter().map(|&i| self.dev.features[i].values.as_slice()).collect();
            let encoded = ctc::encode(&encoder, &PaddedBatch::from_rows(&rows, bins, &device))?;
            for (&i, speech) in batch.iter().zip(encoded) {
                hypotheses[i] = self.tokenizer.decode(&best_path::labels(&speech))?;
            }
        }
        Ok(hypotheses)
    }
}

/// What of `augment` this stage cannot do, one text each.
fn unfit(augment: &Augment) -> Vec<String> {
    let moves = [
        ("join", augment.join.is_some()),
        ("speed", augment.speed.is_some()),
        ("silence", augment.silence.is_some()),
    ];
    let moved = moves.into_iter().filter(|(_, is_set)| *is_set);
    let mut problems: Vec<String> = moved
        .map(|(name, _)| {
            format!("`augment.{name}` moves the words, which this stage looks for at their times")
        })
        .collect();
    if augment.spec.is_some() {
        problems.push("`augment.spec` is `spec_augment` in this stage".to_owned());
    }
    problems
}

/// Seconds from a state to the next.
fn state_seconds(model: &ParakeetEncoderConfig, extractor: &FeatureExtractor) -> f64 {
    (model.subsampling_factor * extractor.hop()) as f64 / f64::from(SAMPLE_RATE)
}

/// The encoder in `start`, with the sizes and labels of `config`.
fn go_on_from(
    start: &Checkpoint,
    config: &ParakeetConfig,
    tokenizer: &TextTokenizer,
    device: &Device,
) -> anyhow::Result<Parakeet> {
    let labels = TextTokenizer::from_checkpoint(start)?;
    if labels.digest() == tokenizer.digest() {
        return Ok(config.load_weights(start, device)?);
    }
    let old = ParakeetConfig::ctc(config.encoder_config.clone(), labels.len());
    let encoder = old.load_weights(start, device)?;
    Ok(encoder.relabelled(config.clone(), &vocabulary::spellings(tokenizer, &labels)?))
}

/// Trains in `run`, and writes a Hugging Face folder to `out` when all steps are made.
///
/// # Errors
///
/// Invalid settings, data that cannot be read, and what [`training::run()`] tells. As
/// [`Stopped`](crate::stopped::Stopped), a result that cannot be written.
pub fn train(
    config: CtcConfig,
    run: &Path,
    out: &Path,
    device: &Device,
) -> anyhow::Result<Outcome<Parakeet>> {
    let mut problems = config.model.problems();
    problems.extend(config.train.problems());
    problems.extend(config.train_manifest.problems("train_manifest"));
    problems.extend(config.dev_manifest.problems("dev_manifest"));
    problems.extend(config.timing.iter().flat_map(Timing::problems));
    problems.extend(config.augment.problems());
    problems.extend(unfit(&config.augment));
    config::check("ctc", &problems)?;
    result::check(out, &config.train)?;
    let source = Checkpoint::open(&config.tokenizer)?;
    let tokenizer = TextTokenizer::from_checkpoint(&source)?;
    tokenizer.check_rows(tokenizer.len())?;
    let tokenizer_files = TokenizerFiles::read(&source)?;
    let start = config.start.as_deref().map(Checkpoint::open).transpose()?;
    let features = LogMelConfig { feature_size: config.model.num_mel_bins, ..LogMelConfig::default() };
    let extractor = FeatureExtractor::new(FeatureSettings::LogMel(features.clone()))?;

    let device = config.train.activations.tracked(device);
    device.seed(config.train.seed);
    let model_config = ParakeetConfig::ctc(config.model.clone(), tokenizer.len());
    let chain = config.augment.prepare()?;
    let load = |corpus: &Corpus, change: &speech::Change| {
        Speech::load(corpus, &tokenizer, &extractor, &config.model, change)
    };
    let changed =
        |row: usize, samples| chain.apply(samples, Moment { seed: config.train.seed, step: 0, row });
    let job = CtcJob {
        // The smaller one first, so that what is wrong with it is told soon.
        dev: load(&config.dev_manifest, &|_, samples| Ok(samples))?,
        train: load(&config.train_manifest, &changed)?,
        chain,
        blank: model_config.pad_token_id as u32,
        state_seconds: state_seconds(&config.model, &extractor),
        start_hash: start.as_ref().map(Checkpoint::content_hash).transpose()?,
        device: device.clone(),
        config,
        tokenizer,
    };
    let model = match &start {
        Some(start) => go_on_from(start, &model_config, &job.tokenizer, &device)?,
        None => model_config.init(&device),
    };
    let outcome = training::run(&job, model, &job.config.train, run, &device)?;
    if let Outcome::Finished { model, .. } = &outcome {
        result::write(run, out, |dir| {
            model.save(dir, job.config.storage)?;
            json::write(&dir.join(PREPROCESSOR_FILE), &features)?;
            tokenizer_files.write(dir)
        })?;
    }
    Ok(outcome)
}
