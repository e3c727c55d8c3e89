//! The adapter of another bundle, which a training goes on from.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::adapter::{Adapter, AdapterConfig, AdapterShape};
use slm_core::models::checkpoint::{ADAPTER_CONFIG_FILE, Bundle, Checkpoint};
use slm_core::models::llm::TrainableLora;

use super::Frozen;
use crate::digest::digest;
use crate::steps::note;

/// The adapter of another stage's bundle, with the thin matrices that were trained beside it.
pub(super) struct Start {
    pub(super) dir: PathBuf,
    files: Checkpoint,
    config: AdapterConfig,
    hash: String,
}

impl Start {
    /// Opens the bundle `dir` for a training between `parts`.
    ///
    /// # Errors
    ///
    /// A bundle that cannot be read.
    pub(super) fn open(dir: &Path, parts: &Frozen) -> anyhow::Result<Self> {
        let bundle = Bundle::open(dir)?;
        let pairs = [
            ("encoder", bundle.encoder()?, &parts.encoder_files),
            ("language model", bundle.llm()?, &parts.llm_files),
        ];
        for (part, found, expected) in pairs {
            if found.content_hash()? != expected.content_hash()? {
                note(&format!("warning: the adapter of `{}` was trained for another {part}", dir.display()));
            }
        }
        let files = bundle.adapter()?;
        Ok(Self {
            dir: dir.to_owned(),
            config: AdapterConfig::from_checkpoint(&files)?,
            files,
            hash: digest(&bundle.manifest().parts.adapter.files),
        })
    }

    /// The adapter's shape.
    pub(super) fn shape(&self) -> &AdapterShape {
        &self.config.shape
    }

    /// A hash of its files.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// The adapter on `device`, which must be one of this config.
    pub(super) fn adapter(&self, config: &AdapterConfig, device: &Device) -> anyhow::Result<Adapter> {
        anyhow::ensure!(
            self.config == *config,
            "the adapter of `{}` is {}, the stage asks for {}",
            self.dir.display(),
            serde_json::to_string(&self.config)?,
            serde_json::to_string(config)?
        );
        Ok(Adapter::load(&self.files, device)?)
    }

    /// The thin matrices on `device` in the place of `fresh` ones, where the bundle has some.
    pub(super) fn lora(&self, fresh: TrainableLora, device: &Device) -> anyhow::Result<TrainableLora> {
        if self.has_lora() { Ok(fresh.load(&self.files, device)?) } else { Ok(fresh) }
    }

    /// Whether something was trained beside the language model.
    pub(super) fn has_lora(&self) -> bool {
        self.files.has(ADAPTER_CONFIG_FILE)
    }
}
