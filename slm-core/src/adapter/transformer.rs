//! The adapter of the paper: a projection, a few Transformer layers, a projection to the model's width.
//!
//! Paper: arXiv 2310.00230, section 3: "a few Transformer layers". The layers are those of the T5
//! encoder ([`TransformerEncoder`]), whose relative positions need no longest length.
//! Shapes: `B` utterances, `T` reduced states, `E'` their width, `A` adapter width, `D` model width.

use burn::nn::{Initializer, Linear, LinearConfig, RmsNorm};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::loudness::{NORM_EPSILON, loudness};
use super::sizes::{heads_problem, sizes_out_of_range};
use super::soft_tokens::{SoftTokens, SoftTokensConfig, SoftTokensStart};
use crate::nn::transformer::{BiasSharing, FeedForwardKind, TransformerConfig, TransformerEncoder};
use crate::nn::{ActivationKind, PaddedBatch};

/// Buckets of relative distance.
const NUM_BUCKETS: usize = 32;
/// The distance from which on all share the last bucket.
const MAX_DISTANCE: usize = 128;

/// Sizes of a [`TransformerAdapter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerShape {
    /// How the output gets into the language model's embedding space.
    #[serde(default)]
    pub output: OutputSpace,
    /// Width `A` of the layers.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_layers: usize,
    /// Attention heads of each.
    pub num_heads: usize,
    /// Inner width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Dropout in training.
    pub dropout: f64,
}

/// How an adapter's output gets into the language model's embedding space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OutputSpace {
    /// A projection, normalised to the size of the language model's embeddings.
    #[default]
    Projected,
    /// [`SoftTokens`], and a projection added to them, which starts at zero.
    SoftTokens,
    /// The embeddings of the tokens that the CTC head hears, as they stand in the rows of
    /// [`LlmTokens`](super::LengthReduction::LlmTokens), and a projection added to them, which starts at zero: before any
    /// training the language model reads what the head hears, in its own tokens.
    HeardTokens,
}

/// Transformer layers between two projections.
#[derive(Module, Debug)]
pub struct TransformerAdapter {
    input: Linear,
    layers: TransformerEncoder,
    output: Linear,
    pub(super) norm: Option<RmsNorm>,
    soft_tokens: Option<SoftTokens>,
    #[module(skip)]
    space: OutputSpace,
}

impl TransformerShape {
    /// Whether the output is [`SoftTokens`].
    pub fn has_soft_tokens(&self) -> bool {
        self.output == OutputSpace::SoftTokens
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = sizes_out_of_range(&[
            ("hidden_size", self.hidden_size),
            ("num_heads", self.num_heads),
            ("intermediate_size", self.intermediate_size),
        ]);
        problems.extend(heads_problem(self.num_heads, self.hidden_size));
        if !(0.0..1.0).contains(&self.dropout) {
            problems.push(format!("`dropout` {} is not in [0, 1)", self.dropout));
        }
        problems
    }

    /// Builds the adapter between the models of `models`, from rows of width `input`, on `device`.
    pub(super) fn init(&self, models: SoftTokensConfig, input: usize, device: &Device) -> TransformerAdapter {
        let layers = TransformerConfig {
            width: self.hidden_size,
            head_dim: self.hidden_size / self.num_heads,
            inner_width: self.intermediate_size,
            num_layers: self.num_layers,
            num_heads: self.num_heads,
            num_buckets: NUM_BUCKETS,
            max_distance: MAX_DISTANCE,
            norm_epsilon: NORM_EPSILON,
            dropout: self.dropout,
            feed_forward: FeedForwardKind::Gated(ActivationKind::GeluTanh),
            bias_sharing: BiasSharing::FirstBlock,
        };
        let llm_dim = models.llm_dim;
        let output = LinearConfig::new(self.hidden_size, llm_dim);
        let added = || output.clone().with_initializer(Initializer::Zeros).init(device);
        let (output, norm, soft_tokens) = match self.output {
            OutputSpace::Projected => (output.init(device), Some(loudness(llm_dim, device)), None),
            OutputSpace::SoftTokens => (added(), None, Some(models.init(device))),
            OutputSpace::HeardTokens => (added(), None, None),
        };
        TransformerAdapter {
            input: LinearConfig::new(input, self.hidden_size).init(device),
            layers: layers.init(device),
            output,
            norm,
            soft_tokens,
            space: self.output,
        }
    }
}

impl TransformerAdapter {
    /// Starts from the CTC head's labels and their embeddings, where the adapter has [`SoftTokens`].
    pub(super) fn with_soft_tokens(mut self, start: SoftTokensStart) -> Self {
        self.soft_tokens = self.soft_tokens.map(|soft_tokens| soft_tokens.start_from(start));
        self
    }

    /// Reduced states `[B, T, E']` to embeddings `[B, T, D]`.
    pub fn forward(&self, speech: &PaddedBatch) -> PaddedBatch {
        // [B, T, E'] -> [B, T, A]
        let hidden = speech.with_values(self.input.forward(speech.values()));
        let hidden = self.layers.forward(&hidden);
        // [B, T, A] -> [B, T, D]
        let mut output = self.output.forward(hidden.values());
        if let Some(norm) = &self.norm {
            output = norm.forward(output);
        }
        if let Some(soft_tokens) = &self.soft_tokens {
            output = output + soft_tokens.forward(speech.values());
        }
        if self.space == OutputSpace::HeardTokens {
            // The embedding is the end of a row: [B, T, E + D] -> [B, T, D]
            let ([_, _, input], [_, _, width]) = (speech.dims(), output.dims());
            output = output + speech.values().slice(s![.., .., input - width..]);
        }
        speech.with_values(output)
    }
}
