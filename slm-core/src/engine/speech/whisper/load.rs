//! Loads what hears and what writes, and says how long a piece may be.

use super::writer::WhisperWriter;
use crate::checkpoint::Checkpoint;
use crate::encoder::SpeechEncoder;
use crate::engine::speech::ears::Ears;
use crate::engine::speech::error::LoadError;
use crate::features::FeatureExtractor;
use crate::nn::weights::Placement;

/// What hears, what writes, and the seconds of a piece at most.
pub(in crate::engine::speech) fn load(
    checkpoint: &Checkpoint,
    placement: &Placement,
) -> Result<(Ears, WhisperWriter, f64), LoadError> {
    let features = FeatureExtractor::from_checkpoint(checkpoint)?;
    let FeatureExtractor::WhisperMel(mel) = &features else {
        let problems = vec!["a Whisper needs the features of `WhisperFeatureExtractor`".to_owned()];
        return Err(LoadError::Mismatch { problems });
    };
    let window = mel.window_seconds();
    // Segments that part within speech share a little more.
    let longest = (window - 1.0).max(window / 2.0);
    let writer = WhisperWriter::load(checkpoint, placement, longest)?;
    let encoder = SpeechEncoder::load(checkpoint, placement)?;
    Ok((Ears::new(features, encoder, None), writer, longest))
}
