//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face.
//!
//! Paper: FastConformer, arXiv 2305.05084. Reference: transformers 5.23.0, `modeling_parakeet.py`,
//! `ParakeetEncoder` and `ParakeetForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` mel bins, `E` width, `V` labels.

use std::path::Path;

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::attention::relative_positions;
use super::block::ConformerBlock;
use super::config::{ParakeetConfig, ParakeetEncoderConfig};
use super::subsampling::Subsampling;
use crate::batch::PaddedBatch;
use crate::json::{self, JsonError};
use crate::weights::{self, StorageType, WeightsError};

/// The encoder and, when the folder has one, its CTC head.
#[derive(Module, Debug)]
pub struct Parakeet {
    subsampling: Subsampling,
    layers: Vec<ConformerBlock>,
    ctc_head: Option<Conv1d>,
    #[module(skip)]
    config: ParakeetConfig,
}

impl ParakeetConfig {
    /// Reads `config.json` of a folder of type `parakeet_ctc` or `parakeet_encoder`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join("config.json");
        let raw: serde_json::Value = json::read(&path)?;
        let content = |source| JsonError::Content { path: path.clone(), source };
        let config = match raw.get("model_type").and_then(serde_json::Value::as_str) {
            Some("parakeet_ctc") => serde_json::from_value(raw).map_err(content)?,
            Some("parakeet_encoder") => {
                Self::bare(serde_json::from_value::<ParakeetEncoderConfig>(raw).map_err(content)?)
            }
            other => {
                let found = other.unwrap_or("absent");
                let problem =
                    format!("`model_type` is `{found}`, expected `parakeet_ctc` or `parakeet_encoder`");
                return Err(JsonError::Invalid { path, problems: vec![problem] });
            }
        };
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(JsonError::Invalid { path, problems }) }
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Parakeet {
        let encoder = &self.encoder_config;
        Parakeet {
            subsampling: Subsampling::init(encoder, device),
            layers: (0..encoder.num_hidden_layers).map(|_| ConformerBlock::init(encoder, device)).collect(),
            ctc_head: self
                .has_ctc_head()
                .then(|| Conv1dConfig::new(encoder.hidden_size, self.vocab_size, 1).init(device)),
            config: self.clone(),
        }
    }
}

/// Why an encoder folder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] JsonError),
    /// `model.safetensors`.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl Parakeet {
    /// Loads config and weights of a Hugging Face folder; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, device: &Device) -> Result<Self, EncoderError> {
        let config = ParakeetConfig::from_dir(dir)?;
        let model = config.init(device);
        let prefix = if config.has_ctc_head() { "encoder." } else { "" };
        let loaded =
            weights::load(model, &dir.join(weights::FILE_NAME), |path| hf_name(prefix, path), is_ignored)?;
        Ok(loaded.freeze())
    }

    /// Writes `config.json` and `model.safetensors`, so that transformers loads the folder.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), EncoderError> {
        json::write(&dir.join("config.json"), &self.config)?;
        let prefix = if self.config.has_ctc_head() { "encoder." } else { "" };
        weights::save(self, &dir.join(weights::FILE_NAME), |path| hf_name(prefix, path), storage)?;
        Ok(())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &ParakeetConfig {
        &self.config
    }

    /// Log-mel frames `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        let mut frames = self.subsampling.forward(features);
        let [_, time, width] = frames.dims();
        if self.config.encoder_config.scale_input {
            frames = frames.with_values(frames.values() * (width as f64).sqrt());
        }
        let positions = relative_positions(time, width, &frames.values().device());
        let mask = frames.attention_bias();
        self.layers.iter().fold(frames, |frames, layer| layer.forward(&frames, &positions, &mask))
    }

    /// Scores of the CTC head, `[B, T', E]` to `[B, T', V]`; `None` without a head.
    pub fn ctc_logits(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        let head = self.ctc_head.as_ref()?;
        // [B, T', E] -> [B, E, T'] -> [B, V, T'] -> [B, T', V]
        Some(head.forward(states.values().swap_dims(1, 2)).swap_dims(1, 2))
    }

    /// Log-probabilities of the CTC labels, `[B, T', V]`; `None` without a head.
    pub fn ctc_log_probs(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        self.ctc_logits(states).map(|logits| log_softmax(logits, 2))
    }
}

/// The name in the file of the tensor at `path` in [`Parakeet`].
fn hf_name(prefix: &str, path: &str) -> String {
    if path.starts_with("ctc_head.") {
        return path.to_owned();
    }
    // `layers` of the file's subsampling count the activations too: 0, (1), 2, 3, (4), 5, 6, (7)
    if let Some(rest) = path.strip_prefix("subsampling.conv_in.") {
        return format!("{prefix}subsampling.layers.0.{rest}");
    }
    if let Some(rest) = path.strip_prefix("subsampling.stages.")
        && let Some((stage, rest)) = rest.split_once('.')
        && let Ok(stage) = stage.parse::<usize>()
        && let Some((part, rest)) = rest.split_once('.')
    {
        let layer = 2 + 3 * stage + usize::from(part == "pointwise");
        return format!("{prefix}subsampling.layers.{layer}.{rest}");
    }
    format!("{prefix}{path}")
}

/// Tensors of a file that the forward pass does not use.
fn is_ignored(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}
