//! A Conformer block: half feed-forward, attention, convolution, half feed-forward, norm.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.4. Every encoder here is made of it; they differ in what
//! [`BlockConfig`] says. Reference: transformers 5.23.0, `ParakeetEncoderBlock`, `Wav2Vec2BertEncoderLayer`,
//! `Wav2Vec2ConformerEncoderLayer`, `LasrEncoderBlock`. Shapes: `B` utterances, `T` frames, `E` width.

use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::attention::Attention;
use super::convolution::Convolution;
use super::feed_forward::FeedForward;
use super::positions::PositionKind;
use super::span::{AttentionContext, AttentionSpan};
use crate::batch::PaddedBatch;

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockConfig {
    /// Width `E` of the frames.
    pub width: usize,
    /// Width `F` inside the feed-forward modules.
    pub inner_width: usize,
    /// Attention heads `H`.
    pub num_heads: usize,
    /// Kernel of the depthwise convolution, in frames.
    pub kernel: usize,
    /// Where the kernel reaches.
    pub reach: KernelReach,
    /// What normalises the convolution.
    pub convolution_norm: ConvolutionNormKind,
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

/// Which frames a depthwise kernel sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelReach {
    /// As many before as after; of an even kernel one more after.
    Centred,
    /// This frame and those before.
    Causal,
}

/// The norm inside a convolution module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvolutionNormKind {
    /// Batch norm by running statistics.
    Batch,
    /// Layer norm over the channels of each frame.
    Layer,
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
    pub fn head_dim(&self) -> usize {
        self.width / self.num_heads
    }

    /// What is out of range, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let sizes = [
            ("hidden_size", self.width),
            ("intermediate_size", self.inner_width),
            ("num_attention_heads", self.num_heads),
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
        if !self.width.is_multiple_of(self.num_heads) {
            problems.push(format!(
                "`num_attention_heads`: {} does not divide `hidden_size` {}",
                self.num_heads, self.width
            ));
        }
        let odd = match self.position {
            Some(PositionKind::Relative) => self.width % 2 == 1,
            Some(PositionKind::RotaryInput { .. } | PositionKind::RotaryHeads { .. }) => {
                self.head_dim() % 2 == 1
            }
            Some(PositionKind::RelativeKey { .. }) | None => false,
        };
        if odd {
            problems.push(format!(
                "positions need even widths, `hidden_size` is {}, a head {}",
                self.width,
                self.head_dim()
            ));
        }
        problems
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
    /// Builds the block on `device`.
    pub fn init(config: &BlockConfig, device: &Device) -> Self {
        let norm = || {
            LayerNormConfig::new(config.width)
                .with_epsilon(config.norm_epsilon)
                .with_bias(config.norm_bias)
                .init(device)
        };
        Self {
            feed_forward1: FeedForward::init(config, device),
            self_attn: Attention::init(config, device),
            conv: Convolution::init(config, device),
            feed_forward2: FeedForward::init(config, device),
            norm_feed_forward1: norm(),
            norm_self_att: norm(),
            norm_conv: norm(),
            norm_feed_forward2: norm(),
            norm_out: norm(),
            dropout: DropoutConfig::new(config.dropout).init(),
            residuals: config.residuals,
        }
    }

    /// `[B, T, E]` to the same; `context` is that of all blocks.
    fn forward(&self, frames: &PaddedBatch, context: &AttentionContext) -> PaddedBatch {
        let Residuals { feed_forward, convolution } = self.residuals;
        let x = frames.values();
        let step = self.feed_forward1.forward(self.norm_feed_forward1.forward(x.clone()));
        let x = self.add(x, step, feed_forward);
        let step = self.self_attn.forward(self.norm_self_att.forward(x.clone()), context);
        let x = self.add(x, step, (1.0, 1.0));
        let step = self.conv.forward(self.norm_conv.forward(x.clone()), frames);
        let x = self.add(x, step, convolution);
        let step = self.feed_forward2.forward(self.norm_feed_forward2.forward(x.clone()));
        let x = self.add(x, step, feed_forward);
        frames.with_values(self.norm_out.forward(x))
    }

    fn add(&self, x: Tensor<3>, step: Tensor<3>, (input, output): (f64, f64)) -> Tensor<3> {
        scaled(x, input) + scaled(self.dropout.forward(step), output)
    }
}

/// `frames` through all `layers`, which are of `config`: `[B, T, E]` to the same.
pub(super) fn through(layers: &[ConformerBlock], config: &BlockConfig, frames: PaddedBatch) -> PaddedBatch {
    let context = AttentionContext::new(config, &frames);
    layers.iter().fold(frames, |frames, layer| layer.forward(&frames, &context))
}

/// `x` times `factor`, without a product where that changes nothing.
fn scaled(x: Tensor<3>, factor: f64) -> Tensor<3> {
    if (factor - 1.0).abs() < f64::EPSILON { x } else { x * factor }
}
