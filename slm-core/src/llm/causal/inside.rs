//! A language model inside the folder of a larger model, whose config is a part of that one's.
//!
//! Reference: transformers 5.23.0, `GraniteSpeechForConditionalGeneration`.

use burn::module::Module;
use serde::Deserialize;

use super::config::CausalConfig;
use super::model::CausalLm;
use super::raw::{NULLS, RawCausalConfig};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::llm::error::LlmError;
use crate::llm::lora;
use crate::llm::names::{EMBEDDING, HEAD, Names};
use crate::llm::output_head::OutputHead;
use crate::nn::weights::{self, Placement};

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
        // Where there is neither, what is missing has the published names.
        let names = match Names::of(|prefix| files.names().any(|name| name.starts_with(prefix))) {
            Names::Alone => Names::Published,
            names => names,
        };
        let head_name = names.name(HEAD);
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, &head_name, &names.name(EMBEDDING), true)?
        } else {
            // One that is missing is told.
            OutputHead::Own
        };
        let model = config.build(head, placement.device());
        let is_ignored = |name: &str| is_other(name) || name == head_name || lora::is_part(name);
        let name = |path: &str| lora::base_name(&files, names.name(path));
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }
}
