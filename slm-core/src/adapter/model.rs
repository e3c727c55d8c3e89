//! The adapter: any of the [kinds](AdapterKind), behind the sum of the encoder's layers where there is one.
//!
//! Shapes: `B` utterances, `T` reduced states, `E'` their width, `T'` embeddings of `D`, the model width.

use std::path::Path;

use burn::nn::RmsNorm;
use burn::prelude::*;

use super::config::{AdapterConfig, AdapterKind};
use super::convolution::ConvolutionAdapter;
use super::error::AdapterError;
use super::layer_sum::LayerSum;
use super::loudness::set_loudness;
use super::queries::QueriesAdapter;
use super::soft_tokens::{SoftTokensConfig, SoftTokensStart};
use super::stacked::StackedAdapter;
use super::transformer::TransformerAdapter;
use crate::checkpoint::json;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WEIGHTS_FILE};
use crate::nn::PaddedBatch;
use crate::nn::weights::{self, Placement, StorageType};

/// What the paths of a kind's tensors begin with; files have no such prefix.
const NETWORK: &str = "network.";

impl AdapterConfig {
    /// Builds the adapter with random weights on `device`.
    pub fn init(&self, device: &Device) -> Adapter {
        let (layers, output) = (self.layers(), self.llm_dim);
        // What the network reads: the layers are summed before it.
        let input = self.input_width() / layers;
        let network = match &self.shape.kind {
            AdapterKind::Transformer(shape) => {
                let models = SoftTokensConfig {
                    encoder_dim: self.encoder_dim,
                    labels: self.labels.unwrap_or(1),
                    llm_dim: self.llm_dim,
                };
                Network::Transformer(shape.init(models, input, device))
            }
            AdapterKind::Stacked(shape) => Network::Stacked(shape.init(input, output, device)),
            AdapterKind::Convolution(shape) => Network::Convolution(shape.init(input, output, device)),
            AdapterKind::WindowQformer(shape) => Network::Queries(shape.init(input, output, device)),
        };
        let layer_sum = (layers > 1).then(|| LayerSum::new(layers, device));
        Adapter { layer_sum, network, config: self.clone() }
    }
}

/// Maps reduced encoder states into the embedding space of the language model.
#[derive(Module, Debug)]
pub struct Adapter {
    layer_sum: Option<LayerSum>,
    network: Network,
    #[module(skip)]
    config: AdapterConfig,
}

/// The network of a kind.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a program, tensors are handles")]
enum Network {
    Transformer(TransformerAdapter),
    Stacked(StackedAdapter),
    Convolution(ConvolutionAdapter),
    Queries(QueriesAdapter),
}

impl Network {
    fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        match self {
            Self::Transformer(network) => network.forward(speech),
            Self::Stacked(network) => network.forward(speech),
            Self::Convolution(network) => network.forward(speech),
            Self::Queries(network) => network.forward(speech),
        }
    }

    /// The norm at its end, where it has one.
    fn norm(&mut self) -> Option<&mut RmsNorm> {
        match self {
            Self::Transformer(network) => network.norm.as_mut(),
            Self::Stacked(network) => Some(&mut network.norm),
            Self::Convolution(network) => Some(&mut network.norm),
            Self::Queries(network) => Some(&mut network.norm),
        }
    }
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
        Ok(weights::load(model, &files, &placement, file_name, |_| false)?)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), AdapterError> {
        json::write(&dir.join(CONFIG_FILE), &self.config)?;
        Ok(weights::save(self, &dir.join(WEIGHTS_FILE), file_name, storage)?)
    }

    /// Its shape.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// Starts from outputs of the size `rms` in every channel: that of the language model's embeddings.
    #[must_use]
    pub fn with_output_rms(mut self, rms: f32) -> Self {
        if let Some(norm) = self.network.norm() {
            set_loudness(norm, rms);
        }
        self
    }

    /// Starts from the CTC head's labels and their embeddings, where the adapter has
    /// [`SoftTokens`](super::SoftTokens).
    #[must_use]
    pub fn with_soft_tokens(mut self, start: SoftTokensStart) -> Self {
        self.network = match self.network {
            Network::Transformer(network) => Network::Transformer(network.with_soft_tokens(start)),
            other => other,
        };
        self
    }

    /// Reduced states `[B, T, E']` to embeddings `[B, T', D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        match &self.layer_sum {
            Some(sum) => self.network.forward(&sum.forward(speech, self.config.encoder_dim)),
            None => self.network.forward(speech),
        }
    }
}

/// The name in a file of the tensor at `path`.
fn file_name(path: &str) -> String {
    path.strip_prefix(NETWORK).unwrap_or(path).to_owned()
}
