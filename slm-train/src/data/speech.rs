//! A manifest's audio as log-mel frames, held in memory.

use anyhow::Context;
use rayon::prelude::*;
use slm_core::audio;
use slm_core::features::{Features, LogMel};

use super::manifest::Utterance;

/// Reads every file and computes its features, on all cores.
///
/// # Errors
///
/// The first file that cannot be read.
pub fn features(utterances: &[Utterance], log_mel: &LogMel) -> anyhow::Result<Vec<Features>> {
    utterances
        .par_iter()
        .map(|utterance| {
            let audio = audio::read(&utterance.audio_filepath)?;
            Ok(log_mel.extract(&audio.samples))
        })
        .collect::<Result<_, audio::AudioError>>()
        .context("cannot compute features")
}
