//! The trained layers: neighbouring states side by side, a projection, Conformer blocks, a norm, the head.
//!
//! Shapes: `B` utterances, `S` states of the frozen encoder of width `E`, `T'` states of width `H`, `V` labels.

use std::collections::BTreeSet;
use std::path::Path;

use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::config::CtcLayersConfig;
use crate::checkpoint::json;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WEIGHTS_FILE};
use crate::encoder::conformer::block::{self, ConformerBlock};
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::side_by_side::SideBySide;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement, StorageType};
use crate::nn::{PaddedBatch, Watch};

/// The layers and their head. Files have the names that the parts have here.
#[derive(Module, Debug)]
pub struct CtcLayers {
    /// `[B, T', stack * E]` to `[B, T', H]`.
    input: MatrixLinear,
    dropout: Dropout,
    layers: Vec<ConformerBlock>,
    norm: LayerNorm,
    ctc_head: Linear,
    #[module(skip)]
    config: CtcLayersConfig,
}

impl CtcLayersConfig {
    /// Builds the layers on states of width `states`, with random weights, on `device`.
    pub fn init(&self, states: usize, device: &Device) -> CtcLayers {
        CtcLayers {
            input: LinearConfig::new(self.stack * states, self.hidden_size).init(device).into(),
            dropout: DropoutConfig::new(self.dropout).init(),
            layers: (0..self.num_hidden_layers).map(|_| self.block().init(device)).collect(),
            norm: LayerNormConfig::new(self.hidden_size).init(device),
            ctc_head: LinearConfig::new(self.hidden_size, self.vocab_size).init(device),
            config: self.clone(),
        }
    }

    /// Builds the layers on states of width `states` with the weights of `checkpoint`; on a device with autodiff they are
    /// trainable.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load_weights(
        &self,
        checkpoint: &Checkpoint,
        states: usize,
        placement: impl Into<Placement>,
    ) -> Result<CtcLayers, EncoderError> {
        let placement = placement.into();
        let (layers, files) = (self.init(states, placement.device()), checkpoint.weights()?);
        Ok(weights::load(layers, &files, &placement, str::to_owned, |_| false)?)
    }
}

impl CtcLayers {
    /// Writes `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), EncoderError> {
        json::write(&dir.join(CONFIG_FILE), &self.config)?;
        weights::save(self, &dir.join(WEIGHTS_FILE), str::to_owned, storage)?;
        Ok(())
    }

    /// The same, whose config says from which doubt of the head on a sound counts as no speech.
    #[must_use]
    pub fn with_no_speech_threshold(mut self, threshold: f64) -> Self {
        self.config.no_speech_threshold = Some(threshold);
        self
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &CtcLayersConfig {
        &self.config
    }

    /// States `[B, S, E]` of the frozen encoder to `[B, T', H]`. Unfinished once `watch` stops.
    pub fn forward(&self, states: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let stack = self.config.stack;
        let [batch, count, width] = states.dims();
        let reduced = self.config.reduced(count);
        // What is past the end of a row is zero: [B, S, E] -> [B, T', stack * E]
        let values = states.values().pad([(0, reduced * stack - count), (0, 0)], 0.0);
        let values = values.reshape([batch, reduced, stack * width]);
        let lengths = states.lengths().iter().map(|&length| self.config.reduced(length)).collect();
        let values = self.dropout.forward(self.input.forward(values));
        let frames = PaddedBatch::new(values, lengths);
        let mut side = SideBySide::new(&NONE);
        let frames = block::through(&self.layers, self.config.block().span, frames, watch, &mut side);
        frames.with_values(self.norm.forward(frames.values()))
    }

    /// Logarithms of the labels' probabilities, `[B, T', H]` to `[B, T', V]`.
    pub fn log_probs(&self, states: &PaddedBatch) -> Tensor<3> {
        log_softmax(self.ctc_head.forward(states.values()), 2)
    }

    /// The head's matrix `[V, H]` and bias `[V]`.
    pub(in crate::encoder) fn head(&self) -> (Tensor<2>, Tensor<1>) {
        head::of_linear(&self.ctc_head)
    }
}

/// No layer's states are given beside the last ones.
static NONE: BTreeSet<usize> = BTreeSet::new();
