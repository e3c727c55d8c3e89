//! Layers after the blocks of [`Wav2Vec2Bert`](super::Wav2Vec2Bert) that shorten the sequence. They are part of the
//! speech encoder and have nothing to do with the adapter between encoder and language model.
//!
//! Reference: transformers 5.23.0, `Wav2Vec2BertAdapter`. There, the convolution of a padded row reads what the blocks
//! left in its padding, so that the row's last frame depends on the batch. Here the padding is zero, as it is for
//! the row alone. Shapes: `B` utterances, `T` frames in and `T'` out, `E` width of the blocks, `W` output width.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, LinearConfig, PaddingConfig1d};
use burn::prelude::*;

use crate::encoder::conformer::attention::{Attention, AttentionConfig, KeyValueMaps, ProjectionBias};
use crate::encoder::conformer::span::{AttentionSpan, SharedAttention};
use crate::nn::blocks::score_values;
use crate::nn::host::glu;
use crate::nn::matrix::MatrixLinear;
use crate::nn::{ActivationKind, PaddedBatch, Watch};

/// What a [`LengthAdapter`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LengthAdapterConfig {
    /// Width `E` of the blocks.
    pub input: usize,
    /// Width `W` of the output.
    pub width: usize,
    /// Width inside the feed-forward modules.
    pub inner_width: usize,
    /// Layers.
    pub num_layers: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Kernel of the convolutions.
    pub kernel: usize,
    /// Stride of the convolutions.
    pub stride: usize,
    /// Activation of the feed-forward modules.
    pub activation: ActivationKind,
    /// What the norms add to a variance.
    pub norm_epsilon: f64,
}

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
    ffn: AdapterFeedForward,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    kernel: usize,
}

/// What an [`AdapterFeedForward`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdapterFeedForwardConfig {
    /// Width of its input and output.
    pub width: usize,
    /// Width in between.
    pub inner_width: usize,
    /// What stands between the linear maps.
    pub activation: ActivationKind,
}

/// Expand, activate, project back.
#[derive(Module, Debug)]
pub struct AdapterFeedForward {
    intermediate_dense: MatrixLinear,
    output_dense: MatrixLinear,
    #[module(skip)]
    activation: ActivationKind,
}

impl AdapterFeedForwardConfig {
    /// Builds the module on `device`.
    pub fn init(&self, device: &Device) -> AdapterFeedForward {
        AdapterFeedForward {
            intermediate_dense: LinearConfig::new(self.width, self.inner_width).init(device).into(),
            output_dense: LinearConfig::new(self.inner_width, self.width).init(device).into(),
            activation: self.activation,
        }
    }
}

impl AdapterFeedForward {
    /// `[B, T, E]` to the same.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.output_dense.forward(self.activation.apply(self.intermediate_dense.forward(x)))
    }
}

impl LengthAdapterConfig {
    /// Builds the layers on `device`.
    pub fn init(&self, device: &Device) -> LengthAdapter {
        let projected = self.input != self.width;
        LengthAdapter {
            proj: projected.then(|| LinearConfig::new(self.input, self.width).init(device).into()),
            proj_layer_norm: projected.then(|| self.norm(device)),
            layers: (0..self.num_layers).map(|_| self.layer(device)).collect(),
        }
    }

    fn norm(&self, device: &Device) -> LayerNorm {
        LayerNormConfig::new(self.width).with_epsilon(self.norm_epsilon).init(device)
    }

    fn layer(&self, device: &Device) -> LengthAdapterLayer {
        let Self { width, inner_width, num_heads, kernel, stride, activation, .. } = *self;
        let conv = || {
            Conv1dConfig::new(width, 2 * width, kernel)
                .with_stride(stride)
                .with_padding(PaddingConfig1d::Explicit(stride / 2, stride / 2))
                .init(device)
        };
        let head_dim = width / num_heads;
        LengthAdapterLayer {
            residual_layer_norm: self.norm(device),
            residual_conv: conv(),
            self_attn_layer_norm: self.norm(device),
            self_attn_conv: conv(),
            self_attn: AttentionConfig {
                width,
                num_heads,
                head_dim,
                bias: ProjectionBias::All,
                key_values: KeyValueMaps::Apart,
                position: None,
            }
            .init(device),
            ffn_layer_norm: self.norm(device),
            ffn: AdapterFeedForwardConfig { width, inner_width, activation }.init(device),
            stride,
            kernel,
        }
    }

    /// An estimate of the values that a pass over `rows` utterances of `frames` frames holds at its peak.
    pub(super) fn working_values(&self, rows: usize, frames: usize) -> f64 {
        let (width, inner) = (self.width as f64, self.inner_width as f64);
        let states = frames.div_ceil(self.stride.max(1));
        let per_query = rows.saturating_mul(self.num_heads).saturating_mul(states);
        let (rows, frames) = (rows as f64, frames as f64);
        // Frames as they are, normed, and as the convolution reads them, and its channels before and behind the gate.
        let convolution =
            rows * frames * (self.input as f64 + 3.0 * width) + rows * states as f64 * 4.0 * width;
        let attention = rows * states as f64 * 7.0 * width + 5.0 * score_values(states, per_query) as f64;
        let feed_forward = rows * states as f64 * (3.0 * width + 2.0 * inner);
        convolution.max(attention).max(feed_forward)
    }
}

impl LengthAdapter {
    /// `[B, T, E]` to `[B, T', W]`. Unfinished once `watch` stops.
    pub fn forward(&self, frames: PaddedBatch, watch: &Watch) -> PaddedBatch {
        let mut frames = match (&self.proj, &self.proj_layer_norm) {
            (Some(proj), Some(norm)) => frames.with_values(norm.forward(proj.forward(frames.values()))),
            _ => frames,
        };
        for layer in &self.layers {
            if watch.is_stopped() {
                break;
            }
            frames = layer.forward(&frames, watch);
        }
        frames
    }
}

impl LengthAdapterLayer {
    /// `[B, T, W]` to `[B, T', W]`.
    fn forward(&self, frames: &PaddedBatch, watch: &Watch) -> PaddedBatch {
        let residual = self.shorter(frames, &self.residual_layer_norm, &self.residual_conv);
        let attended = self.shorter(frames, &self.self_attn_layer_norm, &self.self_attn_conv);
        let shared = SharedAttention::new(AttentionSpan::Full, &attended, watch);
        let x = self.self_attn.forward(attended.values(), &shared) + residual.values();
        let step = self.ffn.forward(self.ffn_layer_norm.forward(x.clone()));
        residual.with_values(x + step)
    }

    fn shorter(&self, frames: &PaddedBatch, norm: &LayerNorm, conv: &Conv1d) -> PaddedBatch {
        let [_, time, _] = frames.dims();
        let pads = 2 * (self.stride / 2);
        // Too few frames for one state are taken as if zeros followed.
        let missing = self.kernel.saturating_sub(time + pads);
        let x = frames.with_values(norm.forward(frames.values())).values().swap_dims(1, 2);
        let x = if missing == 0 { x } else { x.pad([(0, missing)], 0.0) };
        // [B, W, T] -> [B, 2W, T'] -> [B, W, T'] -> [B, T', W]
        let values = glu(conv.forward(x), 1).swap_dims(1, 2);
        let made = |n: usize| (n + pads).saturating_sub(self.kernel) / self.stride + 1;
        // transformers counts states as if half a kernel were padded.
        let counted = |n: usize| (n + 2 * (self.kernel / 2)).saturating_sub(self.kernel) / self.stride + 1;
        let lengths = frames.lengths().iter().map(|&n| made(n).min(counted(n))).collect();
        PaddedBatch::new(values, lengths)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn a_row_is_what_it_is_alone_and_no_row_is_too_short() {
        let device = Device::flex();
        device.seed(6);
        // Where half the kernel is not half the stride, a padded row would have more states than the row alone.
        for (kernel, stride) in [(3, 2), (5, 3), (7, 2), (1, 1)] {
            let config = LengthAdapterConfig {
                input: 6,
                width: 4,
                inner_width: 5,
                num_layers: 2,
                num_heads: 2,
                kernel,
                stride,
                activation: ActivationKind::Gelu,
                norm_epsilon: 1e-5,
            };
            let adapter = config.init(&device);
            let x = Tensor::<3>::random([2, 62, 6], Distribution::Normal(0.0, 1.0), &device);
            let short = x.clone().slice([1..2, 0..41, 0..6]);
            let together = adapter.forward(PaddedBatch::new(x, vec![62, 41]), &Watch::default());
            let alone = adapter.forward(PaddedBatch::new(short, vec![41]), &Watch::default());
            assert_eq!(together.lengths()[1], alone.lengths()[0]);
            let length = alone.lengths()[0];
            let cut = |x: &PaddedBatch, row: usize| x.values().slice([row..row + 1, 0..length, 0..4]);
            let gap = (cut(&together, 1) - cut(&alone, 0)).abs().max().try_into_scalar::<f32>().unwrap();
            assert!(gap < 1e-5, "kernel {kernel}, stride {stride}: {gap}");
            let one = PaddedBatch::new(Tensor::ones([1, 1, 6], &device), vec![1]);
            assert_eq!(adapter.forward(one, &Watch::default()).lengths(), [1]);
        }
    }
}
