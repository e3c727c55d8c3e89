//! The adapter's network: a projection, a few Transformer layers, a projection to the model's width.
//!
//! Paper: arXiv 2310.00230, section 3: "a few Transformer layers". The layers are those of the T5
//! encoder ([`Encoder`]), whose relative positions need no longest length. The output is as large as the
//! language model's own embeddings, so that speech is as loud as words: [`OutputSpace`] says how.
//! Shapes: `B` utterances, `T` reduced states, `E'` their width, `A` adapter width, `D` model width.

use std::path::Path;

use burn::module::Param;
use burn::nn::{Initializer, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::reduction::LengthReduction;
use super::soft_tokens::{SoftTokens, SoftTokensStart};
use crate::batch::PaddedBatch;
use crate::json::{self, JsonError};
use crate::llm::config::T5Config;
use crate::llm::stack::Encoder;
use crate::weights::{self, Placement, StorageType, WeightFiles, WeightsError};

/// The inner shape of an [`Adapter`]: what is chosen, rather than given by the two models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterShape {
    /// How the sequence is made shorter.
    pub reduction: LengthReduction,
    /// How the output gets into the language model's embedding space.
    #[serde(default)]
    pub output: OutputSpace,
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

/// How an adapter's output gets into the language model's embedding space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputSpace {
    /// A projection, normalised to the size of the language model's embeddings.
    #[default]
    Projected,
    /// [`SoftTokens`], and a projection added to them, which starts at zero.
    SoftTokens,
}

/// Shape of an [`Adapter`], `adapter/config.json` of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterConfig {
    /// Width `E` of the encoder's states.
    pub encoder_dim: usize,
    /// Width `D` of the language model.
    pub llm_dim: usize,
    /// Labels `V` of the encoder's CTC head, the blank included; used by [`OutputSpace::SoftTokens`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// The inner shape.
    #[serde(flatten)]
    pub shape: AdapterShape,
}

impl AdapterConfig {
    /// All fields that are out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let shape = &self.shape;
        let mut problems = shape.reduction.problems();
        for (name, value) in [
            ("encoder_dim", self.encoder_dim),
            ("llm_dim", self.llm_dim),
            ("hidden_size", shape.hidden_size),
            ("num_heads", shape.num_heads),
            ("intermediate_size", shape.intermediate_size),
        ] {
            if value == 0 {
                problems.push(format!("`{name}` is 0"));
            }
        }
        if shape.num_heads > 0 && !shape.hidden_size.is_multiple_of(shape.num_heads) {
            problems.push(format!(
                "`num_heads`: {} does not divide `hidden_size` {}",
                shape.num_heads, shape.hidden_size
            ));
        }
        if !(0.0..1.0).contains(&shape.dropout) {
            problems.push(format!("`dropout` {} is not in [0, 1)", shape.dropout));
        }
        if shape.output == OutputSpace::SoftTokens {
            if self.labels.is_none_or(|labels| labels == 0) {
                problems.push("`output` is `soft-tokens`, which needs the `labels` of a CTC head".to_owned());
            }
            if shape.reduction.output_width(self.encoder_dim) != self.encoder_dim {
                problems
                    .push("`output` is `soft-tokens`, which needs whole states, not stacked ones".to_owned());
            }
        }
        problems
    }

    /// Reads and checks `config.json` in `dir`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        json::read_checked(&dir.join("config.json"), Self::problems)
    }

    /// Builds the adapter with random weights on `device`.
    pub fn init(&self, device: &Device) -> Adapter {
        let shape = &self.shape;
        let layers = T5Config {
            d_model: shape.hidden_size,
            d_kv: shape.hidden_size / shape.num_heads,
            d_ff: shape.intermediate_size,
            num_layers: shape.num_layers,
            num_heads: shape.num_heads,
            dropout_rate: shape.dropout,
            feed_forward_proj: "gated-gelu".into(),
            ..T5Config::default()
        };
        let input = shape.reduction.output_width(self.encoder_dim);
        let output = LinearConfig::new(shape.hidden_size, self.llm_dim);
        let (output, norm, soft_tokens) = match shape.output {
            OutputSpace::Projected => {
                let norm = RmsNormConfig::new(self.llm_dim).with_epsilon(1e-6).init(device);
                (output.init(device), Some(norm), None)
            }
            OutputSpace::SoftTokens => {
                let labels = self.labels.unwrap_or(1);
                let soft_tokens = SoftTokens::init(self.encoder_dim, labels, self.llm_dim, device);
                (output.with_initializer(Initializer::Zeros).init(device), None, Some(soft_tokens))
            }
        };
        Adapter {
            input: LinearConfig::new(input, shape.hidden_size).init(device),
            layers: Encoder::init(&layers, device),
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
    layers: Encoder,
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
    /// Loads an adapter's folder; on a device with autodiff its tensors are trainable.
    ///
    /// # Errors
    ///
    /// [`AdapterError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, device: &Device) -> Result<Self, AdapterError> {
        let config = AdapterConfig::from_dir(dir)?;
        let (model, files) = (config.init(device), WeightFiles::open(dir)?);
        Ok(weights::load(model, &files, &Placement::new(device), str::to_owned, |_| false)?)
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
