//! The families of language models: which `model_type` is whose.

use super::causal::{self, CausalConfig, CausalLm};
use super::error::LlmError;
use super::gemma::{self, GemmaConfig, GemmaText, GemmaTextConfig, T5Gemma};
use super::language_model::LanguageModel;
use super::model::LlmSizes;
use super::t5::{self, T5, T5Config};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::nn::weights::Placement;

/// Language models of the same parts and the same names in their files.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The `model_type`s of its checkpoints.
    pub model_types: &'static [&'static str],
    /// Loads config and weights; the weights are constants for autodiff.
    pub load: fn(&Checkpoint, &Placement) -> Result<LanguageModel, LlmError>,
    /// Reads the config alone.
    pub sizes: fn(&Checkpoint) -> Result<Box<dyn LlmSizes>, LlmError>,
}

/// All families, a line each.
pub static FAMILIES: [Family; 4] = [
    Family {
        model_types: t5::MODEL_TYPES,
        load: |checkpoint, placement| Ok(LanguageModel::T5(T5::load(checkpoint, placement)?)),
        sizes: |checkpoint| Ok(Box::new(T5Config::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: gemma::MODEL_TYPES,
        load: |checkpoint, placement| Ok(LanguageModel::T5Gemma(T5Gemma::load(checkpoint, placement)?)),
        sizes: |checkpoint| Ok(Box::new(GemmaConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: gemma::TEXT_MODEL_TYPES,
        load: |checkpoint, placement| Ok(LanguageModel::GemmaText(GemmaText::load(checkpoint, placement)?)),
        sizes: |checkpoint| Ok(Box::new(GemmaTextConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: causal::MODEL_TYPES,
        load: |checkpoint, placement| Ok(LanguageModel::Causal(CausalLm::load(checkpoint, placement)?)),
        sizes: |checkpoint| Ok(Box::new(CausalConfig::from_checkpoint(checkpoint)?)),
    },
];

/// The family of a config without a `model_type`: T5's, as it always was.
const UNNAMED: &str = "t5";

impl LanguageModel {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, the unknown family, or the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        (of(checkpoint)?.load)(checkpoint, &placement.into())
    }
}

/// The family whose checkpoints have this `model_type`.
pub fn family_of(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.model_types.contains(&model_type))
}

/// The `model_type`s that the `config.json` of a language model may have.
pub fn model_types() -> Vec<&'static str> {
    FAMILIES.iter().flat_map(|family| family.model_types).copied().collect()
}

/// What the config of a checkpoint says of its language model; the weights are not read.
///
/// # Errors
///
/// [`LlmError`] naming the file and the unknown family or the invalid fields.
pub fn sizes(checkpoint: &Checkpoint) -> Result<Box<dyn LlmSizes>, LlmError> {
    (of(checkpoint)?.sizes)(checkpoint)
}

/// The family of a checkpoint.
fn of(checkpoint: &Checkpoint) -> Result<&'static Family, LlmError> {
    let found = checkpoint.model_type()?;
    let found = found.as_deref().unwrap_or(UNNAMED);
    family_of(found).ok_or_else(|| {
        let known: Vec<String> = model_types().into_iter().map(|name| format!("`{name}`")).collect();
        let problem = format!("`model_type` is `{found}`, language models are {}", known.join(", "));
        JsonError::Invalid { path: checkpoint.path_of(CONFIG_FILE), problems: vec![problem] }.into()
    })
}
