//! What an adapter reads of encoded speech: its states, made shorter, and beside them what they say in the language model's
//! own tokens where the adapter asks for that.
//!
//! Shapes: `B` utterances, `T` rows, `E` width of the states, `D` the language model's width.

use burn::prelude::*;
use rand::Rng;
use thiserror::Error;

use crate::adapter::{HeardToken, LengthReduction, ReducedSpeech};
use crate::ctc::HeardTokens;
use crate::llm::LanguageModel;
use crate::nn::{EncodedSpeech, PaddedBatch, PaddedIds};
use crate::text::{TextTokenizer, TokenizerError};

/// Makes rows for an adapter.
#[derive(Debug, Clone)]
pub struct SpeechRows {
    reduction: LengthReduction,
    /// Where the reduction needs them.
    heard: Option<HeardTokens>,
}

/// Why an adapter's reduction goes with an encoder not at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowsError {
    /// The reduction needs text.
    #[error("adapter `reduction` needs the text of a CTC head, the encoder has no tokenizer for its labels")]
    NoLabels,
    /// Labels that cannot be decoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl SpeechRows {
    /// By `reduction`, for an encoder whose CTC labels `labels` names and a language model with this tokenizer.
    ///
    /// # Errors
    ///
    /// [`RowsError`] where the reduction needs what the labels spell and nothing says it.
    pub fn new(
        reduction: LengthReduction,
        labels: Option<&TextTokenizer>,
        tokenizer: &TextTokenizer,
        llm: &LanguageModel,
    ) -> Result<Self, RowsError> {
        let heard = if reduction.needs_texts() {
            let labels = labels.ok_or(RowsError::NoLabels)?;
            Some(HeardTokens::new(labels, tokenizer, llm.ids().pad)?)
        } else {
            None
        };
        Ok(Self { reduction, heard })
    }

    /// Reduces one utterance for inference.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] of heard text that the language model's tokenizer cannot encode.
    pub fn of(&self, speech: &EncodedSpeech) -> Result<ReducedSpeech, TokenizerError> {
        Ok(self.reduction.apply(speech, &self.tokens(speech)?))
    }

    /// Reduces one utterance in training, where some reductions draw.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub fn drawn<R: Rng>(
        &self,
        speech: &EncodedSpeech,
        rng: &mut R,
    ) -> Result<ReducedSpeech, TokenizerError> {
        Ok(self.reduction.apply_in_training(speech, &self.tokens(speech)?, rng))
    }

    fn tokens(&self, speech: &EncodedSpeech) -> Result<Vec<HeardToken>, TokenizerError> {
        self.heard.as_ref().map_or_else(|| Ok(Vec::new()), |heard| heard.of(speech))
    }
}

/// What the adapter reads of a batch, `[B, T, E]`, or `[B, T, E + D]` where rows stand for tokens of `llm`, which is on `device`.
pub fn adapter_input(speech: &[ReducedSpeech], llm: &LanguageModel, device: &Device) -> PaddedBatch {
    let rows: Vec<&[f32]> = speech.iter().map(|one| one.rows.as_slice()).collect();
    let states = PaddedBatch::from_rows(&rows, speech.first().map_or(1, |one| one.width), device);
    if speech.iter().all(|one| one.tokens.is_empty()) {
        return states;
    }
    let ids: Vec<&[u32]> = speech.iter().map(|one| one.tokens.as_slice()).collect();
    let embeddings = llm.embed(&PaddedIds::from_rows(&ids, llm.ids().pad, device));
    // [B, T, E], [B, T, D] -> [B, T, E + D]
    states.with_values(Tensor::cat(vec![states.values(), embeddings.values()], 2))
}
