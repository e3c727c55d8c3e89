//! The encoder and its CTC head.
//!
//! Reference: transformers 5.23.0, `modeling_lasr.py`, `LasrEncoder` and `LasrForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` mel bins, `E` width, `V` labels.

use std::collections::BTreeSet;

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::config::{LASR_CTC, LASR_ENCODER, LasrConfig, LasrEncoderConfig};
use super::subsampling::Subsampling;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::conformer::block::{self, ConformerBlock};
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::model::EncoderSizes;
use crate::encoder::model::{EncoderModel, unfinished};
use crate::encoder::side_by_side::SideBySide;
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, Watch};

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &[LASR_CTC, LASR_ENCODER];

/// The encoder and, when the folder has one, its CTC head.
#[derive(Module, Debug)]
pub struct Lasr {
    subsampler: Subsampling,
    layers: Vec<ConformerBlock>,
    out_norm: LayerNorm,
    ctc_head: Option<Conv1d>,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: LasrConfig,
}

impl LasrConfig {
    /// Reads `config.json` of a checkpoint of type `lasr_ctc` or `lasr_encoder`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let raw: serde_json::Value = checkpoint.json(CONFIG_FILE)?;
        let path = checkpoint.path_of(CONFIG_FILE);
        let content = |source| JsonError::Content { path: path.clone(), source };
        let is_bare = raw.get("model_type").and_then(serde_json::Value::as_str) == Some(LASR_ENCODER);
        let config: Self = if is_bare {
            let encoder_config: LasrEncoderConfig = serde_json::from_value(raw).map_err(content)?;
            Self { vocab_size: 0, pad_token_id: 0, encoder_config }
        } else {
            serde_json::from_value(raw).map_err(content)?
        };
        json::checked(config, &path, Self::problems)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Lasr {
        let encoder = &self.encoder_config;
        Lasr {
            subsampler: encoder.subsampling().init(device),
            layers: (0..encoder.num_hidden_layers).map(|_| encoder.block().init(device)).collect(),
            out_norm: LayerNormConfig::new(encoder.hidden_size)
                .with_epsilon(encoder.layer_norm_eps)
                .with_bias(false)
                .init(device),
            ctc_head: (self.vocab_size > 0)
                .then(|| Conv1dConfig::new(encoder.hidden_size, self.vocab_size, 1).init(device)),
            side_layers: BTreeSet::new(),
            config: self.clone(),
        }
    }
}

impl Lasr {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = LasrConfig::from_checkpoint(checkpoint)?;
        let prefix = if config.vocab_size > 0 { "encoder." } else { "" };
        let name = |path: &str| {
            if path.starts_with("ctc_head.") { path.to_owned() } else { format!("{prefix}{path}") }
        };
        let is_ignored = |name: &str| name.ends_with(".num_batches_tracked");
        let model = config.init(placement.device());
        Ok(weights::load(model, &checkpoint.weights()?, &placement, name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &LasrConfig {
        &self.config
    }
}

impl EncoderModel for Lasr {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let encoder = &self.config.encoder_config;
        let Some(frames) = self.subsampler.forward(features, watch) else {
            return unfinished(features, encoder.hidden_size);
        };
        let mut side = SideBySide::new(&self.side_layers);
        let frames = block::through(&self.layers, encoder.block().span, frames, watch, &mut side);
        side.with(frames.with_values(self.out_norm.forward(frames.values())))
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        self.ctc_head.as_ref().map(head::of_convolution)
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }

    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        Some(&mut self.side_layers)
    }
}
