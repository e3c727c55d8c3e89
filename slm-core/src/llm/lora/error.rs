//! Why an adapter cannot be used.

use std::path::PathBuf;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::tensors::WeightsError;

/// At most this many problems are spelled out in a message.
const MAX_LISTED: usize = 8;

/// Why an adapter cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoraError {
    /// `adapter_config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// `adapter_model.safetensors`.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The adapter is not sound, or was made for another model.
    #[error("adapter `{}`{} does not fit: {}", path.display(), made_for(base.as_ref()), summary(problems))]
    Misfit {
        /// The file of its tensors.
        path: PathBuf,
        /// The model that it was made for, by its own word.
        base: Option<String>,
        /// What does not fit.
        problems: Vec<LoraProblem>,
    },
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoraProblem {
    /// A matrix has another rank than the config says.
    #[error("`{name}` has rank {found}, `{field}` is {expected}")]
    Rank {
        /// The tensor.
        name: String,
        /// The field of the config that says the rank: `r` or `rank_pattern`.
        field: &'static str,
        /// As the config says.
        expected: usize,
        /// As the tensor is.
        found: usize,
    },
    /// A matrix does not fit its linear map: the adapter was made for another model.
    #[error("`{name}` is {found:?}, the model needs {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// What the model needs.
        expected: Vec<usize>,
        /// What the tensor is.
        found: Vec<usize>,
    },
    /// The config names maps that the model does not have.
    #[error("`target_modules` has `{0}`, the model has no linear map of this name")]
    Target(String),
    /// A matrix is for a linear map that the model does not have.
    #[error("`{0}` is for a linear map that the model does not have")]
    Place(String),
    /// The adapter was made beside another matrix than the model has: for another model.
    #[error("`{0}` has other values than the model")]
    Base(String),
    /// One of the two matrices of a map is missing.
    #[error("`{0}` is missing")]
    Half(String),
    /// A map that the config names has no matrices: the adapter was made for a smaller model.
    #[error("there are no matrices for `{0}`")]
    Missing(String),
    /// A tensor is none of these matrices, or is no float.
    #[error("`{0}` is no matrix of a LoRA")]
    Unread(String),
}

fn made_for(base: Option<&String>) -> String {
    base.map(|base| format!(" (made for `{base}`)")).unwrap_or_default()
}

fn summary(problems: &[LoraProblem]) -> String {
    let listed: Vec<String> = problems.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = problems.len().saturating_sub(MAX_LISTED);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    listed.join(", ") + &rest
}
