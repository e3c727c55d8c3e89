//! w2v-BERT 2.0: Conformer blocks with a causal depthwise convolution and layer norm over filter-bank frames.
//!
//! Paper: Seamless, arXiv 2312.05187, section 3.2.1. Reference: transformers 5.23.0, `modeling_wav2vec2_bert.py`,
//! `Wav2Vec2BertModel` and `Wav2Vec2BertForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` feature width, `E` width, `V` labels.

use std::collections::BTreeSet;

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use super::config::{NULLS, Wav2Vec2BertConfig};
use super::length_adapter::{AdapterFeedForward, AdapterFeedForwardConfig, LengthAdapter};
use super::projection::{FeatureProjection, FeatureProjectionConfig};
use super::{block_name, head_labels};
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::conformer::block::{self, ConformerBlock};
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::model::EncoderModel;
use crate::encoder::model::EncoderSizes;
use crate::encoder::side_by_side::SideBySide;
use crate::nn::weights::{self, Placement};
use crate::nn::{ActivationKind, PaddedBatch, Watch};

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] = &["wav2vec2-bert"];

/// What a file's names begin with when it holds more than the encoder.
const PREFIX: &str = "wav2vec2_bert.";

/// The encoder and, when the file has one, its CTC head.
#[derive(Module, Debug)]
pub struct Wav2Vec2Bert {
    feature_projection: FeatureProjection,
    layers: Vec<ConformerBlock>,
    intermediate_ffn: Option<AdapterFeedForward>,
    adapter: Option<LengthAdapter>,
    lm_head: Option<Linear>,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: Wav2Vec2BertConfig,
}

impl Wav2Vec2BertConfig {
    /// Reads `config.json` of a checkpoint of type `wav2vec2-bert`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let config = checkpoint.json_with_nulls(CONFIG_FILE, NULLS)?;
        json::checked(config, &checkpoint.path_of(CONFIG_FILE), Self::problems)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Wav2Vec2Bert {
        let blocks = &self.blocks;
        let (width, inner_width) = (blocks.hidden_size, blocks.intermediate_size);
        let projection = FeatureProjectionConfig {
            input: self.feature_projection_input_dim,
            width,
            norm_epsilon: blocks.layer_norm_eps,
        };
        // Its activation does not follow `hidden_act`.
        let feed_forward = AdapterFeedForwardConfig { width, inner_width, activation: ActivationKind::Relu };
        Wav2Vec2Bert {
            feature_projection: projection.init(device),
            layers: (0..blocks.num_hidden_layers).map(|_| self.block().init(device)).collect(),
            intermediate_ffn: self.use_intermediate_ffn_before_adapter.then(|| feed_forward.init(device)),
            adapter: self.adapter().map(|adapter| adapter.init(device)),
            lm_head: blocks.head.map(|labels| LinearConfig::new(self.output_width(), labels).init(device)),
            side_layers: BTreeSet::new(),
            config: self.clone(),
        }
    }
}

impl Wav2Vec2Bert {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let mut config = Wav2Vec2BertConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        config.blocks.head = head_labels(&config.blocks, &files, checkpoint)?;
        let prefix = if files.names().any(|name| name.starts_with(PREFIX)) { PREFIX } else { "" };
        let model = config.init(placement.device());
        Ok(weights::load(model, &files, &placement, |path| hf_name(prefix, path), is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &Wav2Vec2BertConfig {
        &self.config
    }
}

impl EncoderModel for Wav2Vec2Bert {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let frames = self.feature_projection.forward(features);
        let mut side = SideBySide::new(&self.side_layers);
        let frames = block::through(&self.layers, self.config.block().span, frames, watch, &mut side);
        let frames = match &self.intermediate_ffn {
            Some(ffn) => frames.with_values(frames.values() + ffn.forward(frames.values()) * 0.5),
            None => frames,
        };
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

/// The name in the file of the tensor at `path` in [`Wav2Vec2Bert`].
fn hf_name(prefix: &str, path: &str) -> String {
    if path.starts_with("lm_head.") {
        return path.to_owned();
    }
    if path.starts_with("layers.") {
        return format!("{prefix}encoder.{}", block_name(path, "depthwise_layer_norm"));
    }
    format!("{prefix}{}", block_name(path, ""))
}

/// Tensors of a file that the forward pass does not use.
fn is_ignored(name: &str) -> bool {
    name.ends_with("masked_spec_embed")
}
