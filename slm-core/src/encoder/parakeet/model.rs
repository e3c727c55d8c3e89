//! Parakeet: NVIDIA's FastConformer encoder with a CTC head, in the layout of Hugging Face.
//!
//! Paper: FastConformer, arXiv 2305.05084. Reference: transformers 5.23.0, `modeling_parakeet.py`,
//! `ParakeetEncoder` and `ParakeetForCTC`.
//! Shapes: `B` utterances, `T` feature frames, `T'` states, `M` mel bins, `E` width, `V` labels.

use std::collections::BTreeSet;
use std::path::Path;

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::config::{
    CANARY, COHERE_ASR, NEMO, PARAKEET_CTC, PARAKEET_ENCODER, ParakeetConfig, ParakeetEncoderConfig, SALM,
    USM_CTC, USM_ENCODER,
};
use super::names::FileNames;
use super::nemo::NemoParakeet;
use super::subsampling::Subsampling;
use super::whole;
use crate::checkpoint::json::{self, JsonError};
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WEIGHTS_FILE};
use crate::encoder::conformer::block::{self, ConformerBlock};
use crate::encoder::error::EncoderError;
use crate::encoder::head;
use crate::encoder::model::EncoderSizes;
use crate::encoder::model::{EncoderModel, unfinished};
use crate::encoder::side_by_side::SideBySide;
use crate::nn::weights::{self, Placement, StorageType};
use crate::nn::{PaddedBatch, Watch};

/// The `model_type`s of this family.
pub(in crate::encoder) const MODEL_TYPES: &[&str] =
    &[PARAKEET_CTC, PARAKEET_ENCODER, USM_CTC, USM_ENCODER, CANARY, COHERE_ASR, NEMO, SALM];

/// The encoder and, when the folder has one, its CTC head.
#[derive(Module, Debug)]
pub struct Parakeet {
    subsampling: Subsampling,
    layers: Vec<ConformerBlock>,
    ctc_head: Option<Conv1d>,
    #[module(skip)]
    side_layers: BTreeSet<usize>,
    #[module(skip)]
    config: ParakeetConfig,
}

/// The model that NeMo's settings describe, where `checkpoint` has such.
fn nemo_model(checkpoint: &Checkpoint) -> Result<Option<NemoParakeet>, EncoderError> {
    match checkpoint.nemo_source()? {
        Some(source) => Ok(Some(NemoParakeet::of(&source)?)),
        None => Ok(None),
    }
}

impl ParakeetConfig {
    /// Reads `config.json` of a checkpoint of type `parakeet_ctc`, `parakeet_encoder`, `usm_ctc` or `usm_encoder`, or of a
    /// model that has the encoder as a part (`canary`, `cohere_asr`), or the settings of NeMo.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] if the file cannot be read or its fields are invalid.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, EncoderError> {
        match nemo_model(checkpoint)? {
            Some(model) => Ok(model.config),
            None => Ok(Self::from_json(checkpoint)?),
        }
    }

    fn from_json(checkpoint: &Checkpoint) -> Result<Self, JsonError> {
        let raw: serde_json::Value = checkpoint.json(CONFIG_FILE)?;
        let path = checkpoint.path_of(CONFIG_FILE);
        let content = |source| JsonError::Content { path: path.clone(), source };
        let config: Self = match raw.get("model_type").and_then(serde_json::Value::as_str) {
            Some(PARAKEET_CTC | USM_CTC) => serde_json::from_value(raw).map_err(content)?,
            Some(PARAKEET_ENCODER | USM_ENCODER) => {
                Self::bare(serde_json::from_value::<ParakeetEncoderConfig>(raw).map_err(content)?)
            }
            Some(whole @ (CANARY | COHERE_ASR)) => {
                let sizes = whole::encoder_config(&raw, whole).map_err(content)?;
                if let Some(problem) = whole::problem(&sizes) {
                    return Err(JsonError::Invalid { path, problems: vec![problem] });
                }
                Self::bare(sizes)
            }
            other => {
                let found = other.unwrap_or("absent");
                let known: Vec<&str> = MODEL_TYPES.iter().copied().filter(|name| *name != NEMO).collect();
                let problem = format!("`model_type` is `{found}`, expected one of `{}`", known.join("`, `"));
                return Err(JsonError::Invalid { path, problems: vec![problem] });
            }
        };
        json::checked(config, &path, Self::problems)
    }

    /// Builds the encoder with the weights of `checkpoint`; on a device with autodiff they are trainable.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load_weights(
        &self,
        checkpoint: &Checkpoint,
        placement: impl Into<Placement>,
    ) -> Result<Parakeet, EncoderError> {
        let placement = placement.into();
        let (model, files) = (self.init(placement.device()), checkpoint.weights()?);
        let names = FileNames::of(checkpoint, nemo_model(checkpoint)?.as_ref(), self, &files)?;
        let (name, is_ignored) = (|path: &str| names.name(path), |name: &str| names.ignores(name));
        Ok(weights::load(model, &files, &placement, name, is_ignored)?)
    }

    /// Builds the encoder with random weights on `device`.
    pub fn init(&self, device: &Device) -> Parakeet {
        let encoder = &self.encoder_config;
        Parakeet {
            subsampling: encoder.subsampling().init(device),
            layers: (0..encoder.num_hidden_layers).map(|_| encoder.block().init(device)).collect(),
            ctc_head: self
                .has_ctc_head()
                .then(|| Conv1dConfig::new(encoder.hidden_size, self.vocab_size, 1).init(device)),
            side_layers: BTreeSet::new(),
            config: self.clone(),
        }
    }
}

impl Parakeet {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        Ok(ParakeetConfig::from_checkpoint(checkpoint)?.load_weights(checkpoint, placement)?.freeze())
    }

    /// Writes `config.json` and `model.safetensors`, so that transformers loads the folder.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), EncoderError> {
        let path = dir.join(CONFIG_FILE);
        if self.config.has_ctc_head() {
            json::write(&path, &self.config)?;
        } else {
            // Without a head the sizes are not nested.
            json::write(&path, &self.config.encoder_config)?;
        }
        let names = FileNames::of_transformers(&self.config);
        weights::save(self, &dir.join(WEIGHTS_FILE), |path| names.name(path), storage)?;
        Ok(())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &ParakeetConfig {
        &self.config
    }

    /// Log-mel frames `[B, T, M]` to hidden states `[B, T', E]`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        EncoderModel::forward(self, features, &Watch::default())
    }

    /// The CTC head's matrix `[V, E]` and bias `[V]`; `None` without a head.
    pub fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        self.ctc_head.as_ref().map(head::of_convolution)
    }

    /// The same encoder with the labels of `config`: label `i` starts as the mean of the old labels
    /// `sources[i]`, and the blank as the old blank. So what it has learnt of aligning speech with one set
    /// of pieces serves for another.
    ///
    /// `config` has the sizes of this encoder and a label for each of `sources`, then the blank.
    #[must_use]
    pub fn relabelled(mut self, config: ParakeetConfig, sources: &[Vec<u32>]) -> Self {
        if let Some((weight, bias)) = self.ctc_head() {
            let device = weight.device();
            let [old_labels, width] = weight.dims();
            let labels = config.vocab_size;
            let old_blank = [self.config.pad_token_id as u32];
            let rows = sources.iter().map(Vec::as_slice).chain([old_blank.as_slice()]);
            let mut shares = vec![0.0; labels * old_labels];
            for (label, row) in rows.enumerate() {
                for &old in row {
                    shares[label * old_labels + old as usize] += 1.0 / row.len() as f32;
                }
            }
            let shares = TensorData::new(shares, [labels, old_labels]);
            let shares = Tensor::<2>::from_data(shares, &device.clone().without_autodiff());
            // [V, V'] x [V', E] -> [V, E]
            let weight = shares.clone().matmul(weight.inner()).reshape([labels, width, 1]);
            let bias = shares.matmul(bias.inner().reshape([old_labels, 1])).reshape([labels]);
            self.ctc_head = self.ctc_head.map(|mut head| {
                head.weight = weights::parameter(weight, &device);
                head.bias = Some(weights::parameter(bias, &device));
                head
            });
        }
        self.config = config;
        self
    }

    /// Scores of the CTC head, `[B, T', E]` to `[B, T', V]`; `None` without a head.
    pub fn ctc_logits(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        let head = self.ctc_head.as_ref()?;
        // [B, T', E] -> [B, E, T'] -> [B, V, T'] -> [B, T', V]
        Some(head.forward(states.values().swap_dims(1, 2)).swap_dims(1, 2))
    }

    /// Log-probabilities of the CTC labels, `[B, T', V]`; `None` without a head.
    pub fn ctc_log_probs(&self, states: &PaddedBatch) -> Option<Tensor<3>> {
        self.ctc_logits(states).map(|logits| log_softmax(logits, 2))
    }
}

impl EncoderModel for Parakeet {
    fn forward(&self, features: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let encoder = &self.config.encoder_config;
        let Some(mut frames) = self.subsampling.forward(features, watch) else {
            return unfinished(features, encoder.hidden_size);
        };
        if encoder.scale_input {
            frames = frames.with_values(frames.values() * (encoder.hidden_size as f64).sqrt());
        }
        let mut side = SideBySide::new(&self.side_layers);
        let frames = block::through(&self.layers, encoder.block().span, frames, watch, &mut side);
        side.with(frames)
    }

    fn ctc_head(&self) -> Option<(Tensor<2>, Tensor<1>)> {
        Self::ctc_head(self)
    }

    fn sizes(&self) -> &dyn EncoderSizes {
        &self.config
    }

    fn side_layers(&mut self) -> Option<&mut BTreeSet<usize>> {
        Some(&mut self.side_layers)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn new_labels_start_from_the_old_ones_that_spell_them() {
        let device = Device::flex();
        let encoder = ParakeetEncoderConfig {
            hidden_size: 8,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 8,
            conv_kernel_size: 3,
            subsampling_factor: 2,
            subsampling_conv_channels: 2,
            num_mel_bins: 8,
            ..ParakeetEncoderConfig::default()
        };
        let old = ParakeetConfig::ctc(encoder.clone(), 3).init(&device);
        let read = |model: &Parakeet| {
            let (weight, bias) = model.ctc_head().unwrap();
            let [labels, width] = weight.dims();
            let weight = weight.into_data().try_to_vec::<f32>().unwrap();
            let bias = bias.into_data().try_to_vec::<f32>().unwrap();
            let rows: Vec<(Vec<f32>, f32)> = weight.chunks(width).map(<[f32]>::to_vec).zip(bias).collect();
            assert_eq!(rows.len(), labels);
            rows
        };
        let before = read(&old);
        let config = ParakeetConfig::ctc(encoder, 4);
        let new = old.relabelled(config.clone(), &[vec![2], vec![0, 1], vec![], vec![0]]);
        assert_eq!(new.config(), &config);
        let after = read(&new);
        assert_eq!(after.len(), 5);
        assert_eq!([&after[0], &after[3], &after[4]], [&before[2], &before[0], &before[3]]);
        for (column, found) in after[1].0.iter().enumerate() {
            let expected = 0.5 * (before[0].0[column] + before[1].0[column]);
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        assert!(after[2].0.iter().all(|value| value.abs() < f32::EPSILON));
    }
}
