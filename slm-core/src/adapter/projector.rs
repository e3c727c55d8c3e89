//! Any of the projectors of published speech language models.

use burn::prelude::*;

use super::linear_projector::LinearProjector;
use super::window_qformer::WindowQFormer;
use crate::nn::PaddedBatch;

/// What makes embeddings of states in a published speech language model.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a program, tensors are handles")]
#[non_exhaustive]
pub enum Projector {
    /// A few queries to each window of states: Granite Speech.
    WindowQFormer(WindowQFormer),
    /// A linear map: SALM.
    Linear(LinearProjector),
}

impl Projector {
    /// Width `E` of the states that it reads.
    pub fn input_width(&self) -> usize {
        match self {
            Self::WindowQFormer(projector) => projector.config().projector_config.encoder_hidden_size,
            Self::Linear(projector) => projector.input_width(),
        }
    }

    /// Embeddings that are made of `states` states.
    pub fn count(&self, states: usize) -> usize {
        match self {
            Self::WindowQFormer(projector) => projector.config().count(states),
            Self::Linear(_) => states,
        }
    }

    /// States `[B, T, E]` to embeddings `[B, T', D]`.
    pub fn forward(&self, states: &PaddedBatch) -> PaddedBatch {
        match self {
            Self::WindowQFormer(projector) => projector.forward(states),
            Self::Linear(projector) => projector.forward(states),
        }
    }
}
