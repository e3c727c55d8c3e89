//! The waveform as frames: convolutions without padding, each with GELU.
//!
//! Paper: wav2vec 2.0, arXiv 2006.11477, section 2. Reference: transformers 5.23.0,
//! `Wav2Vec2ConformerFeatureEncoder`. Shapes: `B` utterances, `N` samples, `T` frames, `C` channels.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::prelude::*;
use burn::tensor::activation::gelu;

use super::config::{Wav2Vec2ConformerConfig, WaveformNorm};
use crate::batch::{PaddedBatch, keep_mask};

/// What PyTorch's norms add to a variance.
const EPSILON: f64 = 1e-5;

/// Convolutions from samples to frames.
#[derive(Module, Debug)]
pub struct WaveformEncoder {
    conv_layers: Vec<WaveformLayer>,
}

/// A convolution, a norm where there is one, GELU.
#[derive(Module, Debug)]
pub struct WaveformLayer {
    conv: Conv1d,
    /// Gain and bias of each channel, for either norm.
    layer_norm: Option<LayerNorm>,
    #[module(skip)]
    norm: WaveformNorm,
    #[module(skip)]
    kernel: usize,
    #[module(skip)]
    stride: usize,
}

impl WaveformEncoder {
    /// Builds the convolutions on `device`.
    pub fn init(config: &Wav2Vec2ConformerConfig, device: &Device) -> Self {
        let mut input = 1;
        let shapes = config.conv_dim.iter().zip(config.conv_kernel.iter().zip(&config.conv_stride));
        let conv_layers = shapes
            .enumerate()
            .map(|(index, (&channels, (&kernel, &stride)))| {
                let conv = Conv1dConfig::new(input, channels, kernel)
                    .with_stride(stride)
                    .with_bias(config.conv_bias)
                    .init(device);
                input = channels;
                let normed = config.feat_extract_norm == WaveformNorm::Layer || index == 0;
                WaveformLayer {
                    conv,
                    layer_norm: normed
                        .then(|| LayerNormConfig::new(channels).with_epsilon(EPSILON).init(device)),
                    norm: config.feat_extract_norm,
                    kernel,
                    stride,
                }
            })
            .collect();
        Self { conv_layers }
    }

    /// Samples `[B, N, 1]` to frames `[B, T, C]`.
    pub fn forward(&self, waveform: &PaddedBatch) -> PaddedBatch {
        self.conv_layers.iter().fold(waveform.clone(), |frames, layer| layer.forward(&frames))
    }
}

impl WaveformLayer {
    fn forward(&self, frames: &PaddedBatch) -> PaddedBatch {
        let length = |n: usize| (n.max(self.kernel) - self.kernel) / self.stride + 1;
        let lengths: Vec<usize> = frames.lengths().iter().map(|&n| length(n)).collect();
        // [B, T, C] -> [B, C, T] -> [B, C', T']
        let x = self.conv.forward(frames.values().swap_dims(1, 2));
        let x = match (&self.layer_norm, self.norm) {
            (None, _) => x,
            (Some(norm), WaveformNorm::Layer) => norm.forward(x.swap_dims(1, 2)).swap_dims(1, 2),
            (Some(norm), WaveformNorm::Group) => over_time(x, &lengths, norm),
        };
        PaddedBatch::new(gelu(x).swap_dims(1, 2), lengths)
    }
}

/// Group norm with a group for each channel, `[B, C, T]` to the same: over the real frames of a row alone, so that
/// padding changes nothing.
fn over_time(x: Tensor<3>, lengths: &[usize], norm: &LayerNorm) -> Tensor<3> {
    let [batch, channels, time] = x.dims();
    let device = x.device();
    let keep = keep_mask(lengths, time, &device).reshape([batch, 1, time]);
    let counts: Vec<f32> = lengths.iter().map(|&n| n as f32).collect();
    let counts = Tensor::<1>::from_data(TensorData::new(counts, [batch]), &device).reshape([batch, 1, 1]);
    let mean = (x.clone() * keep.clone()).sum_dim(2) / counts.clone();
    let centred = (x - mean) * keep;
    let variance = centred.clone().powf_scalar(2.0).sum_dim(2) / counts;
    let normed = centred / (variance + EPSILON).sqrt();
    let gain = norm.gamma.val().reshape([1, channels, 1]);
    match &norm.beta {
        Some(bias) => normed * gain + bias.val().reshape([1, channels, 1]),
        None => normed * gain,
    }
}
