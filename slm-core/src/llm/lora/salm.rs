//! An adapter that was saved inside the model that it is for, by NeMo's SALM: its config is a part of that one's.

use serde::Deserialize;

use super::adapter::Lora;
use super::config::LoraConfig;
use super::error::LoraError;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};

/// What stands before the names of the language model's tensors.
pub(in crate::llm) const PREFIX: &str = "llm.";
/// The same where PEFT is around the language model.
pub(in crate::llm) const WRAPPED: &str = "llm.base_model.model.";

#[derive(Deserialize)]
struct Section {
    lora: Option<LoraConfig>,
}

impl Lora {
    /// Reads the adapter in the folder of a SALM; `None` where its config speaks of none.
    ///
    /// # Errors
    ///
    /// As [`Lora::load`].
    pub fn load_of_salm(checkpoint: &Checkpoint) -> Result<Option<Self>, LoraError> {
        let section: Section = checkpoint.json(CONFIG_FILE)?;
        let Some(config) = section.lora else { return Ok(None) };
        let problems: Vec<String> =
            config.problems().iter().map(|problem| format!("`lora`: {problem}")).collect();
        if !problems.is_empty() {
            return Err(JsonError::Invalid { path: checkpoint.path_of(CONFIG_FILE), problems }.into());
        }
        Self::read(config, &checkpoint.weights()?, peft_name).map(Some)
    }
}

/// The name in a file of PEFT of an adapter's tensor.
fn peft_name(name: &str) -> Option<String> {
    name.strip_prefix(PREFIX).filter(|name| name.contains(".lora_")).map(str::to_owned)
}
