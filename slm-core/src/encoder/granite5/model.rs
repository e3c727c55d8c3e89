//! The encoder and its CTC head.
//!
//! Paper of what it hears itself by: Nozaki and Komatsu 2021, arXiv 2104.02724, self-conditioned CTC. Reference:
//! transformers 5.23.0, `modeling_granite_speech5.py`, `GraniteSpeech5Encoder` and `GraniteSpeech5ForCTC`.
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states, `E` width, `V` labels.

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;

use super::config::GraniteSpeech5Config;
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{CONFIG_FILE, Checkpoint};
use crate::encoder::conformer::span::SharedAttention;
use crate::encoder::conformer::strided_block::StridedBlock;
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::model::{EncoderModel, EncoderSizes, unfinished};
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, Watch};

/// The encoder and its CTC head.
#[derive(Module, Debug)]
pub struct GraniteSpeech5 {
    input_linear: MatrixLinear,
    layers: Vec<StridedBlock>,
    /// What the encoder says in its middle; also the head, where that is tied.
    out: Linear,
    /// How the encoder hears that.
    out_mid: Linear,
    ctc_head: Option<Linear>,
    #[module(skip)]
    config: GraniteSpeech5Config,
}

impl GraniteSpeech5Config {
    /// Reads `config.json` of a checkpoint of type `granite_speech5_ctc`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        checkpoint.json_checked(CONFIG_FILE, Self::problems)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> GraniteSpeech5 {
        let encoder = &self.encoder_config;
        let (width, labels) = (encoder.hidden_size, self.vocab_size);
        let head = || LinearConfig::new(width, labels).init(device);
        GraniteSpeech5 {
            input_linear: LinearConfig::new(self.input_width(), width).init(device).into(),
            layers: (0..encoder.num_hidden_layers).map(|number| encoder.block(number).init(device)).collect(),
            out: head(),
            out_mid: LinearConfig::new(labels, width).init(device),
            ctc_head: (!self.tie_word_embeddings).then(head),
            config: self.clone(),
        }
    }
}

impl GraniteSpeech5 {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        let placement = placement.into();
        let config = GraniteSpeech5Config::from_checkpoint(checkpoint)?;
        let is_tied = config.tie_word_embeddings;
        // A tied head may be in the file once more.
        let is_ignored =
            |name: &str| name.ends_with(".num_batches_tracked") || (is_tied && name.starts_with("ctc_head."));
        let model = config.init(placement.device());
        Ok(weights::load(model, &checkpoint.weights()?, &placement, hf_name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &GraniteSpeech5Config {
        &self.config
    }
}

impl EncoderModel for GraniteSpeech5 {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let encoder = &self.config.encoder_config;
        let [_, time, _] = features.dims();
        if time < encoder.stride() {
            return unfinished(features, encoder.hidden_size);
        }
        // [B, T, M] -> [B, T, E], then shorter with each block that halves the rate
        let mut frames = features.with_values(self.input_linear.forward(features.values()));
        let mut shared = SharedAttention::new(encoder.span(), &frames, watch);
        for (number, layer) in self.layers.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            frames = layer.forward(&frames, &shared);
            if encoder.halves(number) {
                shared = SharedAttention::new(encoder.span(), &frames, watch);
            }
            if number + 1 == encoder.middle() {
                frames = head::hear_itself(&frames, &self.out, &self.out_mid);
            }
        }
        frames
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        Some(head::of_linear(self.ctc_head.as_ref().unwrap_or(&self.out)))
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }
}

/// The name in the file of the tensor at `path` in [`GraniteSpeech5`].
fn hf_name(path: &str) -> String {
    if path.starts_with("ctc_head.") {
        return path.to_owned();
    }
    format!("encoder.{}", path.replacen(".self_attn.position.", ".self_attn.", 1))
}
