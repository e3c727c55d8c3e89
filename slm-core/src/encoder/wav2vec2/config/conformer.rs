//! Sizes of a wav2vec2-conformer. Source: transformers 5.23.0, `configuration_wav2vec2_conformer.py`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keys::{BlockKeys, PositionWord, adapted_width, adapter_stride};
use crate::encoder::activation;
use crate::encoder::conformer::block::BlockConfig;
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};
use crate::encoder::wav2vec2::DEFAULT_EPSILON;
use crate::encoder::wav2vec2::convolution_adapter::ConvolutionAdapterConfig;
use crate::encoder::wav2vec2::waveform::{WaveformConfig, WaveformNorm};

/// `config.json` of a `wav2vec2-conformer` folder (`Wav2Vec2ConformerConfig`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wav2Vec2ConformerConfig {
    /// Blocks and head.
    #[serde(flatten)]
    pub blocks: BlockKeys,
    /// Channels after each convolution of the waveform.
    pub conv_dim: Vec<usize>,
    /// Their kernels.
    pub conv_kernel: Vec<usize>,
    /// Their strides.
    pub conv_stride: Vec<usize>,
    /// Whether they have biases.
    pub conv_bias: bool,
    /// Their norms.
    pub feat_extract_norm: WaveformNorm,
    /// Their activation, by the name that transformers has for it.
    pub feat_extract_activation: String,
    /// Whether convolutions after the blocks shorten the sequence.
    pub add_adapter: bool,
    /// Those convolutions.
    pub num_adapter_layers: usize,
    /// Their kernel.
    pub adapter_kernel_size: usize,
    /// Their stride.
    pub adapter_stride: usize,
    /// Their width; `null` for that of the blocks.
    pub output_hidden_size: Option<usize>,
}

impl Default for Wav2Vec2ConformerConfig {
    fn default() -> Self {
        Self {
            blocks: BlockKeys {
                hidden_size: 768,
                num_hidden_layers: 12,
                num_attention_heads: 12,
                intermediate_size: 3072,
                hidden_act: "gelu".into(),
                position_embeddings_type: Some(PositionWord::Relative),
                ..BlockKeys::default()
            },
            conv_dim: vec![512; 7],
            conv_kernel: vec![10, 3, 3, 3, 3, 2, 2],
            conv_stride: vec![5, 2, 2, 2, 2, 2, 2],
            conv_bias: false,
            feat_extract_norm: WaveformNorm::Group,
            feat_extract_activation: "gelu".into(),
            add_adapter: false,
            num_adapter_layers: 3,
            adapter_kernel_size: 3,
            adapter_stride: 2,
            output_hidden_size: None,
        }
    }
}

impl Wav2Vec2ConformerConfig {
    /// The keys of a file, laid over the defaults: [`BlockKeys`] alone would fill in those of w2v-BERT.
    pub(in crate::encoder::wav2vec2) fn over_defaults(file: Map<String, Value>) -> serde_json::Result<Self> {
        let mut keys: Map<String, Value> = serde_json::from_value(serde_json::to_value(Self::default())?)?;
        keys.extend(file);
        serde_json::from_value(Value::Object(keys))
    }

    /// What its blocks are made of. Their norms do not take `layer_norm_eps`.
    pub fn block(&self) -> BlockConfig {
        self.blocks.block(KernelReach::Centred, ConvolutionNormKind::Batch, DEFAULT_EPSILON)
    }

    /// What the convolutions of the waveform are made of.
    pub fn waveform(&self) -> WaveformConfig {
        WaveformConfig {
            channels: self.conv_dim.clone(),
            kernels: self.conv_kernel.clone(),
            strides: self.conv_stride.clone(),
            bias: self.conv_bias,
            norm: self.feat_extract_norm,
            activation: activation::named(&self.feat_extract_activation),
        }
    }

    /// What the convolutions after the blocks are made of; `None` where there are none.
    pub fn adapter(&self) -> Option<ConvolutionAdapterConfig> {
        self.add_adapter.then(|| ConvolutionAdapterConfig {
            input: self.blocks.hidden_size,
            width: self.output_width(),
            num_layers: self.num_adapter_layers,
            kernel: self.adapter_kernel_size,
            stride: self.adapter_stride,
        })
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        problems.extend(self.blocks.problems());
        if self.blocks.position_embeddings_type == Some(PositionWord::RelativeKey) {
            let expected = "expected `relative`, `rotary` or null";
            problems.push(format!("`position_embeddings_type` is `relative_key`, {expected}"));
        }
        let counts = [self.conv_dim.len(), self.conv_kernel.len(), self.conv_stride.len()];
        if counts[0] == 0 || counts.iter().any(|&count| count != counts[0]) {
            problems.push(format!("`conv_dim`, `conv_kernel` and `conv_stride` have {counts:?} entries"));
        }
        let sizes = self.conv_dim.iter().chain(&self.conv_kernel).chain(&self.conv_stride);
        if sizes.into_iter().any(|&size| size == 0) {
            problems.push("`conv_dim`, `conv_kernel` or `conv_stride` has a 0".into());
        }
        problems.extend(activation::problem("feat_extract_activation", &self.feat_extract_activation));
        if self.add_adapter && (self.adapter_kernel_size == 0 || self.adapter_stride == 0) {
            problems.push("`adapter_kernel_size` or `adapter_stride` is 0".into());
        }
        problems
    }
}

impl EncoderSizes for Wav2Vec2ConformerConfig {
    fn input_width(&self) -> usize {
        1
    }

    fn output_width(&self) -> usize {
        adapted_width(self.add_adapter, self.output_hidden_size, self.blocks.hidden_size)
    }

    fn equal_layers(&self) -> Option<usize> {
        (!self.add_adapter).then_some(self.blocks.num_hidden_layers)
    }

    fn blank(&self) -> usize {
        self.blocks.blank()
    }

    fn stride(&self) -> usize {
        let waveform: usize = self.conv_stride.iter().product();
        waveform * adapter_stride(self.add_adapter, self.num_adapter_layers, self.adapter_stride)
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let input = rows as f64 * frames as f64;
        let waveform = self.waveform();
        let time = waveform.output_len(frames);
        let adapter = self.adapter().map_or(0.0, |adapter| adapter.working_values(rows, time));
        let states = input / self.stride() as f64;
        let labels = self.blocks.vocab_size.unwrap_or(0);
        peak_bytes(&[
            input + waveform.working_values(rows, frames),
            input + self.block().working_values(rows, time),
            input + adapter,
            input + output_values(states, self.output_width(), labels),
        ])
    }
}
