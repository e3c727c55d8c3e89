//! The decoder with its head, as texts are written with it.
//!
//! Reference: transformers 5.23.0, `WhisperForConditionalGeneration`.
//! Shapes: `B` rows, `L` positions, `S` states, `D` width, `V` vocabulary rows.

use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::Int;

use super::config::WhisperDecoderConfig;
use super::decoder::WhisperStack;
use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::llm::cache::DecoderCache;
use crate::llm::decoder::DecoderStack;
use crate::llm::drafts::{Drafts, Stepping, after_prompt};
use crate::llm::error::LlmError;
use crate::llm::output_head::OutputHead;
use crate::nn::PaddedBatch;
use crate::nn::matrix::MatrixLinear;
use crate::nn::weights::{self, Placement};

/// The name of the head in a file.
const HEAD: &str = "proj_out.weight";
/// What files have before the names of the decoder's tensors: those with a head, and those without one.
const PREFIXES: [&str; 2] = ["model.decoder.", "decoder."];
/// The name by which a prefix is found.
const EMBEDDING: &str = "embed_tokens.weight";

/// The decoder; without a head of its own, its embedding is the head.
#[derive(Module, Debug)]
pub struct WhisperDecoder {
    pub(super) decoder: WhisperStack,
    proj_out: Option<MatrixLinear>,
    #[module(skip)]
    config: WhisperDecoderConfig,
}

impl WhisperDecoderConfig {
    /// Builds the decoder with random weights on `device`.
    pub fn init(&self, head: OutputHead, device: &Device) -> WhisperDecoder {
        WhisperDecoder {
            decoder: self.init_stack(device),
            proj_out: (head == OutputHead::Own).then(|| {
                let linear = LinearConfig::new(self.d_model, self.vocab_size);
                linear.with_bias(false).init(device).into()
            }),
            config: self.clone(),
        }
    }
}

/// What the files have before the names of a decoder's tensors; `None` where they have no decoder.
fn prefix(files: &WeightFiles) -> Option<&'static str> {
    PREFIXES.into_iter().find(|prefix| files.contains(&format!("{prefix}{EMBEDDING}")))
}

impl WhisperDecoder {
    /// Whether these files have a decoder beside the encoder.
    pub fn is_in(files: &WeightFiles) -> bool {
        prefix(files).is_some()
    }

    /// Loads config and weights of a checkpoint, the decoder alone; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = WhisperDecoderConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let prefix = prefix(&files).unwrap_or(PREFIXES[0]);
        let embedding = format!("{prefix}{EMBEDDING}");
        let head = OutputHead::of(&files, HEAD, &embedding, config.tie_word_embeddings)?;
        let name = |path: &str| match path.strip_prefix("decoder.") {
            Some(rest) => format!("{prefix}{rest}"),
            None => path.to_owned(),
        };
        // All else is the encoder's.
        let is_ignored = |name: &str| !name.starts_with(prefix);
        let model = config.init(head, placement.device());
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &WhisperDecoderConfig {
        &self.config
    }

    /// The device that it is on.
    pub fn device(&self) -> Device {
        self.decoder.embed_tokens.weight.lazy_device()
    }

    /// Logits `[B, L, V]` after each of the ids `[B, L]`, beside states `[B, S, D]`.
    pub fn decode(&self, memory: &PaddedBatch, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        self.logits(self.decoder.forward(self.decoder.embed(ids, 0..length), memory))
    }

    /// Texts that begin with the ids `[B, L]`, beside states `[B, S, D]`, before the first id that is chosen.
    pub fn begin(&self, memory: &PaddedBatch, ids: Tensor<2, Int>) -> Drafts<'_> {
        let [_, length] = ids.dims();
        let mut cache = self.decoder.start(memory);
        let states = self.decoder.step(self.decoder.embed(ids, 0..length), &mut cache);
        // [B, L, D] -> [B, 1, D] -> [B, V]
        let first = self.logits(states.narrow(1, length - 1, 1)).squeeze_dim(1);
        after_prompt(self, cache, first, self.config.ends())
    }

    /// `[B, L, D]` to `[B, L, V]`.
    pub(super) fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        match &self.proj_out {
            Some(head) => head.forward(states),
            None => self.decoder.embed_tokens.logits(states),
        }
    }
}

impl Stepping for WhisperDecoder {
    type Cache = DecoderCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        let [_, added] = last.dims();
        let x = self.decoder.embed(last, cache.len()..cache.len() + added);
        // [B, 1, V] -> [B, V]
        self.logits(self.decoder.step(x, cache)).squeeze_dim(1)
    }
}
