//! Stage `adapter`: the mission's training. Encoder and language model are frozen; the adapter between
//! them learns from speech recognition and speech translation, cross-entropy on the target text alone.
//!
//! Paper: arXiv 2310.00230, section 3. Gradients flow through the frozen language model's activations
//! into the adapter. The frozen parts live on the plain device and are constants for autodiff; the
//! encoder's outputs are computed once and kept on disk.

mod data;
mod frozen;
mod job;

use std::path::{Path, PathBuf};

use burn::prelude::*;
use serde::{Deserialize, Serialize};
use slm_core::adapter::{Adapter, AdapterShape};

pub use frozen::Frozen;
pub use job::AdapterJob;

use super::{config, pairing};
use crate::data::domain::tasks::{Language, Task};
use crate::data::manifest::Utterance;
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
    /// Learning from what the frozen language model says to the true transcript, beside the text itself.
    #[serde(default)]
    pub distillation: Option<Distillation>,
    /// Speech rows, instruction and target tokens of a batch together, padding included.
    pub batch_tokens: usize,
    /// The loop.
    pub train: LoopConfig,
}

/// Distillation from the frozen language model, which reads the transcript where the adapter's rows would stand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// The part of the loss that is the divergence of the two answers a token, 0 to 1; the rest is the cross-entropy
    /// of the text.
    pub share: f64,
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
    let mut problems = config.train.problems();
    problems.extend(
        config
            .distillation
            .filter(|distillation| !(0.0..=1.0).contains(&distillation.share))
            .map(|distillation| format!("`distillation.share` is {}, must be 0 to 1", distillation.share)),
    );
    config::check("adapter", &problems)?;
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
