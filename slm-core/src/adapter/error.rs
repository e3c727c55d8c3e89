//! Why an adapter cannot be used.

use crate::checkpoint::json::JsonError;
use crate::checkpoint::tensors::WeightsError;

/// Why an adapter could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// `model.safetensors`.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
