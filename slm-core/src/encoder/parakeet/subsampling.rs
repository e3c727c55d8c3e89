//! Depthwise-striding subsampling of FastConformer: fewer frames, in the encoder's width.
//!
//! Paper: FastConformer, arXiv 2305.05084, section 2.1. Reference: transformers 5.23.0,
//! `modeling_parakeet.py`, `ParakeetEncoderSubsamplingConv2D`.
//! Shapes: `B` utterances, `T` frames, `M` mel bins, `C` channels, `E` encoder width.

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::relu;

use crate::nn::matrix::MatrixLinear;
use crate::nn::{PaddedBatch, Watch, keep_mask};

/// What a [`Subsampling`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsamplingConfig {
    /// Mel bins `M` of the input.
    pub num_mel_bins: usize,
    /// Width `E` of the output.
    pub width: usize,
    /// Channels `C` of the convolutions.
    pub channels: usize,
    /// Kernel of the convolutions, odd.
    pub kernel: usize,
    /// Stride of the convolutions.
    pub stride: usize,
    /// Convolutions with that stride, 1 or more.
    pub stages: usize,
}

/// A depthwise convolution with a stride and the pointwise one that mixes its channels.
#[derive(Module, Debug)]
pub struct SubsamplingStage {
    depthwise: Conv2d,
    pointwise: Conv2d,
}

/// Lowers the frame rate once a stage, then projects to the encoder's width.
#[derive(Module, Debug)]
pub struct Subsampling {
    conv_in: Conv2d,
    stages: Vec<SubsamplingStage>,
    linear: MatrixLinear,
    #[module(skip)]
    config: SubsamplingConfig,
}

impl SubsamplingConfig {
    /// Positions after one convolution with a stride.
    pub fn stage_len(&self, n: usize) -> usize {
        let pads = 2 * ((self.kernel - 1) / 2);
        (n + pads).saturating_sub(self.kernel) / self.stride + 1
    }

    /// Positions after all stages.
    pub fn output_len(&self, n: usize) -> usize {
        (0..self.stages).fold(n, |n, _| self.stage_len(n))
    }

    /// Builds the subsampling with random weights on `device`.
    pub fn init(&self, device: &Device) -> Subsampling {
        let Self { channels, kernel, stride, stages, .. } = *self;
        let pad = (kernel - 1) / 2;
        let strided = |input: usize, groups: usize| {
            Conv2dConfig::new([input, channels], [kernel, kernel])
                .with_stride([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .with_groups(groups)
                .init(device)
        };
        let bins = self.output_len(self.num_mel_bins);
        Subsampling {
            conv_in: strided(1, 1),
            stages: (1..stages)
                .map(|_| SubsamplingStage {
                    depthwise: strided(channels, channels),
                    pointwise: Conv2dConfig::new([channels, channels], [1, 1]).init(device),
                })
                .collect(),
            linear: LinearConfig::new(channels * bins, self.width).init(device).into(),
            config: *self,
        }
    }

    /// An estimate of the values that a pass over `rows` utterances of `frames` frames holds at its peak, its input aside.
    pub(super) fn working_values(&self, rows: usize, frames: usize) -> f64 {
        let (mut time, mut bins) = (frames, self.num_mel_bins);
        let mut peak = 0.0_f64;
        let mut before = rows as f64 * time as f64 * bins as f64;
        for stage in 0..self.stages {
            (time, bins) = (self.stage_len(time), self.stage_len(bins));
            let values = rows as f64 * self.channels as f64 * time as f64 * bins as f64;
            // Into the depthwise convolution and out of it, then the same of the pointwise one.
            peak = peak.max(before + values).max(if stage > 0 { 2.0 * values } else { 0.0 });
            before = values;
        }
        // With the channels beside the bins in place of outside the frames, and projected.
        peak.max(2.0 * before + rows as f64 * time as f64 * self.width as f64)
    }
}

impl Subsampling {
    /// `[B, T, M]` to `[B, T', E]`, where `T'` is about `T` over the stride of all stages; `None` once `watch` stops.
    pub fn forward(&self, features: &PaddedBatch, watch: &Watch) -> Option<PaddedBatch> {
        let mut lengths = features.lengths().to_vec();
        // [B, T, M] -> [B, 1, T, M]
        let input = features.values().unsqueeze_dim::<4>(1);
        // [B, 1, T, M] -> [B, C, T/2, M/2]
        let mut x = self.conv_in.forward(input);
        self.shorten(&mut lengths);
        x = relu(Self::mask(x, &lengths));
        for stage in &self.stages {
            if watch.is_stopped() {
                return None;
            }
            // Padded frames are zeroed after every convolution: its bias would otherwise fill them.
            // [B, C, T/2, M/2] -> [B, C, T/4, M/4] -> ..
            x = stage.depthwise.forward(x);
            self.shorten(&mut lengths);
            x = Self::mask(x, &lengths);
            x = relu(Self::mask(stage.pointwise.forward(x), &lengths));
        }
        if watch.is_stopped() {
            return None;
        }
        let [batch, channels, time, bins] = x.dims();
        // [B, C, T', M'] -> [B, T', C * M'], channels outermost
        let x = x.swap_dims(1, 2).reshape([batch, time, channels * bins]);
        Some(PaddedBatch::new(self.linear.forward(x), lengths))
    }

    fn shorten(&self, lengths: &mut [usize]) {
        for n in lengths {
            *n = self.config.stage_len(*n);
        }
    }

    /// Zeroes padded frames of `[B, C, T, M]`.
    fn mask(x: Tensor<4>, lengths: &[usize]) -> Tensor<4> {
        let [batch, _, time, _] = x.dims();
        if lengths.iter().all(|&n| n == time) {
            return x;
        }
        let keep = keep_mask(lengths, time, &x.device()).reshape([batch, 1, time, 1]);
        x * keep
    }
}
