//! A decoder-only language model: the decoder and its head.
//!
//! Reference: transformers 5.23.0, `LlamaForCausalLM`, `GraniteForCausalLM`.
//! Shapes: `B` rows, `S` positions of what it reads, `L` of a text, `D` width, `V` vocabulary rows.

use burn::nn::LinearConfig;
use burn::prelude::*;
use burn::tensor::Int;

use super::config::CausalConfig;
use super::decoder::CausalDecoder;
use crate::checkpoint::Checkpoint;
use crate::llm::decoder_only::DecoderOnly;
use crate::llm::drafts::Drafts;
use crate::llm::error::LlmError;
use crate::llm::lora::{self, Attachment, Lora, LoraError};
use crate::llm::model::{LlmSizes, TextModel};
use crate::llm::names::{EMBEDDING, HEAD, Names};
use crate::llm::output_head::OutputHead;
use crate::llm::prompt_cache::PromptCache;
use crate::llm::shared_prompt::SharedPrompt;
use crate::nn::matrix::{self, MatrixLinear};
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, PaddedIds, Watch};

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
        let name = |path: &str| lora::base_name(&files, path.to_owned());
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }

    /// The same with an adapter, whose matrices count beside its own. It may be one that was made for a larger model which
    /// this one is a part of.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora(&self, adapter: &Lora, attachment: Attachment) -> Result<Self, LoraError> {
        let mut model = self.clone();
        let names = Names::of_adapter(adapter);
        if names.have_head(adapter) {
            model.lm_head.get_or_insert_with(|| self.model.embed_tokens.head());
        }
        adapter.attach(model, attachment, |path| names.name(path), |_| false)
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
            None => self.model.embed_tokens.logits(states),
        };
        logits / self.config.logits_scaling
    }
}

impl TextModel for CausalLm {
    fn sizes(&self) -> &dyn LlmSizes {
        &self.config
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`; Granite's factor comes when they are read.
    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        PaddedBatch::new(self.lookup(tokens.ids.clone()), tokens.lengths.clone())
    }

    fn embedding_rms(&self) -> Tensor<1> {
        matrix::full(self.model.embed_tokens.weight.val()).square().mean().sqrt()
    }

    /// The inputs as they are: they are read when a text begins, and with it.
    fn encode(&self, inputs: &PaddedBatch, _: &Watch) -> PaddedBatch {
        inputs.clone()
    }

    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.decode_through(memory, decoder_input_ids, |inputs| self.states(inputs))
    }

    fn read_shared(&self, ids: &PaddedIds) -> Option<SharedPrompt> {
        Some(self.model.read_shared(self.lookup(ids.ids.clone())))
    }

    fn decode_behind(
        &self,
        shared: &SharedPrompt,
        memory: &PaddedBatch,
        decoder_input_ids: Tensor<2, Int>,
    ) -> Tensor<3> {
        let states = |inputs: &PaddedBatch| self.model.forward_after(shared, inputs);
        self.decode_through(memory, decoder_input_ids, states)
    }

    fn begin(&self, memory: &PaddedBatch, watch: &Watch) -> Drafts<'_> {
        self.begin_after(memory, watch, &self.config.ends)
    }
}

impl DecoderOnly for CausalLm {
    fn depth(&self) -> usize {
        self.model.depth()
    }

    fn lookup(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let ids = match self.placeholder {
            Some(id) => ids.clone().mask_fill(ids.equal_elem(id), 0),
            None => ids,
        };
        self.model.embed_tokens.forward(ids)
    }

    fn next_states(&self, next: Tensor<3>, cache: &mut PromptCache, watch: &Watch) -> Tensor<3> {
        self.model.next(next, cache, watch)
    }

    fn logits_of(&self, states: Tensor<3>) -> Tensor<3> {
        self.logits(states)
    }
}

/// Tensors of a file that the model does without: a copy of the embedding, and tables that are computed here.
fn is_ignored(name: &str) -> bool {
    name == HEAD || name.ends_with(".rotary_emb.inv_freq") || lora::is_part(name)
}
