//! The adapter's network: a projection, a few Transformer layers, a projection to the model's width.
//!
//! Paper: arXiv 2310.00230, section 3: "a few Transformer layers". The layers are those of the T5
//! encoder ([`TransformerEncoder`]), whose relative positions need no longest length. The output is as large as the
//! language model's own embeddings, so that speech is as loud as words: [`OutputSpace`] says how.
//! Shapes: `B` utterances, `T` reduced states, `E'` their width, `A` adapter width, `D` model width.

use std::path::Path;

use burn::module::Param;
use burn::nn::{Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;

use super::config::{AdapterConfig, OutputSpace};
use super::soft_tokens::{SoftTokens, SoftTokensConfig, SoftTokensStart};
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::tensors::WeightsError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WEIGHTS_FILE};
use crate::nn::transformer::{BiasSharing, FeedForwardKind, TransformerConfig, TransformerEncoder};
use crate::nn::weights::{self, Placement, StorageType};
use crate::nn::{ActivationKind, PaddedBatch};

/// Buckets of relative distance.
const NUM_BUCKETS: usize = 32;
/// The distance from which on all share the last bucket.
const MAX_DISTANCE: usize = 128;
/// What the norms add to a mean square.
const NORM_EPSILON: f64 = 1e-6;

impl AdapterConfig {
    /// Builds the adapter with random weights on `device`.
    pub fn init(&self, device: &Device) -> Adapter {
        let shape = &self.shape;
        let layers = TransformerConfig {
            width: shape.hidden_size,
            head_dim: shape.hidden_size / shape.num_heads,
            inner_width: shape.intermediate_size,
            num_layers: shape.num_layers,
            num_heads: shape.num_heads,
            num_buckets: NUM_BUCKETS,
            max_distance: MAX_DISTANCE,
            norm_epsilon: NORM_EPSILON,
            dropout: shape.dropout,
            feed_forward: FeedForwardKind::Gated(ActivationKind::GeluTanh),
            bias_sharing: BiasSharing::FirstBlock,
        };
        let input = shape.reduction.output_width(self.encoder_dim);
        let output = LinearConfig::new(shape.hidden_size, self.llm_dim);
        let (output, norm, soft_tokens) = match shape.output {
            OutputSpace::Projected => {
                let norm = RmsNormConfig::new(self.llm_dim).with_epsilon(NORM_EPSILON).init(device);
                (output.init(device), Some(norm), None)
            }
            OutputSpace::SoftTokens => {
                let labels = self.labels.unwrap_or(1);
                let soft_tokens =
                    SoftTokensConfig { encoder_dim: self.encoder_dim, labels, llm_dim: self.llm_dim };
                (
                    output.with_initializer(Initializer::Zeros).init(device),
                    None,
                    Some(soft_tokens.init(device)),
                )
            }
        };
        Adapter {
            input: LinearConfig::new(input, shape.hidden_size).init(device),
            layers: layers.init(device),
            output,
            norm,
            soft_tokens,
            config: self.clone(),
        }
    }
}

/// Maps reduced encoder states into the embedding space of the language model.
#[derive(Module, Debug)]
pub struct Adapter {
    input: Linear,
    layers: TransformerEncoder,
    output: Linear,
    norm: Option<RmsNorm>,
    soft_tokens: Option<SoftTokens>,
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
    /// Loads an adapter's checkpoint; on a device with autodiff its tensors are trainable.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, AdapterError> {
        let placement = placement.into();
        let config = AdapterConfig::from_checkpoint(checkpoint)?;
        let (model, files) = (config.init(placement.device()), checkpoint.weights()?);
        Ok(weights::load(model, &files, &placement, str::to_owned, |_| false)?)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), AdapterError> {
        json::write(&dir.join(CONFIG_FILE), &self.config)?;
        Ok(weights::save(self, &dir.join(WEIGHTS_FILE), str::to_owned, storage)?)
    }

    /// Its shape.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// Starts from outputs of the size `rms` in every channel: that of the language model's embeddings.
    #[must_use]
    pub fn with_output_rms(mut self, rms: f32) -> Self {
        if let Some(norm) = &mut self.norm {
            let device = norm.gamma.lazy_device();
            norm.gamma = Param::from_tensor(Tensor::full([self.config.llm_dim], rms, &device));
        }
        self
    }

    /// Starts from the CTC head's labels and their embeddings, where the adapter has [`SoftTokens`].
    #[must_use]
    pub fn with_soft_tokens(mut self, start: SoftTokensStart) -> Self {
        self.soft_tokens = self.soft_tokens.map(|soft_tokens| soft_tokens.start_from(start));
        self
    }

    /// Reduced states `[B, T, E']` to embeddings `[B, T, D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        let hidden = speech.with_values(self.input.forward(speech.values()));
        let hidden = self.layers.forward(&hidden);
        let mut output = self.output.forward(hidden.values());
        if let Some(norm) = &self.norm {
            output = norm.forward(output);
        }
        if let Some(soft_tokens) = &self.soft_tokens {
            output = output + soft_tokens.forward(speech.values());
        }
        speech.with_values(output)
    }
}
