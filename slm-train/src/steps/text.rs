//! Stage `text`: a small T5 learns text tasks by instruction: repeat, translate, answer, pull out a field,
//! continue, reply, spell.
//!
//! Examples are drawn anew for every epoch from the domain's generator; sentences of the held-out set are
//! never drawn. The words, the instruction and the end token are tokenised apart, as they are when speech
//! takes the place of the words.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::prelude::*;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use slm_core::models::checkpoint::{Checkpoint, GENERATION_FILE, json};
use slm_core::models::decode::{self, DEFAULT_MAX_NEW_TOKENS, settings};
use slm_core::models::llm::t5::{OutputHead, T5Config};
use slm_core::models::llm::{LanguageModel, T5};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedIds, cross_entropy_sum, keep_mask};
use slm_core::models::text::TextTokenizer;

use super::loss::shift_right;
use super::result;
use super::sampling::sampling;
use crate::config;
use crate::data::buckets;
use crate::data::domain::hearing::{mishear, mishear_pieces};
use crate::data::domain::tasks::{Task, TaskPair, chat_pairs, copy_drill, pairs};
use crate::data::domain::{Item, NamePool, is_held_out, sample};
use crate::digest::digest;
use crate::output::tokenizer::TokenizerFiles;
use crate::random::rng_for;
use crate::training::{self, Draw, Job, LoopConfig, Metrics, Outcome, Sample};

/// The stream of random numbers that training examples draw from.
const EXAMPLE_STREAM: u64 = 0x7465_7874;
/// The stream that held-out examples draw from.
const HELD_OUT_STREAM: u64 = 0x6865_6c64;

/// The most exchanges that a dialog has before a sentence.
const MAX_EARLIER: usize = 2;

/// Settings of the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// Folder with a tokenizer: `tokenizer.json`, or a SentencePiece model.
    pub tokenizer: PathBuf,
    /// Folder of a model of these sizes to go on from, in place of random weights.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Sizes of the model, by the names of a T5 `config.json`; `vocab_size` follows the tokenizer.
    pub model: T5Config,
    /// Examples.
    pub data: TextData,
    /// Beams that the result is to be decoded with, for its `generation_config.json`.
    #[serde(default = "greedy")]
    pub num_beams: usize,
    /// Exponent of the length in a beam's score, for the same file.
    #[serde(default = "mean")]
    pub length_penalty: f64,
    /// No sequence of this many tokens occurs twice in an answer, which ends loops; for the same file. 0 for none.
    #[serde(default)]
    pub no_repeat_ngram_size: usize,
    /// The type in which the result is stored.
    #[serde(default = "StorageType::full")]
    pub storage: StorageType,
    /// The loop.
    pub train: LoopConfig,
}

/// One beam.
fn greedy() -> usize {
    1
}

/// The score is the mean log-probability.
fn mean() -> f64 {
    1.0
}

/// Which examples an epoch has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextData {
    /// Sentences drawn for an epoch; each gives about nine examples.
    pub items: usize,
    /// Examples that only copy random words, as a share of the others.
    pub copy_share: f64,
    /// Examples whose input is damaged as a listener might mishear it, as a share of all but spelling and
    /// copying: half of them in their spelling ([`mishear`]), half in their pieces ([`mishear_pieces`]).
    /// What T5 learns from spans that are left out: to guess from context.
    #[serde(default)]
    pub misheard_share: f64,
    /// Sentences with invented names, as a share of all, so that the model copies names that it never saw.
    #[serde(default)]
    pub invented_share: f64,
    /// Sentences that a dialog comes before, as a share of all, so that the model replies with a history in its
    /// instruction, and from it.
    #[serde(default)]
    pub chat_share: f64,
    /// Source and target positions of a batch together, padding included.
    pub batch_tokens: usize,
    /// Held-out sentences for the evaluation.
    pub held_out_items: usize,
}

/// Token ids of an example.
#[derive(Debug, Clone)]
struct Example {
    source: Vec<u32>,
    target: Vec<u32>,
}

struct TextJob {
    tokenizer: TextTokenizer,
    config: TextConfig,
    epoch: RefCell<Option<(u64, Vec<Example>)>>,
    held_out: Vec<Example>,
    /// Hash of the model that it starts from.
    start_hash: Option<String>,
}

impl TextJob {
    fn example(&self, pair: &TaskPair) -> anyhow::Result<Example> {
        self.example_of(self.tokenizer.encode(&pair.input)?, pair)
    }

    fn misheard_example<R: Rng>(&self, pair: &TaskPair, rng: &mut R) -> anyhow::Result<Example> {
        let input = if rng.random_bool(0.5) {
            self.tokenizer.encode(&mishear(&pair.input, rng))?
        } else {
            // The first ids are padding, end and unknown.
            let ids = self.config.model.eos_token_id + 2..self.tokenizer.len() as u32;
            mishear_pieces(&self.tokenizer.encode(&pair.input)?, ids, rng)
        };
        self.example_of(input, pair)
    }

    fn example_of(&self, input: Vec<u32>, pair: &TaskPair) -> anyhow::Result<Example> {
        let eos = self.config.model.eos_token_id;
        let mut source = input;
        source.extend(self.tokenizer.encode(&pair.instruction)?);
        source.push(eos);
        let mut target = self.tokenizer.encode(&pair.target)?;
        target.push(eos);
        Ok(Example { source, target })
    }

    fn draw<R: Rng>(&self, count: usize, held_out: bool, rng: &mut R) -> Vec<Example> {
        let mut examples = Vec::new();
        let mut items = 0;
        let mut earlier: Vec<Item> = Vec::new();
        while items < count {
            let invented = !held_out && rng.random_bool(self.config.data.invented_share);
            let item = sample(rng, if invented { NamePool::Invented } else { NamePool::Train });
            if is_held_out(&item.text) != held_out {
                continue;
            }
            items += 1;
            let mut all = pairs(&item, rng);
            if self.config.data.chat_share > 0.0 && rng.random_bool(self.config.data.chat_share) {
                let turns = rng.random_range(1..=MAX_EARLIER).min(earlier.len());
                if turns > 0 {
                    all.extend(chat_pairs(&item, &earlier[earlier.len() - turns..], rng));
                }
            }
            earlier.push(item);
            if earlier.len() > MAX_EARLIER {
                earlier.remove(0);
            }
            for pair in all {
                let may_mishear = !held_out && pair.task != Task::Spell;
                let example = if may_mishear && rng.random_bool(self.config.data.misheard_share) {
                    self.misheard_example(&pair, rng)
                } else {
                    self.example(&pair)
                };
                examples.extend(example.ok());
            }
        }
        if !held_out {
            let copies = (examples.len() as f64 * self.config.data.copy_share) as usize;
            examples.extend((0..copies).filter_map(|_| self.example(&copy_drill(rng)).ok()));
        }
        examples
    }

    /// Runs `f` on the examples of `epoch`, drawing them when they are not the last ones used.
    fn with_epoch<T>(&self, epoch: u64, f: impl FnOnce(&[Example]) -> T) -> T {
        let mut cache = self.epoch.borrow_mut();
        if cache.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let mut rng = rng_for(self.config.train.seed, EXAMPLE_STREAM, epoch);
            *cache = Some((epoch, self.draw(self.config.data.items, false, &mut rng)));
        }
        f(cache.as_ref().map_or(&[], |(_, examples)| examples.as_slice()))
    }

    fn loss_of(&self, model: &T5, batch: &[&Example]) -> (Tensor<1>, Tensor<1>, usize) {
        let device = model.device();
        let pad = self.config.model.pad_token_id;
        let sources: Vec<&[u32]> = batch.iter().map(|example| example.source.as_slice()).collect();
        let targets: Vec<Vec<u32>> = batch.iter().map(|example| example.target.clone()).collect();
        let count = targets.iter().map(Vec::len).sum();
        let inputs = shift_right(&targets, self.config.model.decoder_start_token_id);

        let memory = model.encode(&model.embed(&PaddedIds::from_rows(&sources, pad, &device)));
        let logits = model.decode(&memory, PaddedIds::from_rows(&inputs, pad, &device).ids);
        let targets = PaddedIds::from_rows(&targets, pad, &device);
        let hits = hits(logits.clone(), &targets);
        (cross_entropy_sum(logits, &targets, 0.0), hits, count)
    }
}

/// How many real positions have the target as the best token.
fn hits(logits: Tensor<3>, targets: &PaddedIds) -> Tensor<1> {
    let [batch, length, _] = logits.dims();
    let logits = logits.detach();
    let keep = keep_mask(&targets.lengths, length, &logits.device());
    let best = logits.argmax(2).reshape([batch, length]);
    (best.equal(targets.ids.clone()).float() * keep).sum()
}

impl Job for TextJob {
    type Model = T5;
    type Source = ();

    fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        self.with_epoch(epoch, |examples| {
            let lengths: Vec<usize> =
                examples.iter().map(|example| example.source.len() + example.target.len()).collect();
            buckets::batches(&lengths, self.config.data.batch_tokens, self.config.train.seed, epoch)
        })
    }

    fn source(&self) -> &() {
        &()
    }

    fn weight(&self, batch: &Draw) -> f64 {
        self.with_epoch(batch.epoch, |examples| {
            batch.items.iter().map(|&i| examples[i].target.len()).sum::<usize>() as f64
        })
    }

    fn loss(&self, model: &T5, batch: &Draw, _: &mut ChaCha8Rng) -> anyhow::Result<Tensor<1>> {
        Ok(self.with_epoch(batch.epoch, |examples| {
            let batch: Vec<&Example> = batch.items.iter().map(|&i| &examples[i]).collect();
            self.loss_of(model, &batch).0
        }))
    }

    fn evaluate(&self, model: &T5) -> anyhow::Result<Metrics> {
        let (mut loss, mut right, mut tokens) = (0.0, 0.0, 0);
        for batch in self.held_out.chunks(64) {
            let batch: Vec<&Example> = batch.iter().collect();
            let (sum, hits, count) = self.loss_of(model, &batch);
            loss += f64::from(sum.try_into_scalar::<f32>().context("cannot read the loss")?);
            right += f64::from(hits.try_into_scalar::<f32>().context("cannot read the hits")?);
            tokens += count;
        }
        let tokens = tokens.max(1) as f64;
        Ok(Metrics::from([("loss".into(), loss / tokens), ("token_accuracy".into(), right / tokens)]))
    }

    fn samples(&self, model: &T5, count: usize) -> anyhow::Result<Vec<Sample>> {
        let device = model.device();
        let model = LanguageModel::T5(model.clone());
        let examples = &self.held_out[..count.min(self.held_out.len())];
        let sources: Vec<&[u32]> = examples.iter().map(|example| example.source.as_slice()).collect();
        let pad = self.config.model.pad_token_id;
        let ids = PaddedIds::from_rows(&sources, pad, &device);
        let answers =
            decode::generate(&model, &model.encode(&model.embed(&ids)), &sampling(&self.tokenizer))?;
        let text = |ids: &[u32]| self.tokenizer.decode(ids);
        let rows = examples.iter().zip(answers);
        rows.map(|(Example { source, target }, answer)| {
            Ok(Sample { example: text(source)?, reference: text(target)?, text: text(&answer.ids)? })
        })
        .collect()
    }

    fn frozen_parameters(&self) -> usize {
        0
    }

    fn fingerprint(&self) -> String {
        digest(&(
            &self.config.model,
            &self.config.data,
            &self.config.train.identity(),
            self.tokenizer.digest(),
            &self.start_hash,
        ))
    }
}

/// Trains in `run`, and writes a Hugging Face folder to `out` when all steps are made.
///
/// # Errors
///
/// Invalid settings, a tokenizer that cannot be loaded or taken along, and what [`training::run()`] tells. As
/// [`Stopped`](crate::stopped::Stopped), a result that cannot be written.
pub fn train(mut config: TextConfig, run: &Path, out: &Path, device: &Device) -> anyhow::Result<Outcome<T5>> {
    let source = Checkpoint::open(&config.tokenizer)?;
    let tokenizer = TextTokenizer::from_checkpoint(&source)?;
    let tokenizer_files = TokenizerFiles::read(&source)?;
    config.model.vocab_size = tokenizer.len();
    tokenizer.check_rows(config.model.vocab_size)?;
    let mut problems = config.model.problems();
    problems.extend(config.train.problems());
    let shares = [
        ("misheard_share", config.data.misheard_share),
        ("invented_share", config.data.invented_share),
        ("chat_share", config.data.chat_share),
    ];
    if !(1..=settings::MAX_BEAMS).contains(&config.num_beams) {
        problems.push(format!("`num_beams` {} is not in 1 to {}", config.num_beams, settings::MAX_BEAMS));
    }
    if !config.length_penalty.is_finite() {
        problems.push(format!("`length_penalty` {} is not finite", config.length_penalty));
    }
    for (name, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            problems.push(format!("`{name}` {share} is not in [0, 1]"));
        }
    }
    config::check("text", &problems)?;
    result::check(out, &config.train)?;
    let start = config.start.as_deref().map(Checkpoint::open).transpose()?;

    let device = config.train.activations.tracked(device);
    device.seed(config.train.seed);
    let model = match &start {
        Some(start) => config.model.load_weights(start, &device)?,
        None => config.model.init(OutputHead::Tied, &device),
    };
    let start_hash = start.as_ref().map(Checkpoint::content_hash).transpose()?;
    let mut job = TextJob { tokenizer, config, epoch: RefCell::new(None), held_out: Vec::new(), start_hash };
    let mut rng = rng_for(job.config.train.seed, HELD_OUT_STREAM, 0);
    job.held_out = job.draw(job.config.data.held_out_items, true, &mut rng);

    let outcome = training::run(&job, model, &job.config.train, run, &device)?;
    if let Outcome::Finished { model, .. } = &outcome {
        result::write(run, out, |dir| {
            model.save(dir, job.config.storage)?;
            tokenizer_files.write(dir)?;
            json::write(&dir.join(GENERATION_FILE), &generation_config(&job.config))?;
            Ok(())
        })?;
    }
    Ok(outcome)
}

/// How the result is to be decoded, as `generation_config.json` has it.
fn generation_config(config: &TextConfig) -> serde_json::Value {
    let model = &config.model;
    serde_json::json!({
        "pad_token_id": model.pad_token_id,
        "eos_token_id": model.eos_token_id,
        "decoder_start_token_id": model.decoder_start_token_id,
        "max_new_tokens": DEFAULT_MAX_NEW_TOKENS,
        "num_beams": config.num_beams,
        "length_penalty": config.length_penalty,
        "no_repeat_ngram_size": config.no_repeat_ngram_size,
    })
}
