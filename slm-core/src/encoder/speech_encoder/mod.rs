//! Any of the speech encoders.
//!
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `E`, `V` labels.

mod layered;

use std::collections::BTreeSet;

use burn::prelude::*;

use crate::encoder::granite::GraniteSpeech;
use crate::encoder::granite5::GraniteSpeech5;
use crate::encoder::lasr::Lasr;
use crate::encoder::model::{EncoderModel, EncoderSizes};
use crate::encoder::parakeet::Parakeet;
use crate::encoder::wav2vec2::{Wav2Vec2Bert, Wav2Vec2Conformer};
use crate::encoder::whisper::WhisperEncoder;
use crate::nn::{PaddedBatch, Watch};

pub use layered::WithCtcLayers;

/// A speech encoder of one of the families.
#[derive(Module, Debug)]
#[non_exhaustive]
pub enum SpeechEncoder {
    /// NVIDIA's FastConformer, and USM, which has the same parts: `parakeet_ctc`, `parakeet_encoder`, `usm_ctc`,
    /// `usm_encoder`, NeMo archives, and out of `canary` and `cohere_asr`.
    Parakeet(Parakeet),
    /// w2v-BERT 2.0: `wav2vec2-bert`.
    Wav2Vec2Bert(Wav2Vec2Bert),
    /// `wav2vec2-conformer`.
    Wav2Vec2Conformer(Wav2Vec2Conformer),
    /// Google's Conformer: `lasr_ctc`, `lasr_encoder`.
    Lasr(Lasr),
    /// IBM's Granite Speech, out of the whole model: `granite_speech`, `granite_speech_plus`.
    GraniteSpeech(GraniteSpeech),
    /// IBM's Granite Speech 5: `granite_speech5_ctc`.
    GraniteSpeech5(GraniteSpeech5),
    /// OpenAI's Transformer: `whisper`, alone or out of the whole model.
    Whisper(WhisperEncoder),
    /// Any of the others with trained layers and a CTC head on top: `slm_ctc_layers`.
    WithCtcLayers(WithCtcLayers),
}

impl SpeechEncoder {
    fn model_mut(&mut self) -> &mut dyn EncoderModel {
        match self {
            Self::Parakeet(model) => model,
            Self::Wav2Vec2Bert(model) => model,
            Self::Wav2Vec2Conformer(model) => model,
            Self::Lasr(model) => model,
            Self::GraniteSpeech(model) => model,
            Self::GraniteSpeech5(model) => model,
            Self::Whisper(model) => model,
            Self::WithCtcLayers(model) => model,
        }
    }

    /// The same encoder, whose states are those of `layers` and its last ones, side by side: `n` layers make `[B, T', E]`
    /// `[B, T', (n + 1) * E]`. Whether it can is told by [`layers_problem`](super::layers_problem); its
    /// [width](Self::output_width) stays that of one layer.
    #[must_use]
    pub fn with_layers(mut self, layers: &BTreeSet<usize>) -> Self {
        if let Some(side) = self.model_mut().side_layers() {
            side.clone_from(layers);
        }
        self
    }

    fn model(&self) -> &dyn EncoderModel {
        match self {
            Self::Parakeet(model) => model,
            Self::Wav2Vec2Bert(model) => model,
            Self::Wav2Vec2Conformer(model) => model,
            Self::Lasr(model) => model,
            Self::GraniteSpeech(model) => model,
            Self::GraniteSpeech5(model) => model,
            Self::Whisper(model) => model,
            Self::WithCtcLayers(model) => model,
        }
    }

    /// Features `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        self.forward_watched(features, &Watch::default())
    }

    /// The same until `watch` stops: from then on the states are unfinished, and maybe fewer.
    pub fn forward_watched(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        self.model().forward(features, watch)
    }

    /// What its config says of it.
    pub fn sizes(&self) -> &dyn EncoderSizes {
        self.model().sizes()
    }

    /// Width `M` of the features that it reads.
    pub fn input_width(&self) -> usize {
        self.sizes().input_width()
    }

    /// Width `E` of the states.
    pub fn output_width(&self) -> usize {
        self.sizes().output_width()
    }

    /// The CTC head's matrix `[V, E]` and bias `[V]`; `None` without a head.
    pub fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        self.model().ctc_head()
    }

    /// Labels `V` of the CTC head, the blank included; `None` without a head.
    pub fn labels(&self) -> Option<usize> {
        self.ctc_head().map(|(weight, _)| weight.dims()[0])
    }

    /// The blank label of the CTC head.
    pub fn blank(&self) -> usize {
        self.sizes().blank()
    }

    /// Scores of the CTC head, `[B, T', E]`, or several layers side by side, to `[B, T', V]`; `None` without a head.
    pub fn ctc_logits(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        let (weight, bias) = self.ctc_head()?;
        let ([_, _, all], [_, width]) = (states.dims(), weight.dims());
        // The head reads the last layer alone: [B, T', (n + 1) * E] -> [B, T', E]
        let states = states.values().narrow(2, all.saturating_sub(width), width);
        Some(states.matmul(weight.transpose().unsqueeze()) + bias.unsqueeze())
    }

    /// [`EncoderSizes::no_speech_threshold`].
    pub fn no_speech_threshold(&self) -> Option<f64> {
        self.sizes().no_speech_threshold()
    }

    /// Frames `T` of the input for each state: its rate over that of the states.
    pub fn stride(&self) -> usize {
        self.sizes().stride()
    }

    /// [`EncoderSizes::working_bytes`].
    pub fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        self.sizes().working_bytes(rows, frames)
    }
}
