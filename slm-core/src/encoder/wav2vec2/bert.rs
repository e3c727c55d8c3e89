//! w2v-BERT 2.0: Conformer blocks with a causal depthwise convolution and layer norm over filter-bank frames.
//!
//! Paper: Seamless, arXiv 2312.05187, section 3.2.1. Reference: transformers 5.23.0, `modeling_wav2vec2_bert.py`,
//! `Wav2Vec2BertModel` and `Wav2Vec2BertForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` feature width, `E` width, `V` labels.

use std::path::Path;

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use super::config::Wav2Vec2BertConfig;
use super::length_adapter::{LengthAdapter, ReluFeedForward};
use super::projection::FeatureProjection;
use super::{block_name, head_labels};
use crate::batch::PaddedBatch;
use crate::encoder::EncoderError;
use crate::encoder::block::{self, ConformerBlock};
use crate::json::{self, JsonError};
use crate::weights::{self, Placement, WeightFiles};

/// What a file's names begin with when it holds more than the encoder.
const PREFIX: &str = "wav2vec2_bert.";

/// The encoder and, when the file has one, its CTC head.
#[derive(Module, Debug)]
pub struct Wav2Vec2Bert {
    feature_projection: FeatureProjection,
    layers: Vec<ConformerBlock>,
    intermediate_ffn: Option<ReluFeedForward>,
    adapter: Option<LengthAdapter>,
    lm_head: Option<Linear>,
    #[module(skip)]
    config: Wav2Vec2BertConfig,
}

impl Wav2Vec2BertConfig {
    /// Reads `config.json` of a folder of type `wav2vec2-bert`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        json::read_checked(&dir.join("config.json"), Self::problems)
    }

    /// Builds the encoder with random weights on `device`, with a head of `labels` where they are given.
    pub fn init(&self, labels: Option<usize>, device: &Device) -> Wav2Vec2Bert {
        let (blocks, block) = (&self.blocks, self.block());
        Wav2Vec2Bert {
            feature_projection: FeatureProjection::init(
                self.feature_projection_input_dim,
                blocks.hidden_size,
                blocks.layer_norm_eps,
                device,
            ),
            layers: (0..blocks.num_hidden_layers).map(|_| ConformerBlock::init(&block, device)).collect(),
            intermediate_ffn: self
                .use_intermediate_ffn_before_adapter
                .then(|| ReluFeedForward::init(blocks.hidden_size, blocks.intermediate_size, device)),
            adapter: self.add_adapter.then(|| LengthAdapter::init(self, device)),
            lm_head: labels.map(|labels| LinearConfig::new(self.output_width(), labels).init(device)),
            config: self.clone(),
        }
    }
}

impl Wav2Vec2Bert {
    /// Loads config and weights of a Hugging Face folder; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = Wav2Vec2BertConfig::from_dir(dir)?;
        let files = WeightFiles::open(dir)?;
        let labels = head_labels(&config.blocks, &files, dir)?;
        let prefix = if files.names().any(|name| name.starts_with(PREFIX)) { PREFIX } else { "" };
        let model = config.init(labels, placement.device());
        Ok(weights::load(model, &files, &placement, |path| hf_name(prefix, path), is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &Wav2Vec2BertConfig {
        &self.config
    }

    /// Filter-bank frames `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        let frames = self.feature_projection.forward(features);
        let frames = block::through(&self.layers, &self.config.block(), frames);
        let frames = match &self.intermediate_ffn {
            Some(ffn) => frames.with_values(frames.values() + ffn.forward(frames.values()) * 0.5),
            None => frames,
        };
        match &self.adapter {
            Some(adapter) => adapter.forward(frames),
            None => frames,
        }
    }

    /// The CTC head; `None` without one.
    pub fn ctc_head(&self) -> Option<&Linear> {
        self.lm_head.as_ref()
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
