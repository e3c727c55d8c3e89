//! Neighbouring states side by side, a linear map, an activation, a linear map.
//!
//! Paper: *An Embarrassingly Simple Approach for LLM with Strong ASR Capacity*, arXiv 2402.08846, section 3 (SLAM-LLM);
//! there states that fill no whole group are left out, here zeros fill the last one. The norm at the end is ours.
//! Shapes: `B` utterances, `T` reduced states of width `E'`, `k` of them in a group, `A` inner width, `D` model width.

use burn::nn::{Linear, LinearConfig, RmsNorm};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::loudness::loudness;
use super::sizes::sizes_out_of_range;
use crate::nn::{ActivationKind, PaddedBatch};

/// Sizes of a [`StackedAdapter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackedShape {
    /// States `k` of a group.
    pub count: usize,
    /// Inner width `A`.
    pub hidden_size: usize,
    /// The activation between the maps.
    #[serde(default = "ActivationKind::relu")]
    pub activation: ActivationKind,
}

/// Two linear maps over groups of states.
#[derive(Module, Debug)]
pub struct StackedAdapter {
    input: Linear,
    output: Linear,
    pub(super) norm: RmsNorm,
    count: usize,
    #[module(skip)]
    activation: ActivationKind,
}

impl StackedShape {
    /// Embeddings of `rows` reduced states.
    pub(super) fn rows(&self, rows: usize) -> usize {
        rows.div_ceil(self.count.max(1))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        sizes_out_of_range(&[("count", self.count), ("hidden_size", self.hidden_size)])
    }

    /// Builds the adapter from rows of width `input` to embeddings of width `output` on `device`.
    pub(super) fn init(&self, input: usize, output: usize, device: &Device) -> StackedAdapter {
        StackedAdapter {
            input: LinearConfig::new(self.count * input, self.hidden_size).init(device),
            output: LinearConfig::new(self.hidden_size, output).init(device),
            norm: loudness(output, device),
            count: self.count,
            activation: self.activation,
        }
    }
}

impl StackedAdapter {
    /// Reduced states `[B, T, E']` to embeddings `[B, T / k, D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        let [batch, time, width] = speech.dims();
        let groups = time.div_ceil(self.count);
        // [B, T, E'] -> [B, T / k, k * E']
        let x = speech.values().pad([(0, groups * self.count - time), (0, 0)], 0.0);
        let x = x.reshape([batch, groups, self.count * width]);
        // [B, T / k, k * E'] -> [B, T / k, A] -> [B, T / k, D]
        let x = self.output.forward(self.activation.apply(self.input.forward(x)));
        let lengths = speech.lengths().iter().map(|length| length.div_ceil(self.count)).collect();
        PaddedBatch::new(self.norm.forward(x), lengths)
    }
}
