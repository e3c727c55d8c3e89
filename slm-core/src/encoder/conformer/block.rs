//! A Conformer block: half feed-forward, attention, convolution, half feed-forward, norm.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.4. Every encoder here is made of it; they differ in what
//! [`BlockConfig`] says. Reference: transformers 5.23.0, `ParakeetEncoderBlock`, `Wav2Vec2BertEncoderLayer`,
//! `Wav2Vec2ConformerEncoderLayer`, `LasrEncoderBlock`. Shapes: `B` utterances, `T` frames, `E` width.

use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::attention::{Attention, AttentionConfig, KeyValueMaps, ProjectionBias};
use super::convolution::{Convolution, ConvolutionConfig, ConvolutionNormKind, KernelReach};
use super::feed_forward::{FeedForward, FeedForwardConfig};
use super::positions::PositionKind;
use super::span::{AttentionSpan, SharedAttention};
use crate::encoder::side_by_side::SideBySide;
use crate::nn::blocks::score_values;
use crate::nn::host::add_scaled;
use crate::nn::{ActivationKind, PaddedBatch, Watch};

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Width inside the feed-forward modules.
    pub inner_width: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Width of an attention head; `None` where the heads share the width of the frames.
    pub head_dim: Option<usize>,
    /// Kernel of the depthwise convolution, in frames.
    pub kernel: usize,
    /// Where the kernel reaches.
    pub reach: KernelReach,
    /// What normalises the convolution.
    pub convolution_norm: ConvolutionNormKind,
    /// Activation of the feed-forward and convolution modules.
    pub activation: ActivationKind,
    /// Whether feed-forward and attention projections have biases.
    pub projection_bias: bool,
    /// Whether the convolutions have biases.
    pub convolution_bias: bool,
    /// How attention knows positions; `None` where it does not.
    pub position: Option<PositionKind>,
    /// How far attention sees.
    pub span: AttentionSpan,
    /// What the layer norms add to a variance.
    pub norm_epsilon: f64,
    /// Whether the layer norms have biases.
    pub norm_bias: bool,
    /// How a module's output joins its input.
    pub residuals: Residuals,
    /// Dropout after each module, in training.
    pub dropout: f64,
}

/// Weights of input and output in the sums of a block: `x = input · x + output · module(x)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residuals {
    /// Of both feed-forward modules.
    pub feed_forward: (f64, f64),
    /// Of the convolution module.
    pub convolution: (f64, f64),
}

impl Residuals {
    /// The paper's: half steps of feed-forward, whole ones of the rest.
    pub const CONFORMER: Self = Self { feed_forward: (1.0, 0.5), convolution: (1.0, 1.0) };
}

impl BlockConfig {
    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.width / self.num_heads.max(1))
    }

    /// What its attention is made of.
    pub fn attention(&self) -> AttentionConfig {
        AttentionConfig {
            width: self.width,
            num_heads: self.num_heads,
            head_dim: self.head_width(),
            bias: if self.projection_bias { ProjectionBias::All } else { ProjectionBias::Absent },
            key_values: KeyValueMaps::Apart,
            position: self.position,
        }
    }

    fn feed_forward(&self) -> FeedForwardConfig {
        FeedForwardConfig {
            width: self.width,
            inner_width: self.inner_width,
            activation: self.activation,
            bias: self.projection_bias,
            dropout: self.dropout,
        }
    }

    fn convolution(&self) -> ConvolutionConfig {
        ConvolutionConfig {
            width: self.width,
            kernel: self.kernel,
            reach: self.reach,
            norm: self.convolution_norm,
            activation: self.activation,
            bias: self.convolution_bias,
        }
    }

    /// Builds the block with random weights on `device`.
    pub fn init(&self, device: &Device) -> ConformerBlock {
        let norm = || {
            LayerNormConfig::new(self.width)
                .with_epsilon(self.norm_epsilon)
                .with_bias(self.norm_bias)
                .init(device)
        };
        ConformerBlock {
            feed_forward1: self.feed_forward().init(device),
            self_attn: self.attention().init(device),
            conv: self.convolution().init(device),
            feed_forward2: self.feed_forward().init(device),
            norm_feed_forward1: norm(),
            norm_self_att: norm(),
            norm_conv: norm(),
            norm_feed_forward2: norm(),
            norm_out: norm(),
            dropout: DropoutConfig::new(self.dropout).init(),
            residuals: self.residuals,
        }
    }

    /// What is out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let sizes = [
            ("hidden_size", self.width),
            ("intermediate_size", self.inner_width),
            ("num_attention_heads", self.num_heads),
            ("head_dim", self.head_dim.unwrap_or(1)),
            ("the depthwise kernel", self.kernel),
        ];
        problems
            .extend(sizes.iter().filter(|(_, value)| *value == 0).map(|(name, _)| format!("`{name}` is 0")));
        if !problems.is_empty() {
            return problems;
        }
        if self.span == (AttentionSpan::Chunked { frames: 0 }) {
            problems.push("`attention_chunk_size` is 0".to_owned());
        }
        if self.head_dim.is_none() && !self.width.is_multiple_of(self.num_heads) {
            problems.push(format!(
                "`num_attention_heads`: {} does not divide `hidden_size` {}",
                self.num_heads, self.width
            ));
        }
        let odd = match self.position {
            Some(PositionKind::Relative) => self.width % 2 == 1,
            Some(PositionKind::RotaryInput { .. } | PositionKind::RotaryHeads { .. }) => {
                self.head_width() % 2 == 1
            }
            Some(PositionKind::RelativeKey { .. } | PositionKind::Shaw { .. }) | None => false,
        };
        if odd {
            problems.push(format!(
                "positions need even widths, `hidden_size` is {}, a head {}",
                self.width,
                self.head_width()
            ));
        }
        problems
    }

    /// An estimate of the f32 values that a pass over `rows` utterances of `frames` frames holds at its peak, weights
    /// aside: the frames, positions, and what the largest module of a block makes of them.
    pub(in crate::encoder) fn working_values(&self, rows: usize, frames: usize) -> f64 {
        let (width, inner) = (self.width as f64, self.inner_width as f64);
        let heads = self.num_heads as f64 * self.head_width() as f64;
        let (attention_rows, keys) = self.span.rows(rows, frames);
        let attended = attention_rows as f64 * keys as f64;
        let frames = rows as f64 * frames as f64;
        let positions = match self.position {
            // Sinusoids of twice as many distances, and their projection.
            Some(PositionKind::Relative) => 2.0 * keys as f64 * (width + heads),
            Some(PositionKind::RotaryInput { .. } | PositionKind::RotaryHeads { .. }) => {
                2.0 * keys as f64 * self.head_width() as f64
            }
            Some(PositionKind::RelativeKey { .. } | PositionKind::Shaw { .. }) | None => 0.0,
        };
        let per_query = attention_rows.saturating_mul(self.num_heads).saturating_mul(keys);
        // Products with keys and with distances, the latter moved to their keys, and the softmax.
        let scores = 5.0 * score_values(keys, per_query) as f64;
        // Queries, keys, values, the states of all blocks of queries, and those once more in one piece.
        let attention = 5.0 * attended * heads + scores;
        // Before and after the activation.
        let feed_forward = 2.0 * frames * inner;
        // The gate beside what it opens, then the norm's input and output.
        let convolution = 4.0 * frames * width;
        // The block's input, the sum so far, and the normalised input of a module.
        3.0 * frames * width + positions + attention.max(feed_forward).max(convolution)
    }
}

/// One block; each module has its own norm before it.
#[derive(Module, Debug)]
pub struct ConformerBlock {
    feed_forward1: FeedForward,
    self_attn: Attention,
    conv: Convolution,
    feed_forward2: FeedForward,
    norm_feed_forward1: LayerNorm,
    norm_self_att: LayerNorm,
    norm_conv: LayerNorm,
    norm_feed_forward2: LayerNorm,
    norm_out: LayerNorm,
    dropout: Dropout,
    #[module(skip)]
    residuals: Residuals,
}

impl ConformerBlock {
    /// `[B, T, E]` to the same; `shared` is that of all blocks. Unfinished once its watch stops.
    pub fn forward(&self, frames: &PaddedBatch, shared: &SharedAttention) -> PaddedBatch {
        let Residuals { feed_forward, convolution } = self.residuals;
        let is_stopped = || shared.watch().is_stopped();
        let x = frames.values();
        let step = self.feed_forward1.forward(self.norm_feed_forward1.forward(x.clone()));
        let x = self.add(x, step, feed_forward);
        if is_stopped() {
            return frames.with_values(x);
        }
        let step = self.self_attn.forward(self.norm_self_att.forward(x.clone()), shared);
        let x = self.add(x, step, (1.0, 1.0));
        if is_stopped() {
            return frames.with_values(x);
        }
        let step = self.conv.forward(self.norm_conv.forward(x.clone()), frames);
        let x = self.add(x, step, convolution);
        if is_stopped() {
            return frames.with_values(x);
        }
        let step = self.feed_forward2.forward(self.norm_feed_forward2.forward(x.clone()));
        let x = self.add(x, step, feed_forward);
        frames.with_values(self.norm_out.forward(x))
    }

    fn add(&self, x: Tensor<3>, step: Tensor<3>, factors: (f64, f64)) -> Tensor<3> {
        add_scaled(x, self.dropout.forward(step), factors)
    }
}

/// `frames` through all `layers`, whose attention spans `span`: `[B, T, E]` to the same. `side` sees what is behind each.
/// Unfinished once `watch` stops.
pub(in crate::encoder) fn through(
    layers: &[ConformerBlock],
    span: AttentionSpan,
    mut frames: PaddedBatch,
    watch: &Watch,
    side: &mut SideBySide<'_>,
) -> PaddedBatch {
    let shared = SharedAttention::new(span, &frames, watch);
    side.see(0, frames.values());
    for (behind, layer) in (1..).zip(layers) {
        if watch.is_stopped() {
            break;
        }
        frames = layer.forward(&frames, &shared);
        side.see(behind, frames.values());
    }
    frames
}
