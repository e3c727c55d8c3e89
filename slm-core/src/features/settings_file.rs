//! The content of a `preprocessor_config.json`.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::{ConfigProblem, FeatureError};
use crate::checkpoint::{Checkpoint, CheckpointError, PREPROCESSOR_FILE, absent};

/// Bytes of a settings file; real ones are below 1 KiB.
pub(super) const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The content of a settings file, and where it came from.
pub(super) struct SettingsFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl SettingsFile {
    pub(super) fn read(checkpoint: &Checkpoint) -> Result<Self, FeatureError> {
        let path = checkpoint.path_of(PREPROCESSOR_FILE);
        match checkpoint.read(PREPROCESSOR_FILE, MAX_CONFIG_BYTES) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(CheckpointError::Io { path, source }) => Err(FeatureError::Io { path, source }),
            Err(CheckpointError::TooLarge { path, limit, .. }) => Err(FeatureError::TooLarge { path, limit }),
            // There is no such file among those of the model.
            Err(_) => Err(FeatureError::Io { path, source: absent() }),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, FeatureError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|source| FeatureError::Json { path: self.path.clone(), source })
    }

    pub(super) fn invalid(&self, problems: Vec<ConfigProblem>) -> FeatureError {
        FeatureError::InvalidFile { path: self.path.clone(), problems }
    }
}
