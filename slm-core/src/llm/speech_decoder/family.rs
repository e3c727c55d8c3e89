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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::GENERATION_FILE;

    fn read(config: &str, generation: Option<&str>) -> Result<SpeechDecoderConfig, JsonError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(CONFIG_FILE), config).unwrap();
        if let Some(generation) = generation {
            std::fs::write(dir.path().join(GENERATION_FILE), generation).unwrap();
        }
        SpeechDecoderConfig::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let canary = read(r#"{"model_type": "canary"}"#, None).unwrap();
        assert_eq!((canary.width, canary.source_width, canary.layers, canary.head_dim), (1024, 1024, 8, 128));
        assert!(canary.tie_word_embeddings && !canary.has_projection);
        let narrow = r#"{"model_type": "cohere_asr", "hidden_size": 96, "num_attention_heads": 3}"#;
        let cohere = read(narrow, Some(r#"{"eos_token_id": [5, 6], "pad_token_id": 7}"#)).unwrap();
        assert_eq!((cohere.width, cohere.source_width, cohere.head_dim), (96, 1280, 32));
        assert_eq!((cohere.ends.as_slice(), cohere.pad), (&[5, 6][..], 7));
        assert!(!cohere.tie_word_embeddings && cohere.has_projection);
    }

    #[test]
    fn other_families_are_named() {
        let error = read(r#"{"model_type": "whisper"}"#, None).unwrap_err().to_string();
        assert!(error.contains("`model_type` is `whisper`, decoders are those of `canary`, `cohere_asr`"));
    }
}
