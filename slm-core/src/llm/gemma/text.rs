//! Gemma 3's text model: a decoder alone, of the layers that T5Gemma 2 has.
//!
//! Paper: *Gemma 3*, arXiv 2503.19786. Reference: transformers 5.23.0, `Gemma3ForCausalLM`.
//! Shapes: `B` rows, `S` positions of what it reads, `D` width, `V` vocabulary rows.

use std::ops::Range;
use std::sync::Arc;

use burn::nn::{EmbeddingConfig, Initializer, LinearConfig};
use burn::prelude::*;
use burn::tensor::Int;

use super::encoder::EncoderLayer;
use super::norm::GemmaNorm;
use super::places::Places;
use super::text_config::GemmaTextConfig;
use crate::checkpoint::Checkpoint;
use crate::llm::cache::capacity_for;
use crate::llm::decoder_only::DecoderOnly;
use crate::llm::drafts::Drafts;
use crate::llm::error::LlmError;
use crate::llm::lora::{self, Attachment, Lora, LoraError};
use crate::llm::model::{LlmSizes, TextModel};
use crate::llm::names::{EMBEDDING, HEAD, Names};
use crate::llm::output_head::OutputHead;
use crate::llm::prompt_cache::PromptCache;
use crate::llm::visibility::rows_of;
use crate::nn::attend::soft_cap;
use crate::nn::blocks::MAX_SCORES;
use crate::nn::matrix::{self, MatrixEmbedding, MatrixLinear};
use crate::nn::recomputed::{recomputed, recomputes};
use crate::nn::rotary::Rotation;
use crate::nn::transformer::KeysValues;
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// The model; without a head of its own, its embedding is the head.
#[derive(Module, Debug)]
pub struct GemmaText {
    embedding: MatrixEmbedding,
    layers: Vec<EncoderLayer>,
    norm: GemmaNorm,
    lm_head: Option<MatrixLinear>,
    #[module(skip)]
    config: GemmaTextConfig,
}

impl GemmaTextConfig {
    /// Builds the model with random weights on `device`.
    pub fn init(&self, device: &Device) -> GemmaText {
        self.build(if self.tie_word_embeddings { OutputHead::Tied } else { OutputHead::Own }, device)
    }

    fn build(&self, head: OutputHead, device: &Device) -> GemmaText {
        let stack = &self.stack;
        GemmaText {
            embedding: EmbeddingConfig::new(stack.vocab_size, stack.hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 0.02 })
                .init(device)
                .into(),
            layers: (0..stack.num_hidden_layers).map(|_| stack.init_layer(device)).collect(),
            norm: stack.norm().init(device),
            lm_head: (head == OutputHead::Own).then(|| {
                let linear = LinearConfig::new(stack.hidden_size, stack.vocab_size);
                linear.with_bias(false).init(device).into()
            }),
            config: self.clone(),
        }
    }
}

impl GemmaText {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = GemmaTextConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, HEAD, EMBEDDING, true)?
        } else {
            // One that is missing is told.
            OutputHead::Own
        };
        let model = config.build(head, placement.device());
        let name = |path: &str| lora::base_name(&files, hf_name(path));
        let is_ignored = |name: &str| name == HEAD || lora::is_part(name);
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
            model.lm_head.get_or_insert_with(|| self.embedding.head());
        }
        adapter.attach(model, attachment, |path| names.name(&hf_name(path)), |_| false)
    }

    /// The name that transformers has for the tensor at a path.
    pub(in crate::llm) fn tensor_name(path: &str) -> String {
        hf_name(path)
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &GemmaTextConfig {
        &self.config
    }

    /// Hidden states of embeddings `[B, S, D]`, after the last norm, `[B, S, D]`. Each position has seen itself and those
    /// before it; padding at a row's end needs no mask, as no real position sees it.
    pub fn states(&self, inputs: &PaddedBatch) -> PaddedBatch {
        let [_, length, _] = inputs.dims();
        let mut x = inputs.values();
        let places = Arc::new(Places::new(&self.config.stack, 0..length, length, &x.device().inner()));
        for (layer, &kind) in self.layers.iter().zip(&self.config.stack.layer_types) {
            if recomputes(&x, layer) {
                let (layer, places) = (layer.clone(), Arc::clone(&places));
                x = recomputed([x], move |[x]| {
                    through(&layer, x, places.of(kind), None, |own| own, &Watch::default())
                });
            } else {
                x = through(layer, x, places.of(kind), None, |own| own, &Watch::default());
            }
        }
        inputs.with_values(self.norm.forward(x))
    }

    /// Logits of hidden states, `[B, S, D]` to `[B, S, V]`.
    pub fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        let logits = match &self.lm_head {
            Some(head) => head.forward(states),
            None => self.embedding.logits(states),
        };
        match self.config.stack.final_logit_softcapping {
            Some(cap) => soft_cap(logits, cap),
            None => logits,
        }
    }
}

/// The residual stream after a layer, `[B, Q, D]` to the same; an unfinished one once `watch` stops. Its positions are turned
/// and see others as `place` says, `padding` is what hides the padding of prompts, `[B, 1, 1, S]`, and `own` turns the keys and
/// values of these positions into those of all so far.
fn through(
    layer: &EncoderLayer,
    x: Tensor<3>,
    place: (&Rotation, &Tensor<4>),
    padding: Option<&Tensor<4>>,
    own: impl FnOnce(KeysValues) -> KeysValues,
    watch: &Watch,
) -> Tensor<3> {
    let (rotation, visible) = place;
    let bias = |queries: Range<usize>| match padding {
        Some(padding) => rows_of(visible, queries) + padding.clone(),
        None => rows_of(visible, queries),
    };
    layer.feed(layer.attend(MAX_SCORES, x, rotation, own, bias, watch))
}

impl TextModel for GemmaText {
    fn sizes(&self) -> &dyn LlmSizes {
        &self.config
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`, scaled.
    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        PaddedBatch::new(self.lookup(tokens.ids.clone()), tokens.lengths.clone())
    }

    fn embedding_rms(&self) -> Tensor<1> {
        let rms = matrix::full(self.embedding.weight.val()).square().mean().sqrt();
        rms * self.config.stack.embedding_scale()
    }

    /// The inputs as they are: they are read when a text begins, and with it.
    fn encode(&self, inputs: &PaddedBatch, _: &Watch) -> PaddedBatch {
        inputs.clone()
    }

    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.decode_through(memory, decoder_input_ids, |inputs| self.states(inputs))
    }

    fn begin(&self, memory: &PaddedBatch, watch: &Watch) -> Drafts<'_> {
        self.begin_after(memory, watch, &self.config.ends)
    }
}

impl DecoderOnly for GemmaText {
    fn depth(&self) -> usize {
        self.layers.len()
    }

    fn lookup(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.embedding.forward(ids) * self.config.stack.embedding_scale()
    }

    fn next_states(&self, next: Tensor<3>, cache: &mut PromptCache, watch: &Watch) -> Tensor<3> {
        let [_, added, _] = next.dims();
        let positions = cache.len..cache.len + added;
        // Unwritten positions of the buffers lie in the future, so that what hides the future hides them too.
        let keys = capacity_for(positions.end);
        let places = Places::new(&self.config.stack, positions.clone(), keys, &next.device());
        let padding = cache.padding(keys);
        let mut x = next;
        for (index, (layer, &kind)) in self.layers.iter().zip(&self.config.stack.layer_types).enumerate() {
            let own = |written: KeysValues| cache.layers[index].append(written);
            x = through(layer, x, places.of(kind), padding.as_ref(), own, watch);
        }
        cache.len = positions.end;
        self.norm.forward(x.narrow(1, added - 1, 1))
    }

    fn logits_of(&self, states: Tensor<3>) -> Tensor<3> {
        self.logits(states)
    }
}

/// The name in the file of the tensor at `path` in [`GemmaText`].
fn hf_name(path: &str) -> String {
    let path = path.replace("pre_self_attn_layernorm", "input_layernorm");
    let path = path.replace("post_self_attn_layernorm", "post_attention_layernorm");
    match path.as_str() {
        "embedding.weight" => EMBEDDING.to_owned(),
        HEAD => path,
        _ => format!("model.{path}"),
    }
}
