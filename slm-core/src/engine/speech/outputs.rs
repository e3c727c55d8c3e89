//! What the encoder makes of pieces of a recording: from the cache, and of the others in batches that fit into the memory.

use std::sync::Arc;

use super::error::SpeechError;
use super::model::SpeechModel;
use super::piece::{Piece, Work};
use super::seconds;
use super::segment::Cut;
use crate::ctc::EncoderOutput;

/// Does `work` on all of `pieces`. Where that fails each is tried alone, so that one that cannot be done does not take the
/// others along.
///
/// # Errors
///
/// Only when the work was cancelled.
pub(super) fn together_or_alone<P, T>(
    pieces: &[P],
    mut work: impl FnMut(&[P]) -> Result<Vec<T>, SpeechError>,
) -> Result<Vec<Result<T, SpeechError>>, SpeechError> {
    match work(pieces) {
        Ok(done) => Ok(done.into_iter().map(Ok).collect()),
        Err(error) if error.is_cancelled() => Err(error),
        Err(error) if pieces.len() == 1 => Ok(vec![Err(error)]),
        Err(_) => pieces
            .iter()
            .map(|piece| match work(std::slice::from_ref(piece)) {
                Ok(mut done) => Ok(done.pop().ok_or(SpeechError::Cancelled)),
                Err(error) if error.is_cancelled() => Err(error),
                Err(error) => Ok(Err(error)),
            })
            .collect(),
    }
}

impl SpeechModel {
    /// What the encoder makes of each piece. One that was joined of segments is heard segment by segment where the model
    /// allows it, so that its transcript and every question about it share the states.
    pub(super) fn outputs(
        &self,
        pieces: &[Piece],
        work: &Work,
    ) -> Result<Vec<Arc<EncoderOutput>>, SpeechError> {
        let parts: Vec<Vec<&[f32]>> = pieces.iter().map(|piece| self.heard_as(piece.cut)).collect();
        let sounds: Vec<&[f32]> = parts.iter().flatten().copied().collect();
        let mut outputs = self.outputs_of(&sounds, work)?.into_iter();
        let join = |parts: &Vec<&[f32]>| {
            let mut all: Vec<Arc<EncoderOutput>> = outputs.by_ref().take(parts.len()).collect();
            match all.len() {
                0 => Err(SpeechError::Cancelled),
                1 => Ok(all.remove(0)),
                _ => Ok(Arc::new(EncoderOutput::join(&all))),
            }
        };
        parts.iter().map(join).collect()
    }

    /// What the CTC head alone hears in each segment.
    ///
    /// # Errors
    ///
    /// Only when the work was cancelled.
    pub(crate) fn ctc_texts(
        &self,
        cuts: &[Cut],
        work: &Work,
    ) -> Result<Vec<Result<String, SpeechError>>, SpeechError> {
        together_or_alone(cuts, |cuts| {
            let sounds: Vec<&[f32]> = cuts.iter().map(|cut| cut.samples.as_slice()).collect();
            let outputs = self.outputs_of(&sounds, work)?;
            outputs.iter().map(|output| Ok(self.ctc_text(&output.speech)?.unwrap_or_default())).collect()
        })
    }

    /// The sounds that the encoder is given of a segment.
    fn heard_as<'a>(&self, cut: &'a Cut) -> Vec<&'a [f32]> {
        if self.writes().takes_joined_states() { cut.parts() } else { vec![&cut.samples] }
    }

    /// What the encoder makes of each sound.
    fn outputs_of(&self, sounds: &[&[f32]], work: &Work) -> Result<Vec<Arc<EncoderOutput>>, SpeechError> {
        // Another adapter may read other layers of the encoder.
        let layers = self.ears.layers_key();
        let key = |sound: &&[f32]| Some(work.cache?.key(sound)? + &layers);
        let keys: Vec<Option<String>> = sounds.iter().map(key).collect();
        let get = |key: &Option<String>| work.cache.and_then(|cache| cache.get(key.as_ref()?));
        let mut outputs: Vec<Option<Arc<EncoderOutput>>> = keys.iter().map(get).collect();
        let missing: Vec<usize> = (0..sounds.len()).filter(|&index| outputs[index].is_none()).collect();
        let longest = missing.iter().map(|&index| sounds[index].len()).max().unwrap_or(0);
        for missing in missing.chunks(self.batch_rows(seconds(longest))) {
            let batch: Vec<&[f32]> = missing.iter().map(|&index| sounds[index]).collect();
            for (&index, output) in missing.iter().zip(self.ears.listen(&batch, self.device(), work.watch)?) {
                let output = Arc::new(output);
                if let (Some(cache), Some(key)) = (work.cache, &keys[index]) {
                    cache.insert(key.clone(), &output);
                }
                outputs[index] = Some(output);
            }
        }
        outputs.into_iter().collect::<Option<Vec<_>>>().ok_or(SpeechError::Cancelled)
    }
}
