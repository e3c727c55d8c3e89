//! A decoder-only language model: the decoder and its head.
//!
//! Reference: transformers 5.23.0, `LlamaForCausalLM`, `GraniteForCausalLM`.
//! Shapes: `B` rows, `S` positions of what it reads, `L` of a text, `D` width, `V` vocabulary rows.

use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::Int;

use super::cache::PromptCache;
use super::config::CausalConfig;
use super::decoder::CausalDecoder;
use crate::checkpoint::Checkpoint;
use crate::llm::drafts::{Drafts, Stepping, after_prompt};
use crate::llm::error::LlmError;
use crate::llm::lora::{Lora, LoraError};
use crate::llm::model::{LlmSizes, TextModel};
use crate::llm::output_head::OutputHead;
use crate::nn::matrix::{self, MatrixLinear};
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// The names of the head and of the embedding in a file.
pub(super) const HEAD: &str = "lm_head.weight";
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";

/// The model; without a head of its own, its embedding is the head. Its parts have the names that files have for them.
#[derive(Module, Debug)]
pub struct CausalLm {
    model: CausalDecoder,
    lm_head: Option<MatrixLinear>,
    /// An id that stands for what is no text.
    #[module(skip)]
    placeholder: Option<u32>,
    #[module(skip)]
    config: CausalConfig,
}

impl CausalConfig {
    /// Builds the model with random weights on `device`.
    pub fn init(&self, device: &Device) -> CausalLm {
        self.build(if self.tie_word_embeddings { OutputHead::Tied } else { OutputHead::Own }, device)
    }

    pub(super) fn build(&self, head: OutputHead, device: &Device) -> CausalLm {
        CausalLm {
            model: self.init_decoder(device),
            lm_head: (head == OutputHead::Own).then(|| {
                let linear = LinearConfig::new(self.hidden_size, self.vocab_size);
                linear.with_bias(false).init(device).into()
            }),
            placeholder: None,
            config: self.clone(),
        }
    }
}

impl CausalLm {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = CausalConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, HEAD, EMBEDDING, true)?
        } else {
            // One that is missing is told.
            OutputHead::Own
        };
        let model = config.build(head, placement.device());
        Ok(weights::load(model, &files, &placement, str::to_owned, is_ignored)?.freeze())
    }

    /// The same with the matrices of an adapter added to its own.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora(self, adapter: &Lora) -> Result<Self, LoraError> {
        Ok(adapter.merge(self, "")?.freeze())
    }

    /// The same with an id that stands for what is no text. Where it is read or written as if it were, it is embedded as id 0.
    #[must_use]
    pub fn with_placeholder(self, id: u32) -> Self {
        Self { placeholder: Some(id), ..self }
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &CausalConfig {
        &self.config
    }

    /// Hidden states of embeddings `[B, S, D]`, after the last norm, `[B, S, D]`.
    pub fn states(&self, inputs: &PaddedBatch) -> PaddedBatch {
        self.model.forward(inputs, &Watch::default())
    }

    /// Logits of hidden states, `[B, S, D]` to `[B, S, V]`.
    pub fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(states),
            // [B, S, D] x [D, V] -> [B, S, V]
            None => matrix::product(states, self.model.embed_tokens.weight.val().transpose()),
        };
        logits / self.config.logits_scaling
    }

    /// Embeddings of ids, `[B, S]` to `[B, S, D]`.
    fn embedded(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let ids = match self.placeholder {
            Some(id) => ids.clone().mask_fill(ids.equal_elem(id), 0),
            None => ids,
        };
        self.model.embed_tokens.forward(ids)
    }

    /// `[B, 1, D]` to `[B, V]`.
    fn last_logits(&self, states: Tensor<3>) -> Tensor<2> {
        self.logits(states).squeeze_dim(1)
    }
}

impl TextModel for CausalLm {
    fn sizes(&self) -> &dyn LlmSizes {
        &self.config
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`; Granite's factor comes when they are read.
    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        PaddedBatch::new(self.embedded(tokens.ids.clone()), tokens.lengths.clone())
    }

    fn embedding_rms(&self) -> Tensor<1> {
        matrix::full(self.model.embed_tokens.weight.val()).square().mean().sqrt()
    }

    /// The inputs as they are: they are read when a text begins, and with it.
    fn encode(&self, inputs: &PaddedBatch, _: &Watch) -> PaddedBatch {
        inputs.clone()
    }

    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = decoder_input_ids.dims();
        // The first id stands for the end of the prompt.
        let inputs = if length > 1 {
            let written = self.embedded(decoder_input_ids.narrow(1, 1, length - 1));
            memory.join(&PaddedBatch::new(written, vec![length - 1; batch]))
        } else {
            memory.clone()
        };
        let ends: Vec<usize> = memory.lengths().iter().map(|length| length - 1).collect();
        // [B, S + L - 1, D] -> [B, L, D] -> [B, L, V]
        self.logits(self.states(&inputs).values_from(&ends, length))
    }

    fn begin(&self, memory: &PaddedBatch, watch: &Watch) -> Drafts<'_> {
        let (states, cache) = self.model.begin(memory, watch);
        after_prompt(self, cache, self.last_logits(states), &self.config.ends)
    }
}

impl Stepping for CausalLm {
    type Cache = PromptCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut PromptCache) -> Tensor<2> {
        self.last_logits(self.model.next(self.embedded(last), cache))
    }
}

/// Tensors of a file that the model does without: a copy of the embedding, and tables that are computed here.
fn is_ignored(name: &str) -> bool {
    name == HEAD || name.ends_with(".rotary_emb.inv_freq")
}
