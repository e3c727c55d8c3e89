//! The waveform as frames: convolutions without padding, each with an activation.
//!
//! Paper: wav2vec 2.0, arXiv 2006.11477, section 2. Reference: transformers 5.23.0,
//! `Wav2Vec2ConformerFeatureEncoder`. Shapes: `B` utterances, `N` samples, `T` frames, `C` channels.

use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::DEFAULT_EPSILON;
use crate::nn::{ActivationKind, PaddedBatch, Watch, keep_mask};

/// How the waveform's convolutions are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaveformNorm {
    /// Group norm after the first, one group a channel.
    Group,
    /// Layer norm after each.
    Layer,
}

/// What a [`WaveformEncoder`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveformConfig {
    /// Channels after each convolution.
    pub channels: Vec<usize>,
    /// The kernel of each.
    pub kernels: Vec<usize>,
    /// The stride of each.
    pub strides: Vec<usize>,
    /// Whether they have biases.
    pub bias: bool,
    /// Their norms.
    pub norm: WaveformNorm,
    /// Their activation.
    pub activation: ActivationKind,
}

/// Convolutions from samples to frames.
#[derive(Module, Debug)]
pub struct WaveformEncoder {
    conv_layers: Vec<WaveformLayer>,
}

/// A convolution, a norm where there is one, an activation.
#[derive(Module, Debug)]
pub struct WaveformLayer {
    conv: Conv1d,
    /// Gain and bias of each channel, for either norm.
    layer_norm: Option<LayerNorm>,
    #[module(skip)]
    norm: WaveformNorm,
    #[module(skip)]
    activation: ActivationKind,
    #[module(skip)]
    kernel: usize,
    #[module(skip)]
    stride: usize,
}

/// Frames after a convolution without padding; of too few samples one, as if zeros followed.
fn frames_of(n: usize, kernel: usize, stride: usize) -> usize {
    n.saturating_sub(kernel) / stride + 1
}

impl WaveformConfig {
    /// Channels, kernel and stride of each convolution.
    fn shapes(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let shapes = self.channels.iter().zip(&self.kernels).zip(&self.strides);
        shapes.map(|((&channels, &kernel), &stride)| (channels, kernel, stride))
    }

    /// Frames of `samples` samples.
    pub fn output_len(&self, samples: usize) -> usize {
        self.shapes().fold(samples, |n, (_, kernel, stride)| frames_of(n, kernel, stride))
    }

    /// Builds the convolutions with random weights on `device`.
    pub fn init(&self, device: &Device) -> WaveformEncoder {
        let mut input = 1;
        let conv_layers = self
            .shapes()
            .enumerate()
            .map(|(index, (channels, kernel, stride))| {
                let conv = Conv1dConfig::new(input, channels, kernel)
                    .with_stride(stride)
                    .with_bias(self.bias)
                    .init(device);
                input = channels;
                let normed = self.norm == WaveformNorm::Layer || index == 0;
                WaveformLayer {
                    conv,
                    layer_norm: normed
                        .then(|| LayerNormConfig::new(channels).with_epsilon(DEFAULT_EPSILON).init(device)),
                    norm: self.norm,
                    activation: self.activation,
                    kernel,
                    stride,
                }
            })
            .collect();
        WaveformEncoder { conv_layers }
    }

    /// An estimate of the values that a pass over `rows` utterances of `samples` samples holds at its peak.
    pub(super) fn working_values(&self, rows: usize, samples: usize) -> f64 {
        let (mut time, mut before, mut peak) = (samples, rows as f64 * samples as f64, 0.0_f64);
        for (channels, kernel, stride) in self.shapes() {
            time = frames_of(time, kernel, stride);
            let values = rows as f64 * channels as f64 * time as f64;
            // The input as it is and as the convolution reads it, beside its output; then the output, as it is and as
            // the norm reads it, beside the normed one.
            peak = peak.max(before + before.max(2.0 * values) + values);
            before = values;
        }
        peak
    }
}

impl WaveformEncoder {
    /// Samples `[B, N, 1]` to frames `[B, T, C]`; `None` once `watch` stops.
    pub fn forward(&self, waveform: &PaddedBatch, watch: &Watch) -> Option<PaddedBatch> {
        self.conv_layers.iter().try_fold(waveform.clone(), |frames, layer| {
            let frames = layer.forward(&frames);
            (!watch.is_stopped()).then_some(frames)
        })
    }
}

impl WaveformLayer {
    fn forward(&self, frames: &PaddedBatch) -> PaddedBatch {
        let [_, time, _] = frames.dims();
        let lengths: Vec<usize> =
            frames.lengths().iter().map(|&n| frames_of(n, self.kernel, self.stride)).collect();
        let missing = self.kernel.saturating_sub(time);
        let x = frames.values().swap_dims(1, 2);
        let x = if missing == 0 { x } else { x.pad([(0, missing)], 0.0) };
        // [B, C, T] -> [B, C', T']
        let x = self.conv.forward(x);
        let x = match (&self.layer_norm, self.norm) {
            (None, _) => x,
            (Some(norm), WaveformNorm::Layer) => norm.forward(x.swap_dims(1, 2)).swap_dims(1, 2),
            (Some(norm), WaveformNorm::Group) => over_time(x, &lengths, norm),
        };
        PaddedBatch::new(self.activation.apply(x).swap_dims(1, 2), lengths)
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
    let normed = centred / (variance + DEFAULT_EPSILON).sqrt();
    let gain = norm.gamma.val().reshape([1, channels, 1]);
    match &norm.beta {
        Some(bias) => normed * gain + bias.val().reshape([1, channels, 1]),
        None => normed * gain,
    }
}
