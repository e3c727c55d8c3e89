//! A language model inside the folder of a larger model, whose config is a part of that one's.
//!
//! Reference: transformers 5.23.0, `GraniteSpeechForConditionalGeneration`; of what has another name in files that came from
//! its modules in memory, `GraniteSpeechModel`.

use burn::module::Module;
use serde::Deserialize;

use super::config::CausalConfig;
use super::model::{CausalLm, EMBEDDING, HEAD};
use super::raw::{NULLS, RawCausalConfig};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WeightFiles};
use crate::llm::error::LlmError;
use crate::llm::lora::{Lora, LoraError};
use crate::llm::output_head::OutputHead;
use crate::nn::weights::{self, Placement};

/// What published files put before the names of the language model's tensors.
const PREFIX: &str = "language_model.";

/// What the config of the larger model says.
#[derive(Deserialize)]
struct Whole {
    text_config: RawCausalConfig,
    /// This counts, and not what the part says.
    tie_word_embeddings: Option<bool>,
}

impl CausalConfig {
    /// Reads and checks what `config.json` of a larger model says of its language model, under `text_config`, and the ids
    /// of `generation_config.json`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_inside(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let whole: Whole = checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?;
        let is_tied = whole.tie_word_embeddings.unwrap_or(true);
        whole.text_config.with_tied_head(is_tied).checked(checkpoint)
    }
}

/// How the files name the tensors.
#[derive(Clone, Copy)]
enum Names {
    /// The whole language model behind a prefix.
    Published,
    /// Without its head, which lies beside it.
    InMemory,
}

impl Names {
    fn of(files: &WeightFiles) -> Self {
        let in_memory = Self::InMemory.name(EMBEDDING);
        if files.contains(&in_memory) { Self::InMemory } else { Self::Published }
    }

    /// The name in the file of the tensor at `path`.
    fn name(self, path: &str) -> String {
        match (self, path.strip_prefix("model.")) {
            (Self::InMemory, Some(rest)) => format!("model.{PREFIX}{rest}"),
            (Self::InMemory, None) => path.to_owned(),
            (Self::Published, _) => format!("{PREFIX}{path}"),
        }
    }
}

impl CausalLm {
    /// Loads config and weights out of the folder of a larger model; the weights are constants for autodiff. `is_other`
    /// tells which tensors are those of its other parts.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load_inside(
        checkpoint: &Checkpoint,
        placement: impl Into<Placement>,
        is_other: impl Fn(&str) -> bool,
    ) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = CausalConfig::from_inside(checkpoint)?;
        let files = checkpoint.weights()?;
        let names = Names::of(&files);
        let head_name = names.name(HEAD);
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, &head_name, &names.name(EMBEDDING), true)?
        } else {
            // One that is missing is told.
            OutputHead::Own
        };
        let model = config.build(head, placement.device());
        let is_ignored = |name: &str| is_other(name) || name == head_name;
        Ok(weights::load(model, &files, &placement, |path| names.name(path), is_ignored)?.freeze())
    }

    /// The same with the matrices of an adapter added to its own, where the adapter was made for the larger model, or for
    /// the language model in it. What the adapter leaves alone is not there twice.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora_inside(&self, adapter: &Lora) -> Result<Self, LoraError> {
        let is_of_whole = adapter.paths().any(|path| path.starts_with(PREFIX));
        Ok(adapter.merge(self.clone(), if is_of_whole { PREFIX } else { "" })?.freeze())
    }
}
