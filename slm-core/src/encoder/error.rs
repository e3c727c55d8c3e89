//! Why an encoder could not be loaded.

use crate::json::JsonError;
use crate::nemo::NemoError;
use crate::weights::WeightsError;

/// Why an encoder folder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// `model.safetensors`.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
