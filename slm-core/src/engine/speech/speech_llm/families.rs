//! The families of published speech language models.

use super::config::SpeechLlmConfig;
use super::granite::Granite;
use super::published::Published;
use super::salm::Salm;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::nemo::SALM_TYPE;
use crate::engine::speech::error::LoadError;

/// The `model_type`s of speech language models.
pub(in crate::engine) const MODEL_TYPES: &[&str] = &["granite_speech", "granite_speech_plus", SALM_TYPE];

/// The folder of a speech language model.
pub(super) fn open(checkpoint: &Checkpoint) -> Result<Box<dyn Published>, LoadError> {
    let is_salm = checkpoint.model_type()?.as_deref() == Some(SALM_TYPE);
    Ok(if is_salm {
        Box::new(Salm::open(checkpoint)?)
    } else {
        let config = SpeechLlmConfig::from_checkpoint(checkpoint)?;
        Box::new(Granite { checkpoint: checkpoint.clone(), config })
    })
}
