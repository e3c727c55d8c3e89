//! A few queries to each window of states: the projector of Granite Speech ([`window_qformer`](super::window_qformer)),
//! to be trained.
//!
//! Shapes: `B` utterances, `T` reduced states of width `E'`, `D` model width.

use burn::nn::RmsNorm;
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::loudness::loudness;
use super::sizes::{heads_problem, sizes_out_of_range};
use super::window_qformer::{QFormerConfig, WindowQFormer, WindowQFormerConfig};
use crate::nn::PaddedBatch;

/// Sizes of a [`QueriesAdapter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueriesShape {
    /// States of a window.
    pub window_size: usize,
    /// States for each query of a window.
    pub downsample_rate: usize,
    /// Width of the queries.
    pub hidden_size: usize,
    /// Layers; each reads the states.
    pub num_layers: usize,
    /// Attention heads of each.
    pub num_heads: usize,
    /// Inner width of the feed-forward modules.
    pub intermediate_size: usize,
}

/// The queries, and a norm.
#[derive(Module, Debug)]
pub struct QueriesAdapter {
    qformer: WindowQFormer,
    pub(super) norm: RmsNorm,
}

impl QueriesShape {
    /// Embeddings of `rows` reduced states.
    pub(super) fn rows(&self, rows: usize) -> usize {
        self.config(0, 0).count(rows)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = sizes_out_of_range(&[
            ("window_size", self.window_size),
            ("downsample_rate", self.downsample_rate),
            ("hidden_size", self.hidden_size),
            ("num_layers", self.num_layers),
            ("num_heads", self.num_heads),
            ("intermediate_size", self.intermediate_size),
        ]);
        problems.extend(heads_problem(self.num_heads, self.hidden_size));
        if self.downsample_rate > self.window_size {
            let (rate, window) = (self.downsample_rate, self.window_size);
            problems.push(format!("`downsample_rate` {rate} is over `window_size` {window}"));
        }
        problems
    }

    /// As the projector has them, from rows of width `input` to embeddings of width `output`.
    fn config(&self, input: usize, output: usize) -> WindowQFormerConfig {
        let layers = QFormerConfig {
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_layers,
            num_attention_heads: self.num_heads,
            intermediate_size: self.intermediate_size,
            encoder_hidden_size: input,
            cross_attention_frequency: 1,
            ..QFormerConfig::default()
        };
        WindowQFormerConfig::new(layers, self.window_size, self.downsample_rate, output)
    }

    /// Builds the adapter from rows of width `input` to embeddings of width `output` on `device`.
    pub(super) fn init(&self, input: usize, output: usize, device: &Device) -> QueriesAdapter {
        QueriesAdapter { qformer: self.config(input, output).init(device), norm: loudness(output, device) }
    }
}

impl QueriesAdapter {
    /// Reduced states `[B, T, E']` to embeddings `[B, T', D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        let embeddings = self.qformer.forward(speech);
        embeddings.with_values(self.norm.forward(embeddings.values()))
    }
}
