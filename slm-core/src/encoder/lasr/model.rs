//! The encoder and its CTC head.
//!
//! Reference: transformers 5.23.0, `modeling_lasr.py`, `LasrEncoder` and `LasrForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` mel bins, `E` width, `V` labels.

use std::path::Path;

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::config::{LasrConfig, LasrEncoderConfig};
use super::subsampling::Subsampling;
use crate::batch::PaddedBatch;
use crate::encoder::EncoderError;
use crate::encoder::block::{self, ConformerBlock};
use crate::json::{self, JsonError};
use crate::weights::{self, Placement, WeightFiles};

/// The encoder and, when the folder has one, its CTC head.
#[derive(Module, Debug)]
pub struct Lasr {
    subsampler: Subsampling,
    layers: Vec<ConformerBlock>,
    out_norm: LayerNorm,
    ctc_head: Option<Conv1d>,
    #[module(skip)]
    config: LasrConfig,
}

impl LasrConfig {
    /// Reads `config.json` of a folder of type `lasr_ctc` or `lasr_encoder`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        let path = dir.join("config.json");
        let raw: serde_json::Value = json::read(&path)?;
        let content = |source| JsonError::Content { path: path.clone(), source };
        let config: Self = if raw.get("encoder_config").is_some() {
            serde_json::from_value(raw).map_err(content)?
        } else {
            let encoder_config: LasrEncoderConfig = serde_json::from_value(raw).map_err(content)?;
            Self { vocab_size: 0, pad_token_id: 0, encoder_config }
        };
        json::checked(config, &path, Self::problems)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Lasr {
        let encoder = &self.encoder_config;
        let block = encoder.block();
        Lasr {
            subsampler: Subsampling::init(encoder, device),
            layers: (0..encoder.num_hidden_layers).map(|_| ConformerBlock::init(&block, device)).collect(),
            out_norm: LayerNormConfig::new(encoder.hidden_size)
                .with_epsilon(encoder.layer_norm_eps)
                .with_bias(false)
                .init(device),
            ctc_head: (self.vocab_size > 0)
                .then(|| Conv1dConfig::new(encoder.hidden_size, self.vocab_size, 1).init(device)),
            config: self.clone(),
        }
    }
}

impl Lasr {
    /// Loads config and weights of a Hugging Face folder; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = LasrConfig::from_dir(dir)?;
        let prefix = if config.vocab_size > 0 { "encoder." } else { "" };
        let name = |path: &str| {
            if path.starts_with("ctc_head.") { path.to_owned() } else { format!("{prefix}{path}") }
        };
        let is_ignored = |name: &str| name.ends_with(".num_batches_tracked");
        let model = config.init(placement.device());
        Ok(weights::load(model, &WeightFiles::open(dir)?, &placement, name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &LasrConfig {
        &self.config
    }

    /// Log-mel frames `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        let frames = self.subsampler.forward(features);
        let frames = block::through(&self.layers, &self.config.encoder_config.block(), frames);
        frames.with_values(self.out_norm.forward(frames.values()))
    }

    /// The CTC head, a convolution of kernel 1; `None` without one.
    pub fn ctc_head(&self) -> Option<&Conv1d> {
        self.ctc_head.as_ref()
    }
}
