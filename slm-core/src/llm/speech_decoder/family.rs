//! The families of these decoders: which `model_type` is whose.

use super::config::SpeechDecoderConfig;
use super::names::{Renamed, rename};
use super::{canary, cohere};
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WeightFiles};
use crate::llm::generation_ids::GenerationIds;
use crate::llm::token_ids::TokenIds;

/// The path of the head's matrix.
pub(super) const HEAD: &str = "head.weight";
/// The path of the embedding.
pub(super) const EMBEDDING: &str = "stack.embed_tokens.weight";
/// What all names but those of the head may begin with.
const PREFIXES: [&str; 2] = ["model.", ""];

/// Decoders of the same config and the same names in their files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// The `model_type` of its checkpoints.
    pub(super) model_type: &'static str,
    /// Reads the config.
    pub(super) config: fn(&Checkpoint) -> Result<SpeechDecoderConfig, JsonError>,
    /// The names of its tensors.
    pub(super) renamed: Renamed,
}

/// All families, a line each.
static FAMILIES: [Family; 2] = [
    Family { model_type: canary::MODEL_TYPE, config: canary::config, renamed: canary::RENAMED },
    Family { model_type: cohere::MODEL_TYPE, config: cohere::config, renamed: cohere::RENAMED },
];

/// The family whose checkpoints have this `model_type`.
pub(super) fn named(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.model_type == model_type)
}

/// The family of a checkpoint.
pub(super) fn of(checkpoint: &Checkpoint) -> Result<&'static Family, JsonError> {
    let found = checkpoint.model_type()?;
    let found = found.as_deref().unwrap_or("absent");
    named(found).ok_or_else(|| {
        let known: Vec<String> = FAMILIES.iter().map(|family| format!("`{}`", family.model_type)).collect();
        let problem = format!("`model_type` is `{found}`, decoders are those of {}", known.join(", "));
        JsonError::Invalid { path: checkpoint.path_of(CONFIG_FILE), problems: vec![problem] }
    })
}

impl Family {
    /// What stands before the names in these files; `None` where they have no decoder.
    pub(super) fn prefix(&self, files: &WeightFiles) -> Option<&'static str> {
        PREFIXES.into_iter().find(|prefix| files.contains(&self.name(EMBEDDING, prefix)))
    }

    /// The name in a file of the tensor at `path`.
    pub(super) fn name(&self, path: &str, prefix: &str) -> String {
        let name = rename(path, self.renamed);
        // The head is no part of what the prefix names.
        if path.starts_with("head") { name } else { format!("{prefix}{name}") }
    }
}

impl SpeechDecoderConfig {
    /// Reads `config.json` of a checkpoint of one of the families, and the ids of its `generation_config.json`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if a file cannot be read, its fields are invalid, or it is of another family.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let config = (of(checkpoint)?.config)(checkpoint)?;
        let mut config = json::checked(config, &checkpoint.path_of(CONFIG_FILE), Self::problems)?;
        // What a text begins with is said by its prompt.
        let mut ids = TokenIds { pad: config.pad, eos: config.pad, decoder_start: config.pad };
        GenerationIds::from_checkpoint(checkpoint, config.vocab_size)?.overrule(&mut ids, &mut config.ends);
        config.pad = ids.pad;
        Ok(config)
    }
}
