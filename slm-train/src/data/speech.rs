//! A manifest's audio as features, held in memory.

use anyhow::Context;
use rayon::prelude::*;
use slm_core::audio;
use slm_core::features::{FeatureExtractor, Features};

use super::manifest::Utterance;

/// Reads every file and computes its features, on all cores.
///
/// # Errors
///
/// The first file that cannot be read.
pub fn features(utterances: &[Utterance], extractor: &FeatureExtractor) -> anyhow::Result<Vec<Features>> {
    utterances
        .par_iter()
        .map(|utterance| {
            let audio = audio::read(&utterance.audio_filepath)?;
            Ok(extractor.extract(&audio.samples))
        })
        .collect::<Result<_, audio::AudioError>>()
        .context("cannot compute features")
}
