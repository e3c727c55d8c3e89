//! T5, mT5 and UMT5: an encoder reads, a decoder writes.
//!
//! Papers: T5, arXiv 1910.10683; mT5, arXiv 2010.11934; UMT5, arXiv 2304.09151. Reference: transformers
//! 5.23.0, `T5ForConditionalGeneration`. The encoder takes embeddings, not ids, so that adapted speech
//! can stand beside the words of an instruction.
//! Shapes: `B` rows, `S` source positions, `L` target positions, `D` width, `V` vocabulary rows.

use std::path::Path;

use burn::nn::{EmbeddingConfig, Initializer, LinearConfig};
use burn::prelude::*;
use burn::tensor::Int;

use super::config::T5Config;
use super::decoder::Decoder;
use crate::checkpoint::{CONFIG_FILE, Checkpoint, WEIGHTS_FILE, json};
use crate::llm::cache::DecoderCache;
use crate::llm::decoder::DecoderStack;
use crate::llm::drafts::{Drafts, Stepping, after_start};
use crate::llm::error::LlmError;
use crate::llm::lora::{Attachment, Lora, LoraError};
use crate::llm::model::{LlmSizes, TextModel};
use crate::llm::output_head::OutputHead;
use crate::nn::matrix::{self, MatrixEmbedding, MatrixLinear};
use crate::nn::transformer::{FeedForwardKind, TransformerEncoder};
use crate::nn::weights::{self, Placement, StorageType};
use crate::nn::{PaddedBatch, PaddedIds, Watch};

/// The name of the head in a file.
const HEAD: &str = "lm_head.weight";
/// The same of the linear map.
const HEAD_MAP: &str = "lm_head";

/// The model. Without an own head the logits come from the embedding.
#[derive(Module, Debug)]
pub struct T5 {
    shared: MatrixEmbedding,
    encoder: TransformerEncoder,
    decoder: Decoder,
    lm_head: Option<MatrixLinear>,
    #[module(skip)]
    config: T5Config,
}

impl T5Config {
    /// Builds the model with the weights of `checkpoint`; on a device with autodiff they are trainable. Whether it
    /// has a head of its own is told by the file and [`Self::tie_word_embeddings`], whether its feed-forward layers are
    /// gated by the file.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load_weights(
        &self,
        checkpoint: &Checkpoint,
        placement: impl Into<Placement>,
    ) -> Result<T5, LlmError> {
        let placement = placement.into();
        let files = checkpoint.weights()?;
        // Old files hold only a copy of the embedding; `shared` is the name of the original.
        let embedding = ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
            .into_iter()
            .find(|name| files.contains(name))
            .unwrap_or("shared.weight");
        let head = OutputHead::of(&files, HEAD, embedding, self.tie_word_embeddings)?;
        // So is whether the feed-forward layers are gated, which the keys of early configs do not all tell.
        let gate = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight";
        let config = match (self.feed_forward(), files.contains(gate)) {
            (FeedForwardKind::Plain(_), true) => Self { is_gated_act: Some(true), ..self.clone() },
            _ => self.clone(),
        };
        let kind = config.feed_forward();
        let name =
            |path: &str| if path == "shared.weight" { embedding.to_owned() } else { hf_name(kind, path) };
        Ok(weights::load(config.build(head, placement.device()), &files, &placement, name, is_ignored)?)
    }

    /// Builds the model with random weights on `device`, initialised as Mesh TensorFlow does. Where the config does not
    /// say whether its logits are scaled, they are with a tied head alone.
    pub fn init(&self, head: OutputHead, device: &Device) -> T5 {
        let own = (head == OutputHead::Own).then_some(false);
        Self { scale_decoder_outputs: self.scale_decoder_outputs.or(own), ..self.clone() }.build(head, device)
    }

    fn build(&self, head: OutputHead, device: &Device) -> T5 {
        T5 {
            shared: EmbeddingConfig::new(self.vocab_size, self.d_model)
                .with_initializer(Initializer::Normal { mean: 0.0, std: 1.0 })
                .init(device)
                .into(),
            encoder: self.encoder().init(device),
            decoder: self.decoder().init(device),
            lm_head: (head == OutputHead::Own).then(|| {
                LinearConfig::new(self.d_model, self.vocab_size)
                    .with_bias(false)
                    .with_initializer(Initializer::Normal {
                        mean: 0.0,
                        std: (self.d_model as f64).powf(-0.5),
                    })
                    .init(device)
                    .into()
            }),
            config: self.clone(),
        }
    }
}

impl T5 {
    /// Loads config and weights of a checkpoint; the weights are constants for autodiff.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file, and the tensors that are missing, unexpected or misshaped.
    pub fn load(checkpoint: &Checkpoint, placement: impl Into<Placement>) -> Result<Self, LlmError> {
        Ok(T5Config::from_checkpoint(checkpoint)?.load_weights(checkpoint, placement)?.freeze())
    }

    /// The same with an adapter, whose matrices count beside its own.
    ///
    /// # Errors
    ///
    /// [`LoraError::Misfit`] for an adapter that was made for another model.
    pub fn with_lora(&self, adapter: &Lora, attachment: Attachment) -> Result<Self, LoraError> {
        let mut model = self.clone();
        if adapter.paths().any(|map| map == HEAD_MAP) {
            model.lm_head.get_or_insert_with(|| self.shared.head());
        }
        let kind = self.config.feed_forward();
        adapter.attach(model, attachment, |path| hf_name(kind, path), |_| false)
    }

    /// The name that transformers has for the tensor at a path.
    pub(in crate::llm) fn tensor_name(&self, path: &str) -> String {
        hf_name(self.config.feed_forward(), path)
    }

    /// Writes `config.json` and `model.safetensors`, so that transformers loads the folder.
    ///
    /// # Errors
    ///
    /// [`LlmError`] naming the file.
    pub fn save(&self, dir: &Path, storage: StorageType) -> Result<(), LlmError> {
        json::write(&dir.join(CONFIG_FILE), &self.config)?;
        let kind = self.config.feed_forward();
        weights::save(self, &dir.join(WEIGHTS_FILE), |path| hf_name(kind, path), storage)?;
        Ok(())
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// Embeddings of token ids, `[B, S]` to `[B, S, D]`. T5 does not scale them.
    pub fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        PaddedBatch::new(self.shared.forward(tokens.ids.clone()), tokens.lengths.clone())
    }

    /// The root mean square of the embedding's values, the size that adapted speech should have.
    pub fn embedding_rms(&self) -> Tensor<1> {
        matrix::full(self.shared.weight.val()).square().mean().sqrt()
    }

    /// Reads embeddings of speech, text or both, `[B, S, D]` to `[B, S, D]`.
    pub fn encode(&self, inputs: &PaddedBatch) -> PaddedBatch {
        self.encoder.forward(inputs)
    }

    /// Teacher forcing: logits `[B, L, V]` after each of the decoder's input ids `[B, L]`.
    pub fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.logits(self.decoder.forward(self.shared.forward(decoder_input_ids), memory))
    }

    /// The device that it is on.
    pub fn device(&self) -> Device {
        self.shared.weight.lazy_device()
    }

    /// `[B, L, D]` to `[B, L, V]`.
    fn logits(&self, states: Tensor<3>) -> Tensor<3> {
        let states = states * self.config.logit_scale();
        if let Some(head) = &self.lm_head {
            return head.forward(states);
        }
        self.shared.logits(states)
    }
}

impl TextModel for T5 {
    fn sizes(&self) -> &dyn LlmSizes {
        &self.config
    }

    fn embed(&self, tokens: &PaddedIds) -> PaddedBatch {
        T5::embed(self, tokens)
    }

    fn embedding_rms(&self) -> Tensor<1> {
        T5::embedding_rms(self)
    }

    fn encode(&self, inputs: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        self.encoder.forward_watched(inputs, watch)
    }

    fn decode(&self, memory: &PaddedBatch, decoder_input_ids: Tensor<2, Int>) -> Tensor<3> {
        T5::decode(self, memory, decoder_input_ids)
    }

    fn begin(&self, memory: &PaddedBatch, _: &Watch) -> Drafts<'_> {
        let cache = self.decoder.start(memory);
        after_start(
            self,
            cache,
            memory.lengths().len(),
            self.config.ids().decoder_start,
            self.config.ends(),
            &self.device(),
        )
    }
}

impl Stepping for T5 {
    type Cache = DecoderCache;

    fn step(&self, last: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<2> {
        let states = self.decoder.step(self.shared.forward(last), cache);
        // [B, 1, V] -> [B, V]
        self.logits(states).squeeze_dim(1)
    }
}

/// The name in the file of the tensor at `path` in [`T5`].
fn hf_name(kind: FeedForwardKind, path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    // {encoder,decoder}.relative_bias.{i}.table.weight
    if let [stack, "relative_bias", block, ..] = parts.as_slice() {
        return format!("{stack}.block.{block}.layer.0.SelfAttention.relative_attention_bias.weight");
    }
    // {encoder,decoder}.blocks.{i}.{part}.{rest}
    if let [stack, "blocks", block, part, rest @ ..] = parts.as_slice() {
        let feed_forward = if *stack == "encoder" { "1" } else { "2" };
        let layer = match *part {
            "self_attention" => "0.SelfAttention".to_owned(),
            "self_attention_norm" => "0.layer_norm".to_owned(),
            "cross_attention" => "1.EncDecAttention".to_owned(),
            "cross_attention_norm" => "1.layer_norm".to_owned(),
            "feed_forward" => format!("{feed_forward}.DenseReluDense"),
            "feed_forward_norm" => format!("{feed_forward}.layer_norm"),
            // No part of T5: under its own name it is told to be missing.
            _ => return path.to_owned(),
        };
        let rest = match (kind, rest) {
            (FeedForwardKind::Gated(_), ["wi", tail]) => format!("wi_0.{tail}"),
            (FeedForwardKind::Gated(_), ["gate", tail]) => format!("wi_1.{tail}"),
            _ => rest.join("."),
        };
        return format!("{stack}.block.{block}.layer.{layer}.{rest}");
    }
    path.to_owned()
}

/// Tensors of a file that the forward pass does not use.
fn is_ignored(name: &str) -> bool {
    name.ends_with("embed_tokens.weight")
        // A copy of the embedding; one that is none is in the model.
        || name == HEAD
        || name == "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ActivationKind;

    #[test]
    fn every_part_has_its_name_and_an_unknown_one_keeps_its_own() {
        let layer = "layer.0.SelfAttention";
        for (path, expected) in [
            ("encoder.blocks.1.self_attention.q.weight", format!("encoder.block.1.{layer}.q.weight")),
            ("encoder.blocks.1.feed_forward_norm.weight", "encoder.block.1.layer.1.layer_norm.weight".into()),
            ("decoder.blocks.1.feed_forward_norm.weight", "decoder.block.1.layer.2.layer_norm.weight".into()),
            (
                "decoder.blocks.0.cross_attention.o.weight",
                "decoder.block.0.layer.1.EncDecAttention.o.weight".into(),
            ),
            (
                "decoder.blocks.0.feed_forward.wi.weight",
                "decoder.block.0.layer.2.DenseReluDense.wi_0.weight".into(),
            ),
            (
                "decoder.blocks.0.feed_forward.gate.weight",
                "decoder.block.0.layer.2.DenseReluDense.wi_1.weight".into(),
            ),
            (
                "decoder.relative_bias.0.table.weight",
                format!("decoder.block.0.{layer}.relative_attention_bias.weight"),
            ),
            ("encoder.final_layer_norm.weight", "encoder.final_layer_norm.weight".into()),
            ("encoder.blocks.0.rotary.weight", "encoder.blocks.0.rotary.weight".into()),
        ] {
            assert_eq!(hf_name(FeedForwardKind::Gated(ActivationKind::Relu), path), expected);
        }
        let plain =
            hf_name(FeedForwardKind::Plain(ActivationKind::Relu), "encoder.blocks.0.feed_forward.wi.weight");
        assert_eq!(plain, "encoder.block.0.layer.1.DenseReluDense.wi.weight");
    }
}
