//! The families of speech encoders: which `model_type` is whose.

use burn::module::Module;

use super::ctc_layers::{CTC_LAYERS, CtcLayersConfig, LayersSizes};
use super::error::EncoderError;
use super::granite::{self, GraniteSpeech};
use super::granite5::{self, GraniteSpeech5};
use super::lasr::{self, Lasr};
use super::model::EncoderSizes;
use super::parakeet::{self, NEMO, Parakeet, SALM};
use super::speech_encoder::{SpeechEncoder, WithCtcLayers};
use super::wav2vec2::{self, Wav2Vec2Bert, Wav2Vec2Conformer};
use super::whisper::{self, WhisperEncoder};
use crate::checkpoint::json::JsonError;
use crate::checkpoint::{BASE_FOLDER, CONFIG_FILE, Checkpoint};
use crate::nn::weights::Placement;

/// Speech encoders of the same parts and the same names in their files.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The `model_type`s of its checkpoints.
    pub model_types: &'static [&'static str],
    /// Loads config and weights; the weights are constants for autodiff.
    pub load: fn(&Checkpoint, &Placement) -> Result<SpeechEncoder, EncoderError>,
    /// The labels of the CTC head, the blank included; `None` without a head. No tensor is read.
    pub labels: fn(&Checkpoint) -> Result<Option<usize>, EncoderError>,
    /// Reads the config alone.
    pub sizes: fn(&Checkpoint) -> Result<Box<dyn EncoderSizes>, EncoderError>,
}

/// All families, a line each.
pub static FAMILIES: [Family; 8] = [
    Family {
        model_types: parakeet::MODEL_TYPES,
        load: |checkpoint, placement| Ok(SpeechEncoder::Parakeet(Parakeet::load(checkpoint, placement)?)),
        labels: |checkpoint| Ok(parakeet::ParakeetConfig::from_checkpoint(checkpoint)?.labels()),
        sizes: |checkpoint| Ok(Box::new(parakeet::ParakeetConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: wav2vec2::bert::MODEL_TYPES,
        load: |checkpoint, placement| {
            Ok(SpeechEncoder::Wav2Vec2Bert(Wav2Vec2Bert::load(checkpoint, placement)?))
        },
        labels: |checkpoint| {
            let config = wav2vec2::Wav2Vec2BertConfig::from_checkpoint(checkpoint)?;
            wav2vec2::head_labels(&config.blocks, &checkpoint.weights()?, checkpoint)
        },
        sizes: |checkpoint| Ok(Box::new(wav2vec2::Wav2Vec2BertConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: wav2vec2::conformer::MODEL_TYPES,
        load: |checkpoint, placement| {
            Ok(SpeechEncoder::Wav2Vec2Conformer(Wav2Vec2Conformer::load(checkpoint, placement)?))
        },
        labels: |checkpoint| {
            let config = wav2vec2::Wav2Vec2ConformerConfig::from_checkpoint(checkpoint)?;
            wav2vec2::head_labels(&config.blocks, &checkpoint.weights()?, checkpoint)
        },
        sizes: |checkpoint| Ok(Box::new(wav2vec2::Wav2Vec2ConformerConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: lasr::MODEL_TYPES,
        load: |checkpoint, placement| Ok(SpeechEncoder::Lasr(Lasr::load(checkpoint, placement)?)),
        labels: |checkpoint| Ok(lasr::LasrConfig::from_checkpoint(checkpoint)?.labels()),
        sizes: |checkpoint| Ok(Box::new(lasr::LasrConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: granite::MODEL_TYPES,
        load: |checkpoint, placement| {
            Ok(SpeechEncoder::GraniteSpeech(GraniteSpeech::load(checkpoint, placement)?))
        },
        labels: |checkpoint| {
            Ok(Some(granite::GraniteSpeechConfig::from_checkpoint(checkpoint)?.encoder_config.output_dim))
        },
        sizes: |checkpoint| Ok(Box::new(granite::GraniteSpeechConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: granite5::MODEL_TYPES,
        load: |checkpoint, placement| {
            Ok(SpeechEncoder::GraniteSpeech5(GraniteSpeech5::load(checkpoint, placement)?))
        },
        labels: |checkpoint| {
            Ok(Some(granite5::GraniteSpeech5Config::from_checkpoint(checkpoint)?.vocab_size))
        },
        sizes: |checkpoint| Ok(Box::new(granite5::GraniteSpeech5Config::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: whisper::MODEL_TYPES,
        load: |checkpoint, placement| {
            Ok(SpeechEncoder::Whisper(WhisperEncoder::load(checkpoint, placement)?))
        },
        labels: |_| Ok(None),
        sizes: |checkpoint| Ok(Box::new(whisper::WhisperEncoderConfig::from_checkpoint(checkpoint)?)),
    },
    Family {
        model_types: &[CTC_LAYERS],
        load: |checkpoint, placement| {
            let (base, sizes) = (base_of(checkpoint)?, layers_sizes(checkpoint)?);
            let base = SpeechEncoder::load(&base, placement)?;
            let config = CtcLayersConfig::from_checkpoint(checkpoint)?;
            let layers = config.load_weights(checkpoint, base.output_width(), placement)?.freeze();
            Ok(SpeechEncoder::WithCtcLayers(WithCtcLayers::new(base, layers, sizes)))
        },
        labels: |checkpoint| Ok(Some(CtcLayersConfig::from_checkpoint(checkpoint)?.vocab_size)),
        sizes: |checkpoint| Ok(Box::new(layers_sizes(checkpoint)?)),
    },
];

impl SpeechEncoder {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`EncoderError`] naming the file, the unknown family, or the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, EncoderError> {
        (of(checkpoint)?.load)(checkpoint, &placement.into())
    }
}

/// The family whose checkpoints have this `model_type`.
pub fn family_of(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.model_types.contains(&model_type))
}

/// The `model_type`s that the `config.json` of a speech encoder may have.
pub fn model_types() -> Vec<&'static str> {
    let all = FAMILIES.iter().flat_map(|family| family.model_types).copied();
    // What NeMo writes has none.
    all.filter(|name| ![NEMO, SALM].contains(name)).collect()
}

/// What the config of a checkpoint says of its encoder; the weights are not read.
///
/// # Errors
///
/// [`EncoderError`] naming the file and the unknown family or the invalid fields.
pub fn sizes(checkpoint: &Checkpoint) -> Result<Box<dyn EncoderSizes>, EncoderError> {
    (of(checkpoint)?.sizes)(checkpoint)
}

/// The labels of the CTC head of a checkpoint's encoder, the blank included; `None` without a head. No tensor is read.
///
/// # Errors
///
/// [`EncoderError`] naming the file and what is wrong with it.
pub fn labels(checkpoint: &Checkpoint) -> Result<Option<usize>, EncoderError> {
    (of(checkpoint)?.labels)(checkpoint)
}

/// What the configs of layers and of the encoder that they stand on say.
fn layers_sizes(checkpoint: &Checkpoint) -> Result<LayersSizes, EncoderError> {
    Ok(LayersSizes::new(sizes(&base_of(checkpoint)?)?, CtcLayersConfig::from_checkpoint(checkpoint)?))
}

/// The files of the encoder that layers stand on.
fn base_of(checkpoint: &Checkpoint) -> Result<Checkpoint, EncoderError> {
    let path = checkpoint.path_of(CONFIG_FILE);
    let base =
        checkpoint.base().map_err(|error| EncoderError::Base { path: path.clone(), source: error.into() })?;
    base.ok_or_else(|| {
        let missing =
            format!("it stands on another encoder, and the folder `{BASE_FOLDER}` beside it has none");
        JsonError::Invalid { path, problems: vec![missing] }.into()
    })
}

/// The family of a checkpoint.
fn of(checkpoint: &Checkpoint) -> Result<&'static Family, EncoderError> {
    let found = checkpoint.model_type()?;
    let found = found.as_deref().unwrap_or("absent");
    family_of(found).ok_or_else(|| {
        let known: Vec<String> = model_types().into_iter().map(|name| format!("`{name}`")).collect();
        let problem = format!("`model_type` is `{found}`, speech encoders are {}", known.join(", "));
        JsonError::Invalid { path: checkpoint.path_of(CONFIG_FILE), problems: vec![problem] }.into()
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;
    use std::iter::successors;

    use super::*;

    #[test]
    fn the_system_s_reason_is_kept_of_a_base_that_cannot_be_listed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(BASE_FOLDER)).unwrap();
        let base = dir.path().join(BASE_FOLDER).join("x.gguf");
        std::fs::write(&base, "x").unwrap();
        let checkpoint = Checkpoint::listed(dir.path(), ["base/x.gguf"]).unwrap();
        // It is gone since it was listed.
        std::fs::remove_file(&base).unwrap();
        let error = base_of(&checkpoint).unwrap_err();
        let expected = format!("config.json`: 1 invalid field: cannot open `{}`", base.display());
        assert!(error.to_string().ends_with(&expected), "{error}");
        let mut causes = successors(error.source(), |&cause| cause.source());
        let found = causes.find_map(<dyn Error>::downcast_ref::<io::Error>).unwrap();
        assert_eq!(found.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn every_model_type_has_one_family() {
        let mut names = model_types();
        assert_eq!(names.len(), 15);
        for name in names.iter().chain([&NEMO, &SALM]) {
            assert!(family_of(name).is_some_and(|family| family.model_types.contains(name)), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 15);
        assert!(!names.contains(&NEMO) && !names.contains(&SALM) && family_of("t5").is_none());
    }
}
