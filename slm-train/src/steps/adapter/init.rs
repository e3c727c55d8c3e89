//! What an adapter starts as.
//!
//! Shapes: `V` labels of the CTC head, `S` pieces of a label, `D` the language model's width.

use anyhow::Context;
use burn::prelude::*;
use slm_core::models::adapter::{Adapter, AdapterConfig, SoftTokensStart};
use slm_core::models::nn::PaddedIds;

use super::{AdapterJob, Trained};
use crate::config;
use crate::data::vocabulary::spellings;
use crate::steps::pairing;

impl AdapterJob {
    /// The adapter's config for these parts.
    pub fn adapter_config(&self) -> AdapterConfig {
        pairing::config_between(&self.encoder, &self.llm, &self.shape)
    }

    /// What the training starts from, on `device`: the adapter of another bundle, or a fresh one, whose outputs have the size of
    /// the language model's embeddings.
    ///
    /// # Errors
    ///
    /// Invalid shapes, a bundle with an adapter of another shape, maps that the language model does not have, or a device
    /// that cannot be read.
    pub fn init(&self, device: &Device) -> anyhow::Result<Trained> {
        let config = self.adapter_config();
        config::check("adapter", &config.problems())?;
        let adapter = match &self.start {
            Some(start) => start.adapter(&config, device)?,
            None => self.fresh_adapter(&config, device)?,
        };
        // The blank is the last label.
        let labels = self.config.losses.has_ctc().then(|| self.ctc_labels().len() + 1);
        let trained = Trained::new(adapter, labels, device);
        let Some(shape) = &self.config.lora else {
            if let Some(start) = self.start.as_ref().filter(|start| start.has_lora()) {
                anyhow::bail!(
                    "the bundle `{}` has a LoRA, and the stage has no `[lora]`",
                    start.dir.display()
                );
            }
            return Ok(trained);
        };
        let fresh = self.llm.trainable_lora(shape, device)?;
        Ok(trained.with_lora(match &self.start {
            Some(start) => start.lora(fresh, device)?,
            None => fresh,
        }))
    }

    fn fresh_adapter(&self, config: &AdapterConfig, device: &Device) -> anyhow::Result<Adapter> {
        let rms = self.llm.embedding_rms().try_into_scalar::<f32>().context("cannot read the embedding")?;
        let adapter = config.init(device).with_output_rms(rms);
        Ok(if config.shape.kind.has_soft_tokens() {
            adapter.with_soft_tokens(self.soft_tokens_start()?)
        } else {
            adapter
        })
    }

    /// The CTC head, and for each of its labels the language model's embedding: the mean over the pieces
    /// that spell the label, which is the piece's own where the two tokenizers share it.
    fn soft_tokens_start(&self) -> anyhow::Result<SoftTokensStart> {
        let (head, head_bias) = self.encoder.ctc_head().context("soft tokens need a CTC head")?;
        let labels = self.labels.as_ref().context("soft tokens need the tokenizer of the CTC labels")?;
        let [count, _] = head.dims();
        let pad = self.llm.ids().pad;
        let mut spelled = spellings(labels, &self.tokenizer)?;
        // The blank has no piece, nor have rows that pad the head.
        spelled.resize(count, Vec::new());
        // A label without pieces has weight 0; its row holds padding so that every row has an id.
        let weights: Vec<f32> =
            spelled.iter().map(|ids| if ids.is_empty() { 0.0 } else { 1.0 / ids.len() as f32 }).collect();
        let rows: Vec<Vec<u32>> =
            spelled.into_iter().map(|ids| if ids.is_empty() { vec![pad] } else { ids }).collect();
        let embedded = self.llm.embed(&PaddedIds::from_rows(&rows, pad, &self.device)).values();
        let [_, _, width] = embedded.dims();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), &self.device);
        // [V, S, D] -> [V, D]
        let embeddings = embedded.sum_dim(1).reshape([count, width]) * weights;
        Ok(SoftTokensStart { head, head_bias, embeddings })
    }
}
