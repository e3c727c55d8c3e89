//! wav2vec2-conformer: Conformer blocks with batch norm over frames that convolutions make of the waveform.
//!
//! Paper: fairseq S2T, arXiv 2010.05171; the model has none of its own. Reference: transformers 5.23.0,
//! `modeling_wav2vec2_conformer.py`, `Wav2Vec2ConformerModel` and `Wav2Vec2ConformerForCTC`.
//! Shapes: `B` utterances, `N` samples, `T` states, `E` width, `V` labels.

use std::collections::BTreeSet;

use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::prelude::*;

use super::config::{NULLS, Wav2Vec2ConformerConfig};
use super::convolution_adapter::ConvolutionAdapter;
use super::projection::{FeatureProjection, FeatureProjectionConfig};
use super::waveform::WaveformEncoder;
use super::{block_name, head_labels};
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
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &["wav2vec2-conformer"];

/// What a file's names begin with when it holds more than the encoder.
const PREFIX: &str = "wav2vec2_conformer.";

/// The encoder and, when the file has one, its CTC head.
#[derive(Module, Debug)]
pub struct Wav2Vec2Conformer {
    feature_extractor: WaveformEncoder,
    feature_projection: FeatureProjection,
    layers: Vec<ConformerBlock>,
    layer_norm: LayerNorm,
    adapter: Option<ConvolutionAdapter>,
    lm_head: Option<Linear>,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: Wav2Vec2ConformerConfig,
}

impl Wav2Vec2ConformerConfig {
    /// Reads `config.json` of a checkpoint of type `wav2vec2-conformer`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let path = checkpoint.path_of(CONFIG_FILE);
        let config = Self::over_defaults(checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?)
            .map_err(|source| JsonError::Content { path: path.clone(), source })?;
        json::checked(config, &path, Self::problems)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Wav2Vec2Conformer {
        let blocks = &self.blocks;
        let (width, norm_epsilon) = (blocks.hidden_size, blocks.layer_norm_eps);
        let channels = self.conv_dim.last().copied().unwrap_or(1);
        let projection = FeatureProjectionConfig { input: channels, width, norm_epsilon };
        Wav2Vec2Conformer {
            feature_extractor: self.waveform().init(device),
            feature_projection: projection.init(device),
            layers: (0..blocks.num_hidden_layers).map(|_| self.block().init(device)).collect(),
            layer_norm: LayerNormConfig::new(width).with_epsilon(norm_epsilon).init(device),
            adapter: self.adapter().map(|adapter| adapter.init(device)),
            lm_head: blocks.head.map(|labels| LinearConfig::new(self.output_width(), labels).init(device)),
            side_layers: BTreeSet::new(),
            config: self.clone(),
        }
    }
}

impl Wav2Vec2Conformer {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let mut config = Wav2Vec2ConformerConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        config.blocks.head = head_labels(&config.blocks, &files, checkpoint)?;
        let prefix = if files.names().any(|name| name.starts_with(PREFIX)) { PREFIX } else { "" };
        let model = config.init(placement.device());
        Ok(weights::load(model, &files, &placement, |path| hf_name(prefix, path), is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &Wav2Vec2ConformerConfig {
        &self.config
    }
}

impl EncoderModel for Wav2Vec2Conformer {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let Some(frames) = self.feature_extractor.forward(features, watch) else {
            return unfinished(features, self.config.output_width());
        };
        let frames = self.feature_projection.forward(&frames);
        let mut side = SideBySide::new(&self.side_layers);
        let frames = block::through(&self.layers, self.config.block().span, frames, watch, &mut side);
        let frames = frames.with_values(self.layer_norm.forward(frames.values()));
        match &self.adapter {
            // It shortens, so that no other layer is as long.
            Some(adapter) => adapter.forward(frames, watch),
            None => side.with(frames),
        }
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        self.lm_head.as_ref().map(head::of_linear)
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }

    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        Some(&mut self.side_layers)
    }
}

/// The name in the file of the tensor at `path` in [`Wav2Vec2Conformer`].
fn hf_name(prefix: &str, path: &str) -> String {
    if path.starts_with("lm_head.") {
        return path.to_owned();
    }
    if path.starts_with("layers.") || path.starts_with("layer_norm.") {
        return format!("{prefix}encoder.{}", block_name(path, "batch_norm"));
    }
    format!("{prefix}{path}")
}

/// Tensors of a file that the forward pass does not use: what pre-training needed, and buffers that are computed.
fn is_ignored(name: &str) -> bool {
    let parts = ["masked_spec_embed", "pos_conv_embed.", "inv_freq", "num_batches_tracked"];
    parts.iter().any(|part| name.contains(part))
        || ["quantizer.", "project_hid.", "project_q."].iter().any(|start| name.starts_with(start))
}
