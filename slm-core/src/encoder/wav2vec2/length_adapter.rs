//! Layers after the blocks of [`Wav2Vec2Bert`](super::Wav2Vec2Bert) that shorten the sequence. They are part of the
//! speech encoder and have nothing to do with the adapter between encoder and language model.
//!
//! Reference: transformers 5.23.0, `Wav2Vec2BertAdapter`. There, the convolution of a padded row reads what the blocks
//! left in its padding, so that the row's last frame depends on the batch. Here the padding is zero, as it is for
//! the row alone. Shapes: `B` utterances, `T` frames in and `T'` out, `E` width of the blocks, `W` output width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig, PaddingConfig1d};
use burn::prelude::*;
use burn::tensor::activation::{glu, relu};

use super::config::Wav2Vec2BertConfig;
use crate::batch::PaddedBatch;
use crate::encoder::attention::Attention;
use crate::encoder::block::BlockConfig;
use crate::encoder::span::AttentionContext;
use crate::matrix::MatrixLinear;

/// A projection, where the width changes, and the layers.
#[derive(Module, Debug)]
pub struct LengthAdapter {
    proj: Option<MatrixLinear>,
    proj_layer_norm: Option<LayerNorm>,
    layers: Vec<LengthAdapterLayer>,
}

/// A strided convolution beside attention over its twin, then feed-forward.
#[derive(Module, Debug)]
pub struct LengthAdapterLayer {
    residual_layer_norm: LayerNorm,
    residual_conv: Conv1d,
    self_attn_layer_norm: LayerNorm,
    self_attn_conv: Conv1d,
    self_attn: Attention,
    ffn_layer_norm: LayerNorm,
    ffn: ReluFeedForward,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    kernel: usize,
}

/// Expand, ReLU, project back.
#[derive(Module, Debug)]
pub struct ReluFeedForward {
    intermediate_dense: MatrixLinear,
    output_dense: MatrixLinear,
}

impl ReluFeedForward {
    /// Builds the module on `device`.
    pub fn init(width: usize, inner: usize, device: &Device) -> Self {
        Self {
            intermediate_dense: LinearConfig::new(width, inner).init(device).into(),
            output_dense: LinearConfig::new(inner, width).init(device).into(),
        }
    }

    /// `[B, T, E]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.output_dense.forward(relu(self.intermediate_dense.forward(x)))
    }
}

impl LengthAdapter {
    /// Builds the layers on `device`.
    pub fn init(config: &Wav2Vec2BertConfig, device: &Device) -> Self {
        let (width, output) = (config.blocks.hidden_size, config.output_width());
        let epsilon = config.blocks.layer_norm_eps;
        let projected = width != output;
        Self {
            proj: projected.then(|| LinearConfig::new(width, output).init(device).into()),
            proj_layer_norm: projected
                .then(|| LayerNormConfig::new(output).with_epsilon(epsilon).init(device)),
            layers: (0..config.num_adapter_layers)
                .map(|_| LengthAdapterLayer::init(config, device))
                .collect(),
        }
    }

    /// `[B, T, E]` to `[B, T', W]`.
    pub fn forward(&self, frames: PaddedBatch) -> PaddedBatch {
        let frames = match (&self.proj, &self.proj_layer_norm) {
            (Some(proj), Some(norm)) => frames.with_values(norm.forward(proj.forward(frames.values()))),
            _ => frames,
        };
        self.layers.iter().fold(frames, |frames, layer| layer.forward(&frames))
    }
}

impl LengthAdapterLayer {
    fn init(config: &Wav2Vec2BertConfig, device: &Device) -> Self {
        let width = config.output_width();
        let norm = || LayerNormConfig::new(width).with_epsilon(config.blocks.layer_norm_eps).init(device);
        let (kernel, stride) = (config.adapter_kernel_size, config.adapter_stride);
        let conv = || {
            Conv1dConfig::new(width, 2 * width, kernel)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(stride / 2, stride / 2))
                .init(device)
        };
        let attention = BlockConfig { width, position: None, ..config.block() };
        Self {
            residual_layer_norm: norm(),
            residual_conv: conv(),
            self_attn_layer_norm: norm(),
            self_attn_conv: conv(),
            self_attn: Attention::init(&attention, device),
            ffn_layer_norm: norm(),
            ffn: ReluFeedForward::init(width, config.blocks.intermediate_size, device),
            stride,
            kernel,
        }
    }

    /// `[B, T, W]` to `[B, T', W]`.
    fn forward(&self, frames: &PaddedBatch) -> PaddedBatch {
        let residual = self.shorter(frames, &self.residual_layer_norm, &self.residual_conv);
        let attended = self.shorter(frames, &self.self_attn_layer_norm, &self.self_attn_conv);
        let x = self.self_attn.forward(attended.values(), &AttentionContext::unplaced(&attended))
            + residual.values();
        let step = self.ffn.forward(self.ffn_layer_norm.forward(x.clone()));
        residual.with_values(x + step)
    }

    fn shorter(&self, frames: &PaddedBatch, norm: &LayerNorm, conv: &Conv1d) -> PaddedBatch {
        let normed = frames.with_values(norm.forward(frames.values()));
        // [B, T, W] -> [B, W, T] -> [B, 2W, T'] -> [B, W, T'] -> [B, T', W]
        let values = glu(conv.forward(normed.values().swap_dims(1, 2)), 1).swap_dims(1, 2);
        let [_, time, _] = values.dims();
        let length = |n: usize| (n + 2 * (self.kernel / 2)).saturating_sub(self.kernel) / self.stride + 1;
        PaddedBatch::new(values, frames.lengths().iter().map(|&n| length(n).min(time)).collect())
    }
}
