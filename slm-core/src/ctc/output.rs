//! From features to the host: an encoder's states, and all that its CTC head says of them.
//!
//! Paper: Graves et al. 2006, *Connectionist Temporal Classification*: the head's softmax gives each frame a
//! probability for every label and for the blank.
//! Shapes: `B` utterances, `T` feature frames of width `M`, `T'` states of width `E`, `V` labels.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use super::posteriors::CtcPosteriors;
use crate::checkpoint::tensors::Cause;
use crate::encoder::SpeechEncoder;
use crate::nn::{EncodedSpeech, PaddedBatch, Watch};

/// What an encoder makes of one utterance, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderOutput {
    /// The states, with the head's most probable labels.
    pub speech: EncodedSpeech,
    /// The probabilities of all labels; `None` without a CTC head.
    pub posteriors: Option<CtcPosteriors>,
}

impl EncoderOutput {
    /// The outputs of sounds that follow each other, as one. All are of one encoder.
    pub(crate) fn join(parts: &[impl AsRef<Self>]) -> Self {
        let parts: Vec<&Self> = parts.iter().map(AsRef::as_ref).collect();
        let speech = EncodedSpeech {
            states: parts.iter().flat_map(|part| part.speech.states.iter().copied()).collect(),
            width: parts.first().map_or(0, |part| part.speech.width),
            ctc: parts.iter().flat_map(|part| part.speech.ctc.iter().copied()).collect(),
            blank: parts.first().map_or(0, |part| part.speech.blank),
        };
        let posteriors: Option<Vec<&CtcPosteriors>> =
            parts.iter().map(|part| part.posteriors.as_ref()).collect();
        let posteriors = posteriors.and_then(|parts| CtcPosteriors::join(&parts));
        Self { speech, posteriors }
    }
}

/// Why there is no output of an encoder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadBackError {
    /// The device failed; this is what the backend said.
    #[error("cannot read the encoder's output from the device: {0}")]
    Device(#[source] Cause),
    /// The caller's watch stopped.
    #[error("cancelled")]
    Cancelled,
}

/// Encodes features `[B, T, M]` and reads states and posteriors back, one entry a row, without padding.
///
/// # Errors
///
/// [`ReadBackError`] when the device fails, or `watch` stops before the states are there.
pub fn listen(
    encoder: &SpeechEncoder,
    features: &PaddedBatch,
    watch: &Watch,
) -> Result<Vec<EncoderOutput>, ReadBackError> {
    let states = encoder.forward_watched(features, watch);
    if watch.is_stopped() {
        // The states are unfinished.
        return Err(ReadBackError::Cancelled);
    }
    // [B, T', E] -> [B, T', V]
    let log_probs = encoder.ctc_logits(&states).map(|logits| log_softmax(logits, 2));
    read_back(&states, log_probs, encoder.blank() as u32)
}

/// Encodes features `[B, T, M]` and reads the states back, one entry a row, without padding.
///
/// # Errors
///
/// [`ReadBackError::Device`] when the device fails.
pub fn encode(encoder: &SpeechEncoder, features: &PaddedBatch) -> Result<Vec<EncodedSpeech>, ReadBackError> {
    let outputs = listen(encoder, features, &Watch::default())?;
    Ok(outputs.into_iter().map(|output| output.speech).collect())
}

/// Reads states `[B, T', E]` and log-probabilities `[B, T', V]`, where there are any, back from their device, one entry a
/// row, without padding.
///
/// # Errors
///
/// [`ReadBackError::Device`] when the device fails.
pub fn read_back(
    states: &PaddedBatch,
    log_probs: Option<Tensor<3>>,
    blank: u32,
) -> Result<Vec<EncoderOutput>, ReadBackError> {
    let values = |tensor: Tensor<3>| {
        tensor.try_into_vec_as::<f32>().map_err(|error| ReadBackError::Device(error.into()))
    };
    let [_, time, width] = states.dims();
    let labels = log_probs.as_ref().map_or(0, |tensor| tensor.dims()[2]);
    let log_probs = log_probs.map(values).transpose()?;
    let all_states = values(states.values())?;
    let row_output = |(row, &length): (usize, &usize)| {
        let real = row * time..row * time + length;
        let posteriors = log_probs.as_ref().map(|log_probs| {
            let rows = log_probs[real.start * labels..real.end * labels].to_vec();
            CtcPosteriors::new(rows, labels, blank)
        });
        let states = all_states[real.start * width..real.end * width].to_vec();
        let ctc = posteriors.as_ref().map(CtcPosteriors::best_frames).unwrap_or_default();
        EncoderOutput { speech: EncodedSpeech { states, width, ctc, blank }, posteriors }
    };
    Ok(states.lengths().iter().enumerate().map(row_output).collect())
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_without_their_padding() {
        let device = Device::flex();
        // [B, T', E] = [2, 2, 2], the second row of one state.
        let states = PaddedBatch::from_rows(&[&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0]], 2, &device);
        // [B, T', V] = [2, 2, 3]
        let log_probs: Vec<f32> = (0..12).map(|i| -((i * 5 % 7) as f32)).collect();
        let tensor = Tensor::from_data(TensorData::new(log_probs.clone(), [2, 2, 3]), &device);
        let outputs = read_back(&states, Some(tensor), 2).unwrap();
        let [first, second] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(first.speech.states, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!((second.speech.len(), second.speech.states.as_slice()), (1, &[5.0, 6.0][..]));
        let posteriors = second.posteriors.as_ref().unwrap();
        assert_eq!((posteriors.frames(), posteriors.frame(0)), (1, &log_probs[6..9]));
        assert_eq!(second.speech.ctc, posteriors.best_frames());
        let headless = read_back(&states, None, 0).unwrap();
        assert!(headless.iter().all(|output| output.posteriors.is_none() && output.speech.ctc.is_empty()));
    }
}
