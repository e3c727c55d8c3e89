//! Stage `adapter`: the mission's training. Encoder and language model are frozen; the adapter between
//! them learns the tasks of a pool, by the [`Losses`] of the target text alone: an
//! encoder-decoder reads the prompt and writes the target, a decoder-only model goes on from the prompt with it.
//!
//! Where the settings ask for it, thin matrices beside those of the language model (LoRA) are learnt too; its own stay.
//!
//! Paper: arXiv 2310.00230, section 3. Gradients flow through the frozen language model's activations
//! into the adapter. The frozen parts live on the plain device and are constants for autodiff; the
//! encoder's outputs are computed once and kept on disk, or anew for every step where the sound is changed.

mod data;
mod examples;
mod fresh;
mod frozen;
mod guess;
mod init;
mod input;
mod job;
mod kept;
mod losses;
mod pieces;
mod prompts;
mod samples;
mod start;
mod teacher;
mod trained;
mod transcripts;
mod tried;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde::{Deserialize, Serialize};
use slm_core::models::adapter::AdapterShape;
use slm_core::models::checkpoint::{PromptSettings, TaskDecoding};
use slm_core::models::llm::LoraShape;
use slm_core::models::nn::weights::{ComputeType, Placement, StorageType};

pub use crate::data::pool::Order;
pub use crate::output::bundle::PartsPlace;
pub use data::{Batch, Data};
pub use frozen::Frozen;
pub use input::StepInput;
pub use job::AdapterJob;
pub use losses::Losses;
pub use trained::Trained;

use super::result;
use crate::config;
use crate::data::augment::Augment;
use crate::data::mixture::Corpus;
use crate::data::pool::TaskPool;
use crate::output::bundle::{self, BundleContent};
use crate::training::{self, LoopConfig, Outcome};

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
    /// The type of the large matrices of both, as of `--dtype` of `slm-cli`. What is trained has 32 bits.
    #[serde(default)]
    pub dtype: ComputeType,
    /// Utterances to learn from.
    pub train_manifest: Corpus,
    /// Utterances to judge by.
    pub dev_manifest: Corpus,
    /// Folder for the encoder's outputs.
    pub cache: PathBuf,
    /// Whether the encoder's outputs for the training data are kept, which changes of its sound do not allow.
    #[serde(default)]
    pub encode: Encode,
    /// Changes of the training data's sound, others in every step.
    #[serde(default)]
    pub augment: Option<Augment>,
    /// The adapter's shape; its outer widths follow the two models. Absent, all of it follows them.
    #[serde(default)]
    pub model: Option<AdapterShape>,
    /// A bundle whose adapter the training starts from, with what was trained beside the language model, where there is such.
    #[serde(default)]
    pub start: Option<PathBuf>,
    /// Thin matrices that are trained beside those of the frozen language model; absent, it is used as it is.
    #[serde(default)]
    pub lora: Option<LoraShape>,
    /// The type in which the bundle stores the adapter.
    #[serde(default = "StorageType::full")]
    pub storage: StorageType,
    /// Whether the bundle holds the frozen parts or points to them.
    #[serde(default)]
    pub parts: PartsPlace,
    /// Where the speech stands.
    pub order: Order,
    /// How a decoder-only language model's prompts are written, as far as its folder does not say it.
    #[serde(default)]
    pub prompt: PromptSettings,
    /// How the bundle decodes tasks, by their keys, where it is to be otherwise than the language model's folder says.
    #[serde(default)]
    pub decoding: BTreeMap<String, TaskDecoding>,
    /// The file of tasks: what is learnt, see [`TaskPool`].
    pub tasks: PathBuf,
    /// By what it is learnt.
    #[serde(default)]
    pub losses: Losses,
    /// Whether what the language model says of transcripts, which distillation learns from, is kept.
    #[serde(default)]
    pub distil: Encode,
    /// Speech rows, instruction and target tokens of a batch together, padding included.
    pub batch_tokens: usize,
    /// The loop.
    pub train: LoopConfig,
}

/// How often a frozen model is put to the same training data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// Once; what it gives is kept in the folder `cache`.
    #[default]
    Once,
    /// In every step.
    EachStep,
}

/// Trains in `run`, and writes the bundle `out` when all steps are made.
///
/// # Errors
///
/// Invalid settings, parts or data that cannot be read, and what [`training::run()`] tells. As
/// [`Stopped`](crate::stopped::Stopped), a bundle that cannot be written.
pub fn train(
    config: AdapterStage,
    run: &Path,
    out: &Path,
    device: &Device,
) -> anyhow::Result<Outcome<Trained>> {
    config::check("adapter", &config.problems())?;
    result::check(out, &config.train)?;
    let placement = Placement::new(device).with_compute(config.dtype);
    let parts = Frozen::load(&config.encoder, &config.llm, placement)?;
    let (encoder_params, purpose) = (parts.encoder.num_params(), config.train.purpose);
    if config.lora.is_none()
        && let Some(task) = TaskPool::read(&config.tasks, config.order)?.text_task()
    {
        anyhow::bail!("task `{}` reads text, of which a frozen language model learns nothing", task.name);
    }
    let job = match AdapterJob::new(config, parts) {
        Ok(job) => job,
        Err(error) => return super::stopped_early(error, purpose),
    };
    let config = &job.config;
    let tracked = config.train.activations.tracked(device);
    tracked.seed(config.train.seed);
    let adapter = job.init(&tracked)?;
    let outcome = training::run(&job, adapter, &config.train, run, &tracked)?;
    if let Outcome::Finished { model, state } = &outcome {
        let content = BundleContent {
            name: &config.name,
            encoder: &job.encoder_files,
            llm: &job.llm_files,
            place: config.parts,
            adapter: &model.adapter,
            storage: config.storage,
            lora: model.lora.as_ref(),
            templates: &job.templates,
            prompt: job.prompt_settings(),
            decoding: &config.decoding,
            longest_seconds: job.train.longest,
            training: serde_json::json!({
                "tasks": job.task_names(),
                "utterances": job.train.utterances(),
                "steps": state.step,
                "settings": config.train,
                "metrics": state.metrics,
                "parameters": {
                    "encoder": encoder_params,
                    "llm": job.llm.num_params(),
                    "adapter": model.adapter.num_params(),
                    "lora": model.lora.as_ref().map_or(0, Module::num_params),
                },
            }),
        };
        result::write(run, out, |dir| bundle::write(dir, &content))?;
    }
    Ok(outcome)
}

impl AdapterStage {
    /// All fields that are out of range, one text each; empty when sound.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.train.problems();
        problems.extend(self.train_manifest.problems("train_manifest"));
        problems.extend(self.dev_manifest.problems("dev_manifest"));
        if self.name.is_empty() {
            problems.push("`name` is empty".to_owned());
        }
        if let Some(augment) = &self.augment {
            problems.extend(augment.problems());
            if self.encode == Encode::Once {
                problems.push("`augment` needs `encode = \"each-step\"` (`--cache off`)".to_owned());
            }
            if augment.join.is_some() && (self.losses.has_distillation() || self.losses.has_ctc()) {
                problems.push(
                    "`augment.join` goes with neither `losses.distillation` nor `losses.ctc`: its transcripts are not \
                     known before"
                        .to_owned(),
                );
            }
        }
        problems.extend(self.losses.problems());
        for (task, decoding) in &self.decoding {
            problems.extend(decoding.problems().into_iter().map(|text| format!("`decoding.{task}`: {text}")));
        }
        problems.extend(self.lora.iter().flat_map(LoraShape::problems));
        problems
    }
}

#[cfg(test)]
mod tests;
