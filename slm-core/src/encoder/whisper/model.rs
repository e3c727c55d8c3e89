//! The encoder: two convolutions, a table of positions, layers.
//!
//! Reference: transformers 5.23.0, `WhisperEncoder`. Shapes: `B` utterances, `W` windows, `T` feature frames, `S` states,
//! `M` mel bins, `E` width.

use std::collections::BTreeSet;

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, PaddingConfig1d};
use burn::prelude::*;

use super::config::{STRIDE, WhisperEncoderConfig};
use super::layer::WhisperEncoderLayer;
use crate::checkpoint::Checkpoint;
use crate::encoder::error::EncoderError;
use crate::encoder::model::{EncoderModel, EncoderSizes, unfinished};
use crate::encoder::side_by_side::SideBySide;
use crate::nn::weights::{self, Placement};
use crate::nn::{ActivationKind, PaddedBatch, Watch};

/// Frames that a convolution reads.
const KERNEL: usize = 3;
/// What the files of a whole model, and those of one without a head, have before the names of the encoder's tensors.
const PREFIXES: [&str; 2] = ["model.encoder.", "encoder."];
/// The name by which a prefix is found.
const FIRST: &str = "conv1.weight";

/// The encoder. Its parts have the names that files have for them.
#[derive(Module, Debug)]
pub struct WhisperEncoder {
    conv1: Conv1d,
    conv2: Conv1d,
    /// In f32 always, a row a state.
    embed_positions: Embedding,
    layers: Vec<WhisperEncoderLayer>,
    layer_norm: LayerNorm,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: WhisperEncoderConfig,
}

impl WhisperEncoderConfig {
    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> WhisperEncoder {
        let conv = |input| {
            Conv1dConfig::new(input, self.d_model, KERNEL)
                .with_padding(PaddingConfig1d::Explicit(KERNEL / 2, KERNEL / 2))
        };
        WhisperEncoder {
            conv1: conv(self.num_mel_bins).init(device),
            conv2: conv(self.d_model).with_stride(STRIDE).init(device),
            embed_positions: EmbeddingConfig::new(self.max_source_positions, self.d_model).init(device),
            layers: (0..self.encoder_layers).map(|_| self.init_layer(device)).collect(),
            layer_norm: LayerNormConfig::new(self.d_model).init(device),
            side_layers: BTreeSet::new(),
            config: self.clone(),
        }
    }
}

impl WhisperEncoder {
    /// Loads config and weights of a checkpoint, of the encoder alone or picked out of the whole model; the weights are
    /// constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = WhisperEncoderConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let has = |prefix: &&str| files.contains(&format!("{prefix}{FIRST}"));
        let prefix = PREFIXES.into_iter().find(has).unwrap_or_default();
        let name = |path: &str| format!("{prefix}{path}");
        // All else is the decoder's.
        let is_ignored = |name: &str| !prefix.is_empty() && !name.starts_with(prefix);
        let model = config.init(placement.device());
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &WhisperEncoderConfig {
        &self.config
    }

    /// Features of one window a row, `[B, T, M]` to `[B, T/2, E]`; `None` once `watch` stops.
    fn window(&self, features: &PaddedBatch, watch: &Watch) -> Option<PaddedBatch> {
        // [B, T, M] -> [B, M, T] -> [B, T, E]; frames past a row's end stay zeros, as beyond the end of a row alone.
        let frames =
            ActivationKind::Gelu.apply(self.conv1.forward(features.values().swap_dims(1, 2))).swap_dims(1, 2);
        let frames = features.with_values(frames);
        // [B, T, E] -> [B, T/2, E]
        let x =
            ActivationKind::Gelu.apply(self.conv2.forward(frames.values().swap_dims(1, 2))).swap_dims(1, 2);
        let [_, states, _] = x.dims();
        let positions = self.embed_positions.weight.val().narrow(0, 0, states);
        let lengths = features.lengths().iter().map(|frames| frames.div_ceil(STRIDE)).collect();
        let batch = PaddedBatch::new(x + positions.unsqueeze(), lengths);
        let padding = (!batch.is_full()).then(|| batch.attention_bias());
        let mut side = SideBySide::new(&self.side_layers);
        side.see(0, batch.values());
        let mut x = batch.values();
        for (behind, layer) in (1..).zip(&self.layers) {
            if watch.is_stopped() {
                return None;
            }
            x = layer.forward(x, padding.as_ref(), watch);
            side.see(behind, x.clone());
        }
        Some(side.with(batch.with_values(self.layer_norm.forward(x))))
    }
}

impl EncoderModel for WhisperEncoder {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let [batch, time, bins] = features.dims();
        let (window, width) = (self.config.window(), self.config.d_model);
        let windows = time.div_ceil(window);
        if windows <= 1 {
            return self.window(features, watch).unwrap_or_else(|| unfinished(features, width));
        }
        // Windows are read each by itself: [B, T, M] -> [B * W, window, M]
        let values = features.values().pad([(0, windows * window - time), (0, 0)], 0.0);
        let lengths: Vec<usize> = features
            .lengths()
            .iter()
            .flat_map(|&length| {
                // One past a row's end has a frame of zeros, which is cut off below.
                (0..windows).map(move |w| length.saturating_sub(w * window).clamp(1, window))
            })
            .collect();
        let values = PaddedBatch::new(values.reshape([batch * windows, window, bins]), lengths);
        let Some(states) = self.window(&values, watch) else { return unfinished(features, width) };
        // All windows but a row's last are full: [B * W, S, E] -> [B, W * S, E]
        let [_, _, width] = states.dims();
        let states = states.values().reshape([batch, windows * window / STRIDE, width]);
        let lengths = features.lengths().iter().map(|frames| frames.div_ceil(STRIDE)).collect();
        PaddedBatch::new(states, lengths)
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        None
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }

    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        Some(&mut self.side_layers)
    }
}
