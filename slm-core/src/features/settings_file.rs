//! The content of a `preprocessor_config.json`, or of the part of a `processor_config.json` that says the same.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{ConfigProblem, FeatureError};
use crate::checkpoint::{
    Checkpoint, CheckpointError, PREPROCESSOR_FILE, PROCESSOR_FILE, absent, without_nulls,
};

/// Bytes of a settings file; real ones are below 1 KiB.
pub(super) const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The content of a settings file, and where it came from.
pub(super) struct SettingsFile {
    path: PathBuf,
    bytes: Vec<u8>,
    layout: Layout,
}

/// Where in a file the settings are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// They are all of it.
    Whole,
    /// They are a part of it, beside those of a tokenizer.
    Part,
}

/// A `processor_config.json`, which has the settings under one of two names, or none of them.
#[derive(Deserialize)]
struct Processor<T> {
    feature_extractor: Option<T>,
    audio_processor: Option<T>,
}

impl<T> Processor<T> {
    fn features(self) -> Option<T> {
        self.feature_extractor.or(self.audio_processor)
    }
}

impl SettingsFile {
    /// The settings in the processor's file come first, as in transformers; older ones have none of features.
    pub(super) fn read(checkpoint: &Checkpoint) -> Result<Self, FeatureError> {
        if checkpoint.has(PROCESSOR_FILE) {
            let file = Self::whole(checkpoint, PROCESSOR_FILE)?;
            if file.parse::<Processor<IgnoredAny>>()?.features().is_some() {
                return Ok(Self { layout: Layout::Part, ..file });
            }
        }
        Self::whole(checkpoint, PREPROCESSOR_FILE)
    }

    fn whole(checkpoint: &Checkpoint, name: &str) -> Result<Self, FeatureError> {
        let path = checkpoint.path_of(name);
        match checkpoint.read(name, MAX_CONFIG_BYTES) {
            Ok(bytes) => Ok(Self { path, bytes: without_nulls(bytes, &[]), layout: Layout::Whole }),
            Err(CheckpointError::Io { path, source }) => Err(FeatureError::Io { path, source }),
            Err(CheckpointError::TooLarge { path, limit, .. }) => Err(FeatureError::TooLarge { path, limit }),
            // There is no such file among those of the model.
            Err(_) => Err(FeatureError::Io { path, source: absent() }),
        }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, FeatureError> {
        let json = |source| FeatureError::Json { path: self.path.clone(), source };
        if self.layout == Layout::Part {
            let processor: Processor<T> = serde_json::from_slice(&self.bytes).map_err(json)?;
            if let Some(settings) = processor.features() {
                return Ok(settings);
            }
        }
        serde_json::from_slice(&self.bytes).map_err(json)
    }

    pub(super) fn invalid(&self, problems: Vec<ConfigProblem>) -> FeatureError {
        FeatureError::InvalidFile { path: self.path.clone(), problems }
    }
}
