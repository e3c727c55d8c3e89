//! What every model hears with: features, the speech encoder, and the tokenizer of its CTC labels.

use std::collections::BTreeSet;

use burn::prelude::*;

use super::error::SpeechError;
use crate::audio::SAMPLE_RATE;
use crate::ctc::{
    self, Aligned, CtcPosteriors, EncoderOutput, Measure, PhraseList, PhraseSearch, WordAligner, best_path,
};
use crate::encoder::SpeechEncoder;
use crate::features::{FeatureExtractor, Features};
use crate::nn::{EncodedSpeech, PaddedBatch, Watch};
use crate::prompt::Phrases;
use crate::text::{TextTokenizer, TokenizerError};

/// The parts of a model that hear; all tensors are on one device, without autodiff.
#[derive(Debug, Clone)]
pub struct Ears {
    /// The encoder's features.
    pub features: FeatureExtractor,
    /// The speech encoder.
    pub encoder: SpeechEncoder,
    /// The tokenizer of the encoder's CTC labels, where there is one.
    pub labels: Option<TextTokenizer>,
    /// The layers of the encoder whose states lie beside its last ones.
    pub(super) layers: BTreeSet<usize>,
}

impl Ears {
    /// Of an encoder whose last states are heard.
    pub(super) fn new(
        features: FeatureExtractor,
        encoder: SpeechEncoder,
        labels: Option<TextTokenizer>,
    ) -> Self {
        Self { features, encoder, labels, layers: BTreeSet::new() }
    }

    /// Widths that contradict each other, as a text.
    pub(super) fn problem(&self) -> Option<String> {
        let (found, expected) = (self.features.width(), self.encoder.input_width());
        (found != expected).then(|| {
            format!("the width of the features is {found}, that of the encoder's input is {expected}")
        })
    }

    /// The same with these layers of the encoder beside the last one.
    pub(super) fn hearing(mut self, layers: &BTreeSet<usize>) -> Self {
        self.layers.clone_from(layers);
        self.encoder = self.encoder.with_layers(&self.layers);
        self
    }

    /// From which doubt of its CTC head on a sound counts as no speech, where its config says it.
    pub(super) fn no_speech_threshold(&self) -> Option<f64> {
        self.encoder.no_speech_threshold()
    }

    /// What tells its states from those with other layers.
    pub(super) fn layers_key(&self) -> String {
        if self.layers.is_empty() { String::new() } else { format!("{:?}", self.layers) }
    }

    /// Values of a state beside those of the last layer.
    pub(super) fn values_beside(&self) -> usize {
        self.layers.len() * self.encoder.output_width()
    }

    /// Checks that every label has a row in the CTC head.
    pub(super) fn check_labels(&self) -> Result<(), TokenizerError> {
        match (&self.labels, self.encoder.labels()) {
            (Some(labels), Some(rows)) => labels.check_rows(rows),
            _ => Ok(()),
        }
    }

    /// The tokenizer of the labels of the encoder's CTC head; `None` without a head or a tokenizer.
    pub fn heard_labels(&self) -> Option<&TextTokenizer> {
        self.labels.as_ref().filter(|_| self.encoder.labels().is_some())
    }

    /// Seconds from a state of the encoder to the next.
    pub fn state_seconds(&self) -> f64 {
        (self.features.hop() * self.encoder.stride()) as f64 / f64::from(SAMPLE_RATE)
    }

    /// Prepares phrases for requests.
    ///
    /// # Errors
    ///
    /// [`SpeechError::NoLabels`] when the encoder has no CTC head or there is no tokenizer for its labels.
    pub fn phrases(&self, list: &PhraseList) -> Result<Phrases, SpeechError> {
        let labels = self.heard_labels().ok_or(SpeechError::NoLabels)?;
        Ok(Phrases::new(PhraseSearch::new(list, labels)?))
    }

    /// What the encoder makes of 16 kHz samples, each one utterance that is not empty, as one batch on `device`, until
    /// `watch` stops it.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Encoder`] when the device fails, and [`SpeechError::Cancelled`].
    pub fn listen(
        &self,
        audios: &[&[f32]],
        device: &Device,
        watch: &Watch,
    ) -> Result<Vec<EncoderOutput>, SpeechError> {
        if audios.is_empty() {
            return Ok(Vec::new());
        }
        let mut features: Vec<Features> = Vec::with_capacity(audios.len());
        for samples in audios {
            if watch.is_stopped() {
                return Err(SpeechError::Cancelled);
            }
            features.push(self.features.extract(samples));
        }
        let rows: Vec<&[f32]> = features.iter().map(|one| one.values.as_slice()).collect();
        let batch = PaddedBatch::from_rows(&rows, self.features.width(), device);
        drop(features);
        Ok(ctc::listen(&self.encoder, &batch, watch)?)
    }

    /// What the encoder's CTC head made of the sound; `None` without a head or a tokenizer for its labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn ctc_text(&self, speech: &EncodedSpeech) -> Result<Option<String>, SpeechError> {
        match &self.labels {
            Some(labels) if !speech.ctc.is_empty() => Ok(Some(labels.decode(&best_path::labels(speech))?)),
            _ => Ok(None),
        }
    }

    /// Lays `text` onto the sound, measured by `measure`; `None` without a tokenizer for the CTC labels.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn align(
        &self,
        text: &str,
        posteriors: &CtcPosteriors,
        measure: Measure,
    ) -> Result<Option<Aligned>, SpeechError> {
        let Some(labels) = &self.labels else { return Ok(None) };
        let aligner = WordAligner::new(labels).with_measure(measure);
        Ok(Some(aligner.align(text, posteriors, self.state_seconds())?))
    }

    /// Lays the text of `labels` of the head onto the sound, each word as sure as the head is; `None` without a tokenizer.
    ///
    /// # Errors
    ///
    /// [`SpeechError::Tokenizer`].
    pub fn align_labels(
        &self,
        labels: &[u32],
        posteriors: &CtcPosteriors,
    ) -> Result<Option<Aligned>, SpeechError> {
        let Some(tokenizer) = &self.labels else { return Ok(None) };
        let aligner = WordAligner::new(tokenizer).with_measure(Measure::Probability);
        Ok(Some(aligner.align_labels(labels, posteriors, self.state_seconds())?))
    }

    /// Values on the host for work on `frames` feature frames of `samples`: each with the batch that it is copied to.
    pub(super) fn host_values(&self, samples: usize, frames: usize) -> usize {
        samples
            + 2 * frames * self.features.width()
            + 2 * self.states(frames)
                * (self.encoder.output_width() + self.values_beside() + self.encoder.labels().unwrap_or(0))
    }

    /// States of `frames` feature frames.
    pub(super) fn states(&self, frames: usize) -> usize {
        frames.div_ceil(self.encoder.stride().max(1))
    }
}
