//! A Conformer block that may halve the rate of the frames in its convolution module.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.4; that of IBM's Granite Speech, arXiv 2505.08699. Reference: transformers
//! 5.23.0, `GraniteSpeechConformerBlock`, `GraniteSpeech5EncoderBlock` and `GraniteSpeech5EncoderSubsamplingBlock`.
//! Shapes: `B` utterances, `T` frames, `T'` of them after the block, `E` width.

use burn::nn::{LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::attention::{Attention, AttentionConfig};
use super::feed_forward::{FeedForward, FeedForwardConfig};
use super::span::{AttentionSpan, SharedAttention};
use super::wide_convolution::{NORM_EPSILON, PointwiseKind, WideConvolution, WideConvolutionConfig};
use crate::nn::PaddedBatch;
use crate::nn::blocks::score_values;
use crate::nn::host::{add, add_scaled};

/// The share of a feed-forward module in its sum.
const HALF_STEP: f64 = 0.5;

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StridedBlockConfig {
    /// The attention module.
    pub attention: AttentionConfig,
    /// Both feed-forward modules.
    pub feed_forward: FeedForwardConfig,
    /// Width inside the convolution module.
    pub inner_width: usize,
    /// Kernel of the depthwise convolution, in frames.
    pub kernel: usize,
    /// Frames of the input for each of the output: 1, or 2 where the rate is halved.
    pub stride: usize,
    /// What the maps of the convolution module are in the file.
    pub pointwise: PointwiseKind,
}

/// One block; each module has its own norm before it.
#[derive(Module, Debug)]
pub struct StridedBlock {
    feed_forward1: FeedForward,
    self_attn: Attention,
    conv: WideConvolution,
    feed_forward2: FeedForward,
    norm_feed_forward1: LayerNorm,
    norm_self_att: LayerNorm,
    norm_conv: LayerNorm,
    norm_feed_forward2: LayerNorm,
    norm_out: LayerNorm,
    stride: usize,
}

impl StridedBlockConfig {
    /// Builds the block with random weights on `device`.
    pub fn init(&self, device: &Device) -> StridedBlock {
        let width = self.attention.width;
        let norm = || LayerNormConfig::new(width).with_epsilon(NORM_EPSILON).init(device);
        let Self { inner_width, kernel, stride, pointwise, .. } = *self;
        StridedBlock {
            feed_forward1: self.feed_forward.init(device),
            self_attn: self.attention.init(device),
            conv: WideConvolutionConfig { width, inner_width, kernel, stride, pointwise }.init(device),
            feed_forward2: self.feed_forward.init(device),
            norm_feed_forward1: norm(),
            norm_self_att: norm(),
            norm_conv: norm(),
            norm_feed_forward2: norm(),
            norm_out: norm(),
            stride,
        }
    }

    /// An estimate of the f32 values that a pass over `rows` utterances of `frames` frames holds at its peak, weights
    /// aside.
    pub(in crate::encoder) fn working_values(&self, rows: usize, frames: usize, span: AttentionSpan) -> f64 {
        let AttentionConfig { width, num_heads, head_dim, .. } = self.attention;
        let (attention_rows, keys) = span.rows(rows, frames);
        let per_query = attention_rows.saturating_mul(num_heads).saturating_mul(keys);
        // Products with keys and with distances, the latter moved to their keys, and the softmax.
        let scores = 5.0 * score_values(keys, per_query) as f64;
        // Queries, keys, values, the states of all blocks of queries, and those once more in one piece.
        let attended = attention_rows as f64 * keys as f64;
        let attention = 5.0 * attended * (num_heads * head_dim) as f64 + scores;
        let frames = rows as f64 * frames as f64;
        // Before and after the activation.
        let feed_forward = 2.0 * frames * self.feed_forward.inner_width as f64;
        // The gate beside what it opens, then the norm's input and output.
        let convolution = 4.0 * frames * self.inner_width as f64;
        // The block's input, the sum so far, and the normalised input of a module.
        3.0 * frames * width as f64 + attention.max(feed_forward).max(convolution)
    }
}

impl StridedBlock {
    /// `[B, T, E]` to `[B, T', E]`; `shared` is for frames of this length. Unfinished once its watch stops.
    pub fn forward(&self, frames: &PaddedBatch, shared: &SharedAttention) -> PaddedBatch {
        let x = frames.values();
        let step = self.feed_forward1.forward(self.norm_feed_forward1.forward(x.clone()));
        let x = add_scaled(x, step, (1.0, HALF_STEP));
        let x = if shared.watch().is_stopped() {
            x
        } else {
            let step = self.self_attn.forward(self.norm_self_att.forward(x.clone()), shared);
            add(x, step)
        };
        let step = self.conv.forward(self.norm_conv.forward(x.clone()), frames);
        let (frames, x) = self.fewer(frames, x);
        // [B, ceil(T / 2), E] -> [B, T', E]
        let [_, time, _] = x.dims();
        let x = x + step.narrow(1, 0, time);
        let step = self.feed_forward2.forward(self.norm_feed_forward2.forward(x.clone()));
        frames.with_values(self.norm_out.forward(add_scaled(x, step, (1.0, HALF_STEP))))
    }

    /// The frames at the rate of the output, each the mean of those that it stands for: `[B, T, E]` to `[B, T', E]`. What
    /// fills no frame falls away, in a row as at the end of the batch.
    fn fewer(&self, frames: &PaddedBatch, x: Tensor<3>) -> (PaddedBatch, Tensor<3>) {
        if self.stride == 1 {
            return (frames.clone(), x);
        }
        let [batch, time, width] = x.dims();
        let count = time / self.stride;
        let x = x
            .narrow(1, 0, count * self.stride)
            .reshape([batch, count, self.stride, width])
            .mean_dim(2)
            .reshape([batch, count, width]);
        // A row has a frame, however short.
        let lengths = frames.lengths().iter().map(|length| (length / self.stride).max(1)).collect();
        (PaddedBatch::new(x.clone(), lengths), x)
    }
}
