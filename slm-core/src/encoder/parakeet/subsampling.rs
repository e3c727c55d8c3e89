//! Depthwise-striding subsampling of FastConformer: fewer frames, in the encoder's width.
//!
//! Paper: FastConformer, arXiv 2305.05084, section 2.1. Reference: transformers 5.23.0,
//! `modeling_parakeet.py`, `ParakeetEncoderSubsamplingConv2D`.
//! Shapes: `B` utterances, `T` frames, `M` mel bins, `C` channels, `E` encoder width.

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::relu;

use super::config::ParakeetEncoderConfig;
use crate::batch::{PaddedBatch, keep_mask};
use crate::matrix::MatrixLinear;

/// A depthwise convolution of stride 2 and the pointwise one that mixes its channels.
#[derive(Module, Debug)]
pub struct SubsamplingStage {
    depthwise: Conv2d,
    pointwise: Conv2d,
}

/// Halves the frame rate once a stage, then projects to the encoder's width.
#[derive(Module, Debug)]
pub struct Subsampling {
    conv_in: Conv2d,
    stages: Vec<SubsamplingStage>,
    linear: MatrixLinear,
    #[module(skip)]
    config: ParakeetEncoderConfig,
}

impl Subsampling {
    /// Builds the subsampling on `device`.
    pub fn init(config: &ParakeetEncoderConfig, device: &Device) -> Self {
        let channels = config.subsampling_conv_channels;
        let kernel = config.subsampling_conv_kernel_size;
        let pad = (kernel - 1) / 2;
        let strided = |input: usize, groups: usize| {
            Conv2dConfig::new([input, channels], [kernel, kernel])
                .with_stride([config.subsampling_conv_stride; 2])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .with_groups(groups)
                .init(device)
        };
        Self {
            conv_in: strided(1, 1),
            stages: (1..config.num_subsampling_stages())
                .map(|_| SubsamplingStage {
                    depthwise: strided(channels, channels),
                    pointwise: Conv2dConfig::new([channels, channels], [1, 1]).init(device),
                })
                .collect(),
            linear: LinearConfig::new(channels * config.subsampled_bins(), config.hidden_size)
                .init(device)
                .into(),
            config: config.clone(),
        }
    }

    /// `[B, T, M]` to `[B, T', E]`, where `T'` is about `T / subsampling_factor`.
    pub fn forward(&self, features: &PaddedBatch) -> PaddedBatch {
        let mut lengths = features.lengths().to_vec();
        // [B, T, M] -> [B, 1, T, M]
        let input = features.values().unsqueeze_dim::<4>(1);
        // [B, 1, T, M] -> [B, C, T/2, M/2]
        let mut x = self.conv_in.forward(input);
        self.halve(&mut lengths);
        x = relu(Self::mask(x, &lengths));
        for stage in &self.stages {
            // Padded frames are zeroed after every convolution: its bias would otherwise fill them.
            // [B, C, T/2, M/2] -> [B, C, T/4, M/4] -> ..
            x = stage.depthwise.forward(x);
            self.halve(&mut lengths);
            x = Self::mask(x, &lengths);
            x = relu(Self::mask(stage.pointwise.forward(x), &lengths));
        }
        let [batch, channels, time, bins] = x.dims();
        // [B, C, T', M'] -> [B, T', C * M'], channels outermost
        let x = x.swap_dims(1, 2).reshape([batch, time, channels * bins]);
        PaddedBatch::new(self.linear.forward(x), lengths)
    }

    fn halve(&self, lengths: &mut [usize]) {
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
