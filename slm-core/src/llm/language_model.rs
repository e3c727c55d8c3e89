//! Any of the language models.
//!
//! Shapes: `B` rows, `S` source positions, `L` target positions, `D` width, `V` vocabulary rows.

use std::path::Path;

use burn::prelude::*;
use burn::tensor::Int;
use serde::Deserialize;

use super::{DecoderCache, LlmError, T5, T5Gemma};
use crate::batch::{PaddedBatch, PaddedIds};
use crate::json::{self, JsonError};
use crate::weights::Placement;

/// A language model of one of the families.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a program, tensors are handles")]
pub enum LanguageModel {
    /// T5, mT5, UMT5 and what is fine-tuned from them: `t5`, `mt5`, `umt5`.
    T5(T5),
    /// T5Gemma and T5Gemma 2: `t5gemma`, `t5gemma2`.
    T5Gemma(T5Gemma),
}

/// The `model_type`s that [`LanguageModel::load`] knows.
pub const MODEL_TYPES: [&str; 5] = ["t5", "mt5", "umt5", "t5gemma", "t5gemma2"];

/// The ids that mean something to the model itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenIds {
    /// Padding.
    pub pad: u32,
    /// The end of a sequence, of several the first.
    pub eos: u32,
    /// What the decoder starts from.
    pub decoder_start: u32,
}

impl TokenIds {
    /// The ids that a vocabulary of `rows` lacks, one text each.
    pub(super) fn problems(&self, rows: usize) -> Vec<String> {
        [("pad_token_id", self.pad), ("eos_token_id", self.eos), ("bos_token_id", self.decoder_start)]
            .into_iter()
            .filter(|(_, id)| *id as usize >= rows)
            .map(|(name, id)| format!("`{name}` {id}, vocabulary has {rows}"))
            .collect()
    }
}

impl LanguageModel {
    /// Loads config and weights of a Hugging Face folder; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, the unknown family, or the tensors that are missing, unexpected or misshaped.
    pub fn load(dir: &Path, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        #[derive(Deserialize)]
        struct Family {
            #[serde(default)]
            model_type: Option<String>,
        }
        let path = dir.join("config.json");
        match json::read::<Family>(&path)?.model_type.as_deref() {
            // A config without a family is T5's, as it always was.
            None | Some("t5" | "mt5" | "umt5") => Ok(Self::T5(T5::load(dir, placement)?)),
            Some("t5gemma" | "t5gemma2") => Ok(Self::T5Gemma(T5Gemma::load(dir, placement)?)),
            Some(other) => {
                let known = MODEL_TYPES.map(|name| format!("`{name}`")).join(", ");
                let problem = format!("`model_type` is `{other}`, language models are {known}");
                Err(JsonError::Invalid { path, problems: vec![problem] }.into())
            }
        }
    }

    /// Width `D` of what [`Self::embed`] gives and [`Self::encode`] takes.
    pub fn d_model(&self) -> usize {
        match self {
            Self::T5(model) => model.config().d_model,
            Self::T5Gemma(model) => model.config().encoder.hidden_size,
        }
    }

    /// Vocabulary rows `V`, which may exceed the tokenizer's ids.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::T5(model) => model.config().vocab_size,
            Self::T5Gemma(model) => model.config().decoder.vocab_size,
        }
    }

    /// The ids that mean something to the model itself.
    pub fn ids(&self) -> TokenIds {
        match self {
            Self::T5(model) => {
                let config = model.config();
                TokenIds {
                    pad: config.pad_token_id,
                    eos: config.eos_token_id,
                    decoder_start: config.decoder_start_token_id,
                }
            }
            Self::T5Gemma(model) => model.config().ids,
        }
    }

    /// The ids that end a text, of which [`TokenIds::eos`] is the first.
    pub fn ends(&self) -> &[u32] {
        match self {
            Self::T5(model) => std::slice::from_ref(&model.config().eos_token_id),
            Self::T5Gemma(model) => &model.config().ends,
        }
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`: what [`Self::encode`] takes, and the space that an adapter
    /// maps speech to. Where a family scales embeddings inside its encoder, speech is scaled with them.
    pub fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        match self {
            Self::T5(model) => model.embed(tokens),
            Self::T5Gemma(model) => model.embed(tokens),
        }
    }

    /// The root mean square of what [`Self::embed`] gives, the size that adapted speech should have.
    pub fn embedding_rms(&self) -> Tensor<1> {
        match self {
            Self::T5(model) => model.embedding_rms(),
            Self::T5Gemma(model) => model.embedding_rms(),
        }
    }

    /// Reads embeddings of speech, text or both, `[B, S, D]` to `[B, S, D]`.
    pub fn encode(&self, inputs: &PaddedBatch) -> PaddedBatch {
        match self {
            Self::T5(model) => model.encode(inputs),
            Self::T5Gemma(model) => model.encode(inputs),
        }
    }

    /// Teacher forcing: logits `[B, L, V]` after each of the decoder's input ids `[B, L]`.
    pub fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        match self {
            Self::T5(model) => model.decode(memory, decoder_input_ids),
            Self::T5Gemma(model) => model.decode(memory, decoder_input_ids),
        }
    }

    /// The state before the first step over `memory` `[B, S, D]`.
    pub fn start(&self, memory: &PaddedBatch) -> DecoderCache {
        match self {
            Self::T5(model) => model.start(memory),
            Self::T5Gemma(model) => model.start(memory),
        }
    }

    /// One step: logits `[B, V]` after the last id of each row, `[B, 1]`.
    pub fn step(&self, ids: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        match self {
            Self::T5(model) => model.step(ids, cache),
            Self::T5Gemma(model) => model.step(ids, cache),
        }
    }
}
