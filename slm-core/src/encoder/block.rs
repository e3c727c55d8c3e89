//! A Conformer block: half feed-forward, attention, convolution, half feed-forward, norm.
//!
//! Paper: Conformer, arXiv 2005.08100, section 2.4. Reference: transformers 5.23.0,
//! `ParakeetEncoderBlock`. Shapes: `B` utterances, `T` frames, `E` width.

use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig};
use burn::prelude::*;

use super::attention::RelativeAttention;
use super::config::ParakeetEncoderConfig;
use super::convolution::Convolution;
use super::feed_forward::FeedForward;
use crate::batch::PaddedBatch;

/// The weight of each of the two feed-forward modules.
const HALF_STEP: f64 = 0.5;

/// One block; each module has its own norm before it.
#[derive(Module, Debug)]
pub struct ConformerBlock {
    feed_forward1: FeedForward,
    self_attn: RelativeAttention,
    conv: Convolution,
    feed_forward2: FeedForward,
    norm_feed_forward1: LayerNorm,
    norm_self_att: LayerNorm,
    norm_conv: LayerNorm,
    norm_feed_forward2: LayerNorm,
    norm_out: LayerNorm,
    dropout: Dropout,
}

impl ConformerBlock {
    /// Builds the block on `device`.
    pub fn init(config: &ParakeetEncoderConfig, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(config.hidden_size).init(device);
        Self {
            feed_forward1: FeedForward::init(config, device),
            self_attn: RelativeAttention::init(config, device),
            conv: Convolution::init(config, device),
            feed_forward2: FeedForward::init(config, device),
            norm_feed_forward1: norm(),
            norm_self_att: norm(),
            norm_conv: norm(),
            norm_feed_forward2: norm(),
            norm_out: norm(),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// `[B, T, E]` to the same; `positions` `[1, 2T - 1, E]` and `mask` `[B, 1, 1, T]` serve all blocks.
    pub fn forward(&self, frames: &PaddedBatch, positions: &Tensor<3>, mask: &Tensor<4>) -> PaddedBatch {
        let x = frames.values();
        let step = self.feed_forward1.forward(self.norm_feed_forward1.forward(x.clone()));
        let x = x + self.dropout.forward(step) * HALF_STEP;
        let step = self.norm_self_att.forward(x.clone());
        let x = x + self.dropout.forward(self.self_attn.forward(step, positions.clone(), mask.clone()));
        let step = self.conv.forward(self.norm_conv.forward(x.clone()), frames);
        let x = x + self.dropout.forward(step);
        let step = self.feed_forward2.forward(self.norm_feed_forward2.forward(x.clone()));
        let x = x + self.dropout.forward(step) * HALF_STEP;
        frames.with_values(self.norm_out.forward(x))
    }
}
