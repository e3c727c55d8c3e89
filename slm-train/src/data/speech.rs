//! A manifest's audio as features, held in memory.

use std::ops::Range;

use anyhow::Context;
use rayon::prelude::*;
use slm_core::audio;
use slm_core::features::{FeatureExtractor, Features};

use super::manifest::Utterance;

/// Samples of a frame of [`span`]: 10 ms.
const FRAME: usize = 160;
/// The quietest frame of an utterance counts as this far below its loud ones at most, in dB.
const RANGE_DB: f64 = 50.0;
/// Where between the quiet and the loud frames speech begins.
const THRESHOLD: f64 = 0.3;

/// Reads every file and computes its features, on all cores.
///
/// # Errors
///
/// The first file that cannot be read.
pub fn features(utterances: &[Utterance], extractor: &FeatureExtractor) -> anyhow::Result<Vec<Features>> {
    Ok(features_and_spans(utterances, extractor)?.0)
}

/// The same, with the [`span`] of each.
///
/// # Errors
///
/// As [`features`].
pub fn features_and_spans(
    utterances: &[Utterance],
    extractor: &FeatureExtractor,
) -> anyhow::Result<(Vec<Features>, Vec<Range<f64>>)> {
    utterances
        .par_iter()
        .map(|utterance| {
            let audio = audio::read(&utterance.audio_filepath)?;
            Ok((extractor.extract(&audio.samples), span(&audio.samples)))
        })
        .collect::<Result<Vec<_>, audio::AudioError>>()
        .map(|all| all.into_iter().unzip())
        .context("cannot compute features")
}

/// From the first to the last loud frame of samples at 16 kHz, in seconds.
pub fn span(samples: &[f32]) -> Range<f64> {
    let level = |frame: &[f32]| {
        let power = frame.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / FRAME as f64;
        10.0 * (power + 1e-12).log10()
    };
    let levels: Vec<f64> = samples.chunks_exact(FRAME).map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied().unwrap_or_default();
    let loud = at(0.95);
    let quiet = at(0.03).max(loud - RANGE_DB);
    let threshold = quiet + THRESHOLD * (loud - quiet);
    let is_speech = |level: &f64| *level > threshold;
    let seconds = |frame: usize| (frame * FRAME) as f64 / f64::from(audio::SAMPLE_RATE);
    let first = levels.iter().position(is_speech).unwrap_or(0);
    let last = levels.iter().rposition(is_speech).map_or(levels.len(), |last| last + 1);
    seconds(first)..seconds(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_at_the_ends_is_no_speech() {
        let mut samples = vec![0.0; 16_000];
        for (n, sample) in samples[4_000..12_000].iter_mut().enumerate() {
            *sample = 0.3 * (0.4 * n as f32).sin();
        }
        let span = span(&samples);
        assert!((span.start - 0.25).abs() < 0.011 && (span.end - 0.75).abs() < 0.011, "{span:?}");
    }
}
