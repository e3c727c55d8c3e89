//! Soft tokens: each state as a mixture of the language model's embeddings.
//!
//! The encoder's CTC head already says which pieces of text a state sounds like. [`SoftTokens`] starts as
//! that head, followed by the language model's embeddings of the labels: before any training a state
//! becomes the expected embedding of its label, a point inside the space that the frozen model reads.
//! Both matrices are then trained as part of the adapter; the encoder's and the language model's own are
//! not touched. The idea of reading through a mixture of embeddings is that of CTC compression with soft
//! labels; compare Gaido et al., arXiv 2102.01578, and Wu et al., arXiv 2307.03917.
//! Shapes: `B` utterances, `T` states of width `E`, `V` labels with the blank, `D` model width.

use burn::nn::{Linear, LinearConfig};
use burn::prelude::*;
use burn::tensor::activation::softmax;

use crate::nn::weights::parameter;

/// States to label probabilities to embeddings.
#[derive(Module, Debug)]
pub struct SoftTokens {
    /// `[B, T, E]` to `[B, T, V]`.
    listen: Linear,
    /// `[B, T, V]` to `[B, T, D]`; row `v` is the embedding of label `v`.
    embed: Linear,
}

/// Where soft tokens start; the tensors are plain constants.
#[derive(Debug, Clone)]
pub struct SoftTokensStart {
    /// The CTC head's matrix, `[V, E]`.
    pub head: Tensor<2>,
    /// The CTC head's bias, `[V]`.
    pub head_bias: Tensor<1>,
    /// For every label its embedding, zero for the blank, `[V, D]`.
    pub embeddings: Tensor<2>,
}

/// Shape of [`SoftTokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftTokensConfig {
    /// Width `E` of the states.
    pub encoder_dim: usize,
    /// Labels `V`, the blank included.
    pub labels: usize,
    /// Width `D` of the language model.
    pub llm_dim: usize,
}

impl SoftTokensConfig {
    /// Builds the two maps on `device`.
    pub fn init(&self, device: &Device) -> SoftTokens {
        SoftTokens {
            listen: LinearConfig::new(self.encoder_dim, self.labels).init(device),
            embed: LinearConfig::new(self.labels, self.llm_dim).with_bias(false).init(device),
        }
    }
}

impl SoftTokens {
    pub(super) fn start_from(mut self, start: SoftTokensStart) -> Self {
        let device = self.listen.weight.lazy_device();
        // Burn keeps the matrix of a `Linear` as [in, out]: [V, E] -> [E, V]
        self.listen.weight = parameter(start.head.transpose(), &device);
        self.listen.bias = Some(parameter(start.head_bias, &device));
        self.embed.weight = parameter(start.embeddings, &device);
        self
    }

    /// States `[B, T, E]` to embeddings `[B, T, D]`.
    pub fn forward(&self, states: Tensor<3>) -> Tensor<3> {
        // [B, T, E] -> [B, T, V] -> [B, T, D]
        self.embed.forward(softmax(self.listen.forward(states), 2))
    }
}
