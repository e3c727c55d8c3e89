//! Why a language model could not be loaded.

use crate::checkpoint::json::JsonError;
use crate::checkpoint::tensors::WeightsError;

/// Why a language model's folder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LlmError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
