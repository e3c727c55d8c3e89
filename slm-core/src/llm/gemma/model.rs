//! T5Gemma: an encoder reads, a decoder writes.
//!
//! Reference: transformers 5.23.0, `T5GemmaForConditionalGeneration`, `T5Gemma2ForConditionalGeneration` (the text part;
//! the tower for images is not read).
//! Shapes: `B` rows, `S` source positions, `L` target positions, `D` width, `V` vocabulary rows.

use burn::module::Param;
use burn::nn::{EmbeddingConfig, Initializer, LinearConfig};
use burn::prelude::*;
use burn::tensor::Int;

use super::config::{GemmaConfig, GemmaVersion};
use super::decoder::{GemmaDecoder, GemmaDecoderConfig};
use super::encoder::{GemmaEncoder, GemmaEncoderConfig};
use crate::checkpoint::Checkpoint;
use crate::llm::cache::DecoderCache;
use crate::llm::decoder::DecoderStack;
use crate::llm::drafts::{Drafts, Stepping, after_start};
use crate::llm::error::LlmError;
use crate::llm::lora::{Attachment, Lora, LoraError};
use crate::llm::model::{LlmSizes, TextModel};
use crate::llm::output_head::OutputHead;
use crate::nn::attend::soft_cap;
use crate::nn::matrix::{self, MatrixEmbedding, MatrixLinear};
use crate::nn::weights::{self, Placement};
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// The name of the head in a file.
const HEAD: &str = "lm_head.out_proj.weight";
/// The same of the linear map.
const HEAD_MAP: &str = "lm_head.out_proj";
/// What the second version's encoder lies under.
const TEXT_MODEL: &str = "text_model.";

/// The model. An embedding or head that it lacks is the one that it is tied to.
#[derive(Module, Debug)]
pub struct T5Gemma {
    embedding: MatrixEmbedding,
    decoder_embedding: Option<MatrixEmbedding>,
    /// The embedding of one id that is not scaled (second version).
    eoi_embedding: Option<Param<Tensor<1>>>,
    /// The same for the decoder, where that has an embedding of its own.
    decoder_eoi_embedding: Option<Param<Tensor<1>>>,
    encoder: GemmaEncoder,
    decoder: GemmaDecoder,
    lm_head: Option<MatrixLinear>,
    #[module(skip)]
    config: GemmaConfig,
}

impl GemmaConfig {
    /// Builds the model with random weights on `device`.
    pub fn init(&self, device: &Device) -> T5Gemma {
        let head = if self.tie_word_embeddings { OutputHead::Tied } else { OutputHead::Own };
        self.build(head, device)
    }

    fn build(&self, head: OutputHead, device: &Device) -> T5Gemma {
        let embedding = |rows, width| EmbeddingConfig::new(rows, width).init(device).into();
        let (encoder, decoder) = (&self.encoder, &self.decoder);
        let tied = self.tie_word_embeddings;
        let is_second = self.version == GemmaVersion::Two;
        let eoi = |width| Initializer::Zeros.init([width], device);
        T5Gemma {
            embedding: embedding(encoder.vocab_size, encoder.hidden_size),
            decoder_embedding: (!is_second || !tied)
                .then(|| embedding(decoder.vocab_size, decoder.hidden_size)),
            eoi_embedding: is_second.then(|| eoi(encoder.hidden_size)),
            decoder_eoi_embedding: (is_second && !tied).then(|| eoi(decoder.hidden_size)),
            encoder: GemmaEncoderConfig { stack: encoder.clone() }.init(device),
            decoder: GemmaDecoderConfig { stack: decoder.clone(), source_width: encoder.hidden_size }
                .init(device),
            lm_head: (head == OutputHead::Own).then(|| {
                let linear = LinearConfig::new(decoder.hidden_size, decoder.vocab_size);
                linear.with_bias(false).init(device).into()
            }),
            config: self.clone(),
        }
    }
}

impl T5Gemma {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        let placement = placement.into();
        let config = GemmaConfig::from_checkpoint(checkpoint)?;
        let files = checkpoint.weights()?;
        // The second version's encoder lies beside a tower for images, under a name of its own in some files.
        let is_nested = files.names().any(|name| name.starts_with("model.encoder.text_model."));
        let name = |path: &str| hf_name(if is_nested { TEXT_MODEL } else { "" }, path);
        let embedding = match config.version {
            GemmaVersion::One => "decoder_embedding.weight",
            GemmaVersion::Two => "embedding.weight",
        };
        let head = if config.tie_word_embeddings {
            OutputHead::of(&files, HEAD, &name(embedding), true)?
        } else {
            // One that is missing is told.
            OutputHead::Own
        };
        let model = config.build(head, placement.device());
        Ok(weights::load(model, &files, &placement, name, is_ignored)?.freeze())
    }

    /// The same with an adapter, whose matrices count beside its own; those for the tower of images are not read.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora(&self, adapter: &Lora, attachment: Attachment) -> Result<Self, LoraError> {
        let mut model = self.clone();
        if adapter.paths().any(|map| map == HEAD_MAP) {
            model.lm_head.get_or_insert_with(|| self.target_embedding().head());
        }
        adapter.attach(model, attachment, |path| self.tensor_name(path), is_of_images)
    }

    /// The name that the modules of transformers have for the tensor at a path, whatever the names in the model's own files.
    pub(in crate::llm) fn tensor_name(&self, path: &str) -> String {
        hf_name(if self.config.version == GemmaVersion::Two { TEXT_MODEL } else { "" }, path)
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &GemmaConfig {
        &self.config
    }

    /// The decoder's embedding.
    fn target_embedding(&self) -> &MatrixEmbedding {
        self.decoder_embedding.as_ref().unwrap_or(&self.embedding)
    }

    /// The decoder's embeddings, scaled, `[B, L]` to `[B, L, D]`.
    fn embed_target(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let embedding = self.target_embedding();
        match self.config.version {
            GemmaVersion::One => embedding.forward(ids) * self.config.decoder.embedding_scale(),
            GemmaVersion::Two => {
                let eoi = self.decoder_eoi_embedding.as_ref().or(self.eoi_embedding.as_ref());
                self.scaled_lookup(embedding, eoi, ids)
            }
        }
    }

    /// Rows of `embedding`, in the second version scaled, but for the one id that has its own, `eoi`.
    fn scaled_lookup(
        &self,
        embedding: &MatrixEmbedding,
        eoi: Option<&Param<Tensor<1>>>,
        ids: Tensor<2, Int>,
    ) -> Tensor<3> {
        let Some(eoi) = eoi else {
            return embedding.forward(ids);
        };
        let [batch, length] = ids.dims();
        let rows = embedding.forward(ids.clone()) * self.config.encoder.embedding_scale();
        let [_, _, width] = rows.dims();
        let is_eoi = ids.equal_elem(i64::from(self.config.eoi_token_index)).unsqueeze_dim::<3>(2);
        let eoi = eoi.val().unsqueeze::<3>().expand([batch, length, width]);
        rows.mask_where(is_eoi.expand([batch, length, width]), eoi)
    }

    /// `[B, L, D]` to `[B, L, V]`.
    fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        let logits = if let Some(head) = &self.lm_head {
            head.forward(states)
        } else {
            self.target_embedding().logits(states)
        };
        match self.config.decoder.final_logit_softcapping {
            Some(cap) => soft_cap(logits, cap),
            None => logits,
        }
    }
}

impl TextModel for T5Gemma {
    fn sizes(&self) -> &dyn LlmSizes {
        &self.config
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`; scaled in the second version only.
    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        let eoi = self.eoi_embedding.as_ref();
        let embedded = self.scaled_lookup(&self.embedding, eoi, tokens.ids.clone());
        PaddedBatch::new(embedded, tokens.lengths.clone())
    }

    /// The root mean square of what [`Self::embed`] gives for all ids, the size that adapted speech should have.
    fn embedding_rms(&self) -> Tensor<1> {
        let rms = matrix::full(self.embedding.weight.val()).square().mean().sqrt();
        match self.config.version {
            GemmaVersion::One => rms,
            GemmaVersion::Two => rms * self.config.encoder.embedding_scale(),
        }
    }

    /// Reads embeddings of speech, text or both, `[B, S, D]` to `[B, S, D]`; the first version scales all of them.
    fn encode(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let inputs = match self.config.version {
            GemmaVersion::One => inputs.with_values(inputs.values() * self.config.encoder.embedding_scale()),
            GemmaVersion::Two => inputs.clone(),
        };
        self.encoder.forward(&inputs, watch)
    }

    /// Teacher forcing: logits `[B, L, V]` after each of the decoder's input ids `[B, L]`.
    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.logits(self.decoder.forward(self.embed_target(decoder_input_ids), memory))
    }

    fn begin(&self, memory: &PaddedBatch, _: &Watch) -> Drafts<'_> {
        let cache = self.decoder.start(memory);
        let device = memory.values().device();
        let GemmaConfig { ids, ends, .. } = &self.config;
        after_start(self, cache, memory.lengths().len(), ids.decoder_start, ends, &device)
    }
}

impl Stepping for T5Gemma {
    type Cache = DecoderCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        let states = self.decoder.step(self.embed_target(last), cache);
        // [B, 1, V] -> [B, V]
        self.logits(states).squeeze_dim(1)
    }
}

/// The name in the file of the tensor at `path` in [`T5Gemma`]; `text_model` is what the encoder lies under.
fn hf_name(text_model: &str, path: &str) -> String {
    match path {
        "embedding.weight" => format!("model.encoder.{text_model}embed_tokens.weight"),
        "eoi_embedding" => format!("model.encoder.{text_model}embed_tokens.eoi_embedding"),
        "decoder_eoi_embedding" => "model.decoder.embed_tokens.eoi_embedding".to_owned(),
        "decoder_embedding.weight" => "model.decoder.embed_tokens.weight".to_owned(),
        "lm_head.weight" => HEAD.to_owned(),
        _ => match path.strip_prefix("encoder.") {
            Some(rest) => format!("model.encoder.{text_model}{rest}"),
            None => format!("model.{}", path.replace(".own.", ".").replace(".cross.", ".")),
        },
    }
}

/// Tensors of a file that the text part does not use, copies of tied ones included.
fn is_ignored(name: &str) -> bool {
    is_of_images(name)
        || name == "model.decoder.embed_tokens.eoi_embedding"
        || name == "model.decoder.embed_tokens.weight"
        || name == HEAD
}

/// Tensors of the tower for images.
fn is_of_images(name: &str) -> bool {
    name.starts_with("model.encoder.vision_tower.")
        || name.starts_with("model.encoder.multi_modal_projector.")
}
