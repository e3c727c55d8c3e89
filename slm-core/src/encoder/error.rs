//! Why an encoder could not be loaded or saved.

use std::path::PathBuf;

use crate::checkpoint::json::JsonError;
use crate::checkpoint::nemo::NemoError;
use crate::checkpoint::tensors::{Cause, WeightsError};

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
    /// The files of the encoder that it stands on.
    #[error("cannot load config `{}`: 1 invalid field: {source}", path.display())]
    Base {
        /// The `config.json` of the one that stands on it.
        path: PathBuf,
        /// What is wrong with them.
        source: Cause,
    },
}
