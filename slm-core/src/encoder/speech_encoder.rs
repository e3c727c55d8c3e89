//! Any of the speech encoders.
//!
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `E`, `V` labels.

use std::path::Path;

use burn::module::Param;
use burn::nn::Linear;
use burn::nn::conv::Conv1d;
use burn::prelude::*;
use burn::tensor::activation::log_softmax;
use serde::Deserialize;

use super::ctc::{Heard, ReadBackError};
use super::{EncodedSpeech, EncoderError, Lasr, Parakeet, Wav2Vec2Bert, Wav2Vec2Conformer};
use crate::batch::PaddedBatch;
use crate::json::{self, JsonError};
use crate::nemo;
use crate::weights::Placement;

/// A speech encoder of one of the families.
#[derive(Module, Debug)]
pub enum SpeechEncoder {
    /// NVIDIA's FastConformer, and USM, which has the same parts: `parakeet_ctc`, `parakeet_encoder`, `usm_ctc`,
    /// `usm_encoder`.
    Parakeet(Parakeet),
    /// w2v-BERT 2.0: `wav2vec2-bert`.
    Wav2Vec2Bert(Wav2Vec2Bert),
    /// `wav2vec2-conformer`.
    Wav2Vec2Conformer(Wav2Vec2Conformer),
    /// Google's Conformer: `lasr_ctc`, `lasr_encoder`.
    Lasr(Lasr),
}

/// The `model_type`s that [`SpeechEncoder::load`] knows.
pub const MODEL_TYPES: [&str; 8] = [
    "parakeet_ctc",
    "parakeet_encoder",
    "usm_ctc",
    "usm_encoder",
    "wav2vec2-bert",
    "wav2vec2-conformer",
    "lasr_ctc",
    "lasr_encoder",
];

impl SpeechEncoder {
    /// Loads config and weights of a Hugging Face folder, or of the [`nemo`] archive that `dir` is or holds; the
    /// weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, the unknown family, or the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        #[derive(Deserialize)]
        struct Family {
            #[serde(default)]
            model_type: Option<String>,
        }
        let placement = &placement.into();
        if let Some(archive) = nemo::find(dir) {
            return Ok(Self::Parakeet(Parakeet::load_nemo(&archive, placement)?));
        }
        let path = dir.join("config.json");
        let family = json::read::<Family>(&path)?.model_type;
        match family.as_deref() {
            Some("parakeet_ctc" | "parakeet_encoder" | "usm_ctc" | "usm_encoder") => {
                Ok(Self::Parakeet(Parakeet::load(dir, placement)?))
            }
            Some("wav2vec2-bert") => Ok(Self::Wav2Vec2Bert(Wav2Vec2Bert::load(dir, placement)?)),
            Some("wav2vec2-conformer") => {
                Ok(Self::Wav2Vec2Conformer(Wav2Vec2Conformer::load(dir, placement)?))
            }
            Some("lasr_ctc" | "lasr_encoder") => Ok(Self::Lasr(Lasr::load(dir, placement)?)),
            other => {
                let known = MODEL_TYPES.map(|name| format!("`{name}`")).join(", ");
                let found = other.unwrap_or("absent");
                let problem = format!("`model_type` is `{found}`, speech encoders are {known}");
                Err(JsonError::Invalid { path, problems: vec![problem] }.into())
            }
        }
    }

    /// Features `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        match self {
            Self::Parakeet(model) => model.forward(features),
            Self::Wav2Vec2Bert(model) => model.forward(features),
            Self::Wav2Vec2Conformer(model) => model.forward(features),
            Self::Lasr(model) => model.forward(features),
        }
    }

    /// Width `M` of the features that it reads.
    pub fn input_width(&self) -> usize {
        match self {
            Self::Parakeet(model) => model.config().encoder_config.num_mel_bins,
            Self::Wav2Vec2Bert(model) => model.config().feature_projection_input_dim,
            Self::Wav2Vec2Conformer(_) => 1,
            Self::Lasr(model) => model.config().encoder_config.num_mel_bins,
        }
    }

    /// Width `E` of the states.
    pub fn output_width(&self) -> usize {
        match self {
            Self::Parakeet(model) => model.config().encoder_config.hidden_size,
            Self::Wav2Vec2Bert(model) => model.config().output_width(),
            Self::Wav2Vec2Conformer(model) => model.config().blocks.hidden_size,
            Self::Lasr(model) => model.config().encoder_config.hidden_size,
        }
    }

    /// The CTC head's matrix `[V, E]` and bias `[V]`; `None` without a head.
    pub fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        match self {
            Self::Parakeet(model) => model.ctc_head(),
            Self::Wav2Vec2Bert(model) => model.ctc_head().map(linear_rows),
            Self::Wav2Vec2Conformer(model) => model.ctc_head().map(linear_rows),
            Self::Lasr(model) => model.ctc_head().map(convolution_rows),
        }
    }

    /// Labels `V` of the CTC head, the blank included; `None` without a head.
    pub fn labels(&self) -> Option<usize> {
        self.ctc_head().map(|(weight, _)| weight.dims()[0])
    }

    /// The blank label of the CTC head.
    pub fn blank(&self) -> usize {
        match self {
            Self::Parakeet(model) => model.config().pad_token_id,
            Self::Wav2Vec2Bert(model) => model.config().blocks.blank(),
            Self::Wav2Vec2Conformer(model) => model.config().blocks.blank(),
            Self::Lasr(model) => model.config().pad_token_id,
        }
    }

    /// Scores of the CTC head, `[B, T', E]` to `[B, T', V]`; `None` without a head.
    pub fn ctc_logits(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        let (weight, bias) = self.ctc_head()?;
        Some(states.values().matmul(weight.transpose().unsqueeze()) + bias.unsqueeze())
    }

    /// Frames `T` of the input for each state: its rate over that of the states.
    pub fn stride(&self) -> usize {
        match self {
            Self::Parakeet(model) => model.config().encoder_config.subsampling_factor,
            Self::Wav2Vec2Bert(model) => {
                let config = model.config();
                let layers = if config.add_adapter { config.num_adapter_layers } else { 0 };
                config.adapter_stride.pow(layers as u32)
            }
            Self::Wav2Vec2Conformer(model) => model.config().conv_stride.iter().product(),
            Self::Lasr(model) => model.config().encoder_config.subsampling_conv_stride.pow(2),
        }
    }

    /// Encodes features `[B, T, M]` and reads the states back, one entry a row, without padding.
    ///
    /// # Errors
    ///
    /// [`ReadBackError`] when the device fails.
    pub fn encode(&self, features: &PaddedBatch) -> Result<Vec<EncodedSpeech>, ReadBackError> {
        Ok(self.listen(features)?.into_iter().map(|heard| heard.speech).collect())
    }

    /// The same, with the probabilities of all labels of the CTC head.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub fn listen(&self, features: &PaddedBatch) -> Result<Vec<Heard>, ReadBackError> {
        let states = self.forward(features);
        let log_probs = self.ctc_logits(&states).map(|logits| log_softmax(logits, 2));
        Heard::read_back(&states, log_probs, self.blank())
    }
}

/// Matrix `[V, E]` and bias `[V]` of a head that is a linear map, whose weight is `[E, V]`.
fn linear_rows(head: &Linear) -> (Tensor<2>, Tensor<1>) {
    let weight = head.weight.val().transpose();
    let bias = bias_or_zeros(head.bias.as_ref(), &weight);
    (weight, bias)
}

/// The same of a head that is a convolution of kernel 1, whose weight is `[V, E, 1]`.
pub(super) fn convolution_rows(head: &Conv1d) -> (Tensor<2>, Tensor<1>) {
    let weight = head.weight.val();
    let [labels, width, _] = weight.dims();
    let weight = weight.reshape([labels, width]);
    let bias = bias_or_zeros(head.bias.as_ref(), &weight);
    (weight, bias)
}

fn bias_or_zeros(bias: Option<&Param<Tensor<1>>>, weight: &Tensor<2>) -> Tensor<1> {
    bias.map_or_else(|| Tensor::zeros([weight.dims()[0]], &weight.device()), Param::val)
}
