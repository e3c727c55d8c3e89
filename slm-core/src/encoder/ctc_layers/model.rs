//! The frozen encoder and the layers on top of it, as one encoder.
//!
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `H`, `V` labels.

use std::sync::Arc;

use burn::prelude::*;

use super::config::{CTC_LAYERS, CtcLayersConfig};
use super::layers::CtcLayers;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{BASE_FOLDER, CONFIG_FILE, Checkpoint};
use crate::encoder::error::EncoderError;
use crate::encoder::family;
use crate::encoder::model::{EncoderModel, EncoderSizes, output_values, peak_bytes};
use crate::encoder::speech_encoder::SpeechEncoder;
use crate::nn::weights::Placement;
use crate::nn::{PaddedBatch, Watch};

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &[CTC_LAYERS];

/// The frozen encoder and the layers on top of it.
#[derive(Module, Debug)]
pub struct WithCtcLayers {
    /// One: a list, so that the type is of a known size.
    base: Vec<SpeechEncoder>,
    layers: CtcLayers,
    #[module(skip)]
    sizes: Arc<LayersSizes>,
}

/// What the configs of both say.
#[derive(Debug)]
pub struct LayersSizes {
    base: Box<dyn EncoderSizes>,
    layers: CtcLayersConfig,
}

impl WithCtcLayers {
    /// Loads both; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let sizes = sizes(checkpoint)?;
        let base = SpeechEncoder::load(&base_of(checkpoint)?, placement.clone())?;
        let layers = sizes.layers.load_weights(checkpoint, base.output_width(), placement)?.freeze();
        Ok(Self { base: vec![base], layers, sizes: Arc::new(sizes) })
    }
}

/// The labels, the blank included.
pub(in crate::encoder) fn labels(checkpoint: &Checkpoint) -> Result<usize, EncoderError> {
    Ok(CtcLayersConfig::from_checkpoint(checkpoint)?.vocab_size)
}

/// Reads both configs.
pub(in crate::encoder) fn sizes(checkpoint: &Checkpoint) -> Result<LayersSizes, EncoderError> {
    let layers = CtcLayersConfig::from_checkpoint(checkpoint)?;
    Ok(LayersSizes { base: family::sizes(&base_of(checkpoint)?)?, layers })
}

/// The frozen encoder's files.
fn base_of(checkpoint: &Checkpoint) -> Result<Checkpoint, EncoderError> {
    let invalid = |problem: String| JsonError::Invalid {
        path: checkpoint.path_of(CONFIG_FILE),
        problems: vec![problem],
    };
    let missing =
        || format!("it stands on another encoder, and the folder `{BASE_FOLDER}` beside it has none");
    let base = checkpoint.base().map_err(|error| invalid(error.to_string()))?;
    Ok(base.ok_or_else(|| invalid(missing()))?)
}

impl EncoderModel for WithCtcLayers {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let mut states = features.clone();
        for base in &self.base {
            states = base.forward_watched(&states, watch);
        }
        self.layers.forward(&states, watch)
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        Some(self.layers.head())
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &*self.sizes
    }
}

impl EncoderSizes for LayersSizes {
    fn input_width(&self) -> usize {
        self.base.input_width()
    }

    fn output_width(&self) -> usize {
        self.layers.hidden_size
    }

    fn blank(&self) -> usize {
        self.layers.blank()
    }

    fn stride(&self) -> usize {
        self.base.stride() * self.layers.stack
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let states = self.layers.reduced(frames.div_ceil(self.base.stride().max(1)));
        let all = rows as f64 * states as f64;
        let input = all * (self.layers.stack * self.base.output_width()) as f64;
        let own = peak_bytes(&[
            input + self.layers.block().working_values(rows, states),
            output_values(all, self.layers.hidden_size, self.layers.vocab_size),
        ]);
        self.base.working_bytes(rows, frames).max(own)
    }
}
