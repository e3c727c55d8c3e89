//! The decoder with its head, as texts are written with it.
//!
//! Reference: transformers 5.23.0, `CanaryForConditionalGeneration` and `CohereAsrForConditionalGeneration`.
//! Shapes: `B` rows, `L` positions, `S` states of width `E`, `D` width, `V` vocabulary rows.

use burn::module::{Initializer, Param};
use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::Int;

use super::config::SpeechDecoderConfig;
use super::decoder::SpeechDecoderStack;
use super::family::{self, EMBEDDING, HEAD};
use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::llm::cache::DecoderCache;
use crate::llm::decoder::DecoderStack;
use crate::llm::drafts::{Drafts, Stepping, after_prompt};
use crate::llm::error::LlmError;
use crate::llm::output_head::OutputHead;
use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};

/// The decoder; without a head of its own, its embedding is the matrix of the head.
#[derive(Module, Debug)]
pub struct SpeechDecoder {
    source_proj: Option<MatrixLinear>,
    stack: SpeechDecoderStack,
    head: Option<MatrixLinear>,
    /// The bias `[V]` of a head whose matrix is the embedding.
    head_bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    config: SpeechDecoderConfig,
}

impl SpeechDecoderConfig {
    /// Builds the decoder with random weights on `device`.
    pub fn init(&self, head: OutputHead, device: &Device) -> SpeechDecoder {
        let (source, width, rows) = (self.source_width, self.width, self.vocab_size);
        let linear = |input, output| LinearConfig::new(input, output).init(device).into();
        SpeechDecoder {
            source_proj: self.has_projection.then(|| linear(source, width)),
            stack: self.init_stack(device),
            head: (head == OutputHead::Own).then(|| linear(width, rows)),
            head_bias: (head == OutputHead::Tied).then(|| Initializer::Zeros.init([rows], device)),
            config: self.clone(),
        }
    }
}

impl SpeechDecoder {
    /// Whether these files have the decoder of a family's model beside its encoder.
    pub fn is_in(files: &WeightFiles, model_type: &str) -> bool {
        family::named(model_type).is_some_and(|family| family.prefix(files).is_some())
    }

    /// Loads config and weights of a checkpoint, the decoder alone; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        let placement = placement.into();
        let family = family::of(checkpoint)?;
        let config = SpeechDecoderConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let prefix = family.prefix(&files).unwrap_or_default();
        let head_name = family.name(HEAD, prefix);
        let embedding = family.name(EMBEDDING, prefix);
        // A head that the config says is there must be in the file.
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, &head_name, &embedding, true)?
        } else {
            OutputHead::Own
        };
        let name = |path: &str| family.name(path, prefix);
        // The rest is the encoder's, that of the features, and a copy of the embedding.
        let encoder = format!("{prefix}encoder.");
        let is_ignored =
            |name: &str| name.starts_with(&encoder) || name.starts_with("preprocessor.") || name == head_name;
        let model = config.init(head, placement.device());
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &SpeechDecoderConfig {
        &self.config
    }

    /// The device that it is on.
    pub fn device(&self) -> Device {
        self.stack.embed_tokens.weight.lazy_device()
    }

    /// Logits `[B, L, V]` after each of the ids `[B, L]`, beside the encoder's states `[B, S, E]`.
    pub fn decode(&self, states: &PaddedBatch, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        let memory = self.memory(states);
        self.logits(self.stack.forward(self.stack.embed(ids, 0..length), &memory))
    }

    /// Texts that begin with the ids `[B, L]`, beside the encoder's states `[B, S, E]`, before the first id that is chosen.
    pub fn begin(&self, states: &PaddedBatch, ids: Tensor<2, Int>) -> Drafts<'_> {
        let [_, length] = ids.dims();
        let mut cache = self.stack.start(&self.memory(states));
        let states = self.stack.step(self.stack.embed(ids, 0..length), &mut cache);
        // [B, L, D] -> [B, 1, D] -> [B, V]
        let first = self.logits(states.narrow(1, length - 1, 1)).squeeze_dim(1);
        after_prompt(self, cache, first, &self.config.ends)
    }

    /// What the layers read of the encoder's states, `[B, S, E]` to `[B, S, D]`.
    fn memory(&self, states: &PaddedBatch) -> PaddedBatch {
        match &self.source_proj {
            Some(linear) => states.with_values(linear.forward(states.values())),
            None => states.clone(),
        }
    }

    /// `[B, L, D]` to `[B, L, V]`.
    fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        if let Some(head) = &self.head {
            return head.forward(states);
        }
        let logits = self.stack.embed_tokens.logits(states);
        match &self.head_bias {
            Some(bias) => logits + bias.val().unsqueeze(),
            None => logits,
        }
    }
}

impl Stepping for SpeechDecoder {
    type Cache = DecoderCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        let [_, added] = last.dims();
        let x = self.stack.embed(last, cache.len()..cache.len() + added);
        // [B, 1, V] -> [B, V]
        self.logits(self.stack.step(x, cache)).squeeze_dim(1)
    }
}
