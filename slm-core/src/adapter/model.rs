//! The adapter's network: a projection, a few Transformer layers, a projection to the model's width.
//!
//! Paper: arXiv 2310.00230, section 3: "a few Transformer layers". The layers are those of the T5
//! encoder ([`Encoder`]), whose relative positions need no longest length. The output is normalised to
//! the size of the language model's own embeddings, so that speech is as loud as words.
//! Shapes: `B` utterances, `T` reduced states, `E'` their width, `A` adapter width, `D` model width.

use std::path::Path;

use burn::module::Param;
use burn::nn::{Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::reduction::LengthReduction;
use crate::batch::PaddedBatch;
use crate::json::{self, JsonError};
use crate::llm::config::T5Config;
use crate::llm::stack::Encoder;
use crate::weights::{self, StorageType, WeightsError};

/// Shape of an [`Adapter`], `adapter/config.json` of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
    /// Width `E` of the encoder's states.
    pub encoder_dim: usize,
    /// Width `D` of the language model.
    pub llm_dim: usize,
    /// How the sequence is made shorter.
    pub reduction: LengthReduction,
    /// Width `A` of the layers.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_layers: usize,
    /// Attention heads of each.
    pub num_heads: usize,
    /// Inner width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Dropout in training.
    pub dropout: f64,
}

impl AdapterConfig {
    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.reduction.problems();
        for (name, value) in [
            ("encoder_dim", self.encoder_dim),
            ("llm_dim", self.llm_dim),
            ("hidden_size", self.hidden_size),
            ("num_heads", self.num_heads),
            ("intermediate_size", self.intermediate_size),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        if self.num_heads > 0 && !self.hidden_size.is_multiple_of(self.num_heads) {
            problems.push(format!(
                "`num_heads`: {} does not divide `hidden_size` {}",
                self.num_heads, self.hidden_size
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            problems.push(format!("`dropout` {} is not in [0, 1)", self.dropout));
        }
        problems
    }

    /// Reads and checks `config.json` in `dir`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join("config.json");
        let config: Self = json::read(&path)?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(JsonError::Invalid { path, problems }) }
    }

    /// Builds the adapter with random weights on `device`.
    pub fn init(&self, device: &Device) -> Adapter {
        let layers = T5Config {
            d_model: self.hidden_size,
            d_kv: self.hidden_size / self.num_heads,
            d_ff: self.intermediate_size,
            num_layers: self.num_layers,
            num_heads: self.num_heads,
            dropout_rate: self.dropout,
            feed_forward_proj: "gated-gelu".into(),
            ..T5Config::default()
        };
        let input = self.reduction.output_width(self.encoder_dim);
        Adapter {
            input: LinearConfig::new(input, self.hidden_size).init(device),
            layers: Encoder::init(&layers, device),
            output: LinearConfig::new(self.hidden_size, self.llm_dim).init(device),
            norm: RmsNormConfig::new(self.llm_dim).with_epsilon(1e-6).init(device),
            config: self.clone(),
        }
    }
}

/// Maps reduced encoder states into the embedding space of the language model.
#[derive(Module, Debug)]
pub struct Adapter {
    input: Linear,
    layers: Encoder,
    output: Linear,
    norm: RmsNorm,
    #[module(skip)]
    config: AdapterConfig,
}

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

impl Adapter {
    /// Loads an adapter's folder; on a device with autodiff its tensors are trainable.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, device: &Device) -> Result<Self, AdapterError> {
        let config = AdapterConfig::from_dir(dir)?;
        Ok(weights::load(config.init(device), &dir.join(weights::FILE_NAME), str::to_owned, |_| false)?)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), AdapterError> {
        json::write(&dir.join("config.json"), &self.config)?;
        Ok(weights::save(self, &dir.join(weights::FILE_NAME), str::to_owned, storage)?)
    }

    /// Its shape.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// Starts from outputs of the size `rms` in every channel: that of the language model's embeddings.
    #[must_use]
    pub fn with_output_rms(mut self, rms: f32) -> Self {
        let device = self.norm.gamma.lazy_device();
        self.norm.gamma = Param::from_tensor(Tensor::full([self.config.llm_dim], rms, &device));
        self
    }

    /// Reduced states `[B, T, E']` to embeddings `[B, T, D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        let hidden = speech.with_values(self.input.forward(speech.values()));
        let hidden = self.layers.forward(&hidden);
        speech.with_values(self.norm.forward(self.output.forward(hidden.values())))
    }
}
