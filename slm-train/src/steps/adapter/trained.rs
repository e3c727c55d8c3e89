//! What a run trains.
//!
//! Shapes: `B` utterances, `T` embeddings of width `D`, `V` labels with the blank.

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::log_softmax;
use slm_core::models::adapter::Adapter;
use slm_core::models::llm::{LanguageModel, TrainableLora};
use slm_core::models::nn::PaddedBatch;

/// The adapter, and what it is trained with and does without later.
#[derive(Module, Debug)]
pub struct Trained {
    /// What is kept.
    pub adapter: Adapter,
    /// Labels what the adapter gives, where there is a CTC loss: `[B, T, D]` to `[B, T, V]`.
    ctc_head: Option<Linear>,
    /// What is trained beside the maps of the frozen language model, and kept.
    pub lora: Option<TrainableLora>,
}

impl Trained {
    /// `adapter`, and a head of random weights for `labels` labels on `device`, where there are some.
    pub fn new(adapter: Adapter, labels: Option<usize>, device: &Device) -> Self {
        let width = adapter.config().llm_dim;
        let ctc_head = labels.map(|labels| LinearConfig::new(width, labels).init(device));
        Self { adapter, ctc_head, lora: None }
    }

    /// The same with thin matrices for the language model.
    #[must_use]
    pub fn with_lora(self, lora: TrainableLora) -> Self {
        Self { lora: Some(lora), ..self }
    }

    /// `llm` as it is with what is trained beside it. Its own weights are shared, and constants for autodiff.
    pub fn beside(&self, llm: &LanguageModel) -> LanguageModel {
        self.lora.as_ref().map_or_else(|| llm.clone(), |lora| llm.with_trainable_lora(lora))
    }

    /// What the head says of the adapter's `outputs`, `[B, T, V]`; `None` without a head.
    pub fn ctc_log_probs(&self, outputs: &PaddedBatch) -> Option<Tensor<3>> {
        let head = self.ctc_head.as_ref()?;
        Some(log_softmax(head.forward(outputs.values()), 2))
    }
}
