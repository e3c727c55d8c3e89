//! wav2vec2-conformer: Conformer blocks with batch norm over frames that convolutions make of the waveform.
//!
//! Paper: fairseq S2T, arXiv 2010.05171; the model has none of its own. Reference: transformers 5.23.0,
//! `modeling_wav2vec2_conformer.py`, `Wav2Vec2ConformerModel` and `Wav2Vec2ConformerForCTC`.
//! Shapes: `B` utterances, `N` samples, `T` states, `E` width, `V` labels.

use std::path::Path;

use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::prelude::*;

use super::config::Wav2Vec2ConformerConfig;
use super::projection::FeatureProjection;
use super::waveform::WaveformEncoder;
use super::{block_name, head_labels};
use crate::batch::PaddedBatch;
use crate::encoder::EncoderError;
use crate::encoder::block::{self, ConformerBlock};
use crate::json::{self, JsonError};
use crate::weights::{self, Placement, WeightFiles};

/// What a file's names begin with when it holds more than the encoder.
const PREFIX: &str = "wav2vec2_conformer.";

/// The encoder and, when the file has one, its CTC head.
#[derive(Module, Debug)]
pub struct Wav2Vec2Conformer {
    feature_extractor: WaveformEncoder,
    feature_projection: FeatureProjection,
    layers: Vec<ConformerBlock>,
    layer_norm: LayerNorm,
    lm_head: Option<Linear>,
    #[module(skip)]
    config: Wav2Vec2ConformerConfig,
}

impl Wav2Vec2ConformerConfig {
    /// Reads `config.json` of a folder of type `wav2vec2-conformer`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_dir(dir: &Path) -> Result<Self, JsonError> {
        json::read_checked(&dir.join("config.json"), Self::problems)
    }

    /// Builds the encoder with random weights on `device`, with a head of `labels` where they are given.
    pub fn init(&self, labels: Option<usize>, device: &Device) -> Wav2Vec2Conformer {
        let (blocks, block) = (&self.blocks, self.block());
        let channels = self.conv_dim.last().copied().unwrap_or(1);
        Wav2Vec2Conformer {
            feature_extractor: WaveformEncoder::init(self, device),
            feature_projection: FeatureProjection::init(
                channels,
                blocks.hidden_size,
                blocks.layer_norm_eps,
                device,
            ),
            layers: (0..blocks.num_hidden_layers).map(|_| ConformerBlock::init(&block, device)).collect(),
            layer_norm: LayerNormConfig::new(blocks.hidden_size)
                .with_epsilon(blocks.layer_norm_eps)
                .init(device),
            lm_head: labels.map(|labels| LinearConfig::new(blocks.hidden_size, labels).init(device)),
            config: self.clone(),
        }
    }
}

impl Wav2Vec2Conformer {
    /// Loads config and weights of a Hugging Face folder; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = Wav2Vec2ConformerConfig::from_dir(dir)?;
        let files = WeightFiles::open(dir)?;
        let labels = head_labels(&config.blocks, &files, dir)?;
        let prefix = if files.names().any(|name| name.starts_with(PREFIX)) { PREFIX } else { "" };
        let model = config.init(labels, placement.device());
        Ok(weights::load(model, &files, &placement, |path| hf_name(prefix, path), is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &Wav2Vec2ConformerConfig {
        &self.config
    }

    /// Samples `[B, N, 1]` to hidden states `[B, T, E]`.
    pub fn forward(&self, waveform: &PaddedBatch) -> PaddedBatch {
        let frames = self.feature_projection.forward(&self.feature_extractor.forward(waveform));
        let frames = block::through(&self.layers, &self.config.block(), frames);
        frames.with_values(self.layer_norm.forward(frames.values()))
    }

    /// The CTC head; `None` without one.
    pub fn ctc_head(&self) -> Option<&Linear> {
        self.lm_head.as_ref()
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
