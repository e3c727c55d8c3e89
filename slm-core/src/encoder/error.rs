//! Why an encoder could not be loaded or saved.

use crate::checkpoint::json::JsonError;
use crate::checkpoint::nemo::NemoError;
use crate::checkpoint::tensors::WeightsError;

/// Why an encoder could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// A `.nemo` archive.
    #[error(transparent)]
    Nemo(#[from] NemoError),
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
