//! Sizes of the wav2vec 2.0 Conformers, as their `config.json` has them.
//!
//! Source: transformers 5.23.0, `configuration_wav2vec2_bert.py` and `configuration_wav2vec2_conformer.py`. Unknown
//! keys of a file are ignored: most of them are for training. What a file leaves out is as in transformers, where the two
//! models have other defaults.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DEFAULT_EPSILON;
use super::convolution_adapter::ConvolutionAdapterConfig;
use super::length_adapter::LengthAdapterConfig;
use super::waveform::{WaveformConfig, WaveformNorm};
use crate::encoder::activation;
use crate::encoder::conformer::block::{BlockConfig, Residuals};
use crate::encoder::conformer::convolution::{ConvolutionNormKind, KernelReach};
use crate::encoder::conformer::positions::PositionKind;
use crate::encoder::conformer::span::AttentionSpan;
use crate::encoder::model::{EncoderSizes, output_values, peak_bytes};

/// The field that says with `null` that attention knows no positions.
pub(super) const NULLS: &[&str] = &["position_embeddings_type"];

/// How attention knows positions, by the file's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionWord {
    /// [`PositionKind::Relative`].
    Relative,
    /// [`PositionKind::RelativeKey`].
    RelativeKey,
    /// [`PositionKind::RotaryInput`].
    Rotary,
}

/// What both models share. The defaults are those of w2v-BERT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockKeys {
    /// Width `E` of the hidden states.
    pub hidden_size: usize,
    /// Conformer blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward modules.
    pub intermediate_size: usize,
    /// Activation of feed-forward and convolution modules, by the name that transformers has for it.
    pub hidden_act: String,
    /// What layer norms add to a variance: all of w2v-BERT, but of wav2vec2-conformer only the feature projection's and
    /// the last one.
    pub layer_norm_eps: f64,
    /// Kernel of the depthwise convolution, odd.
    pub conv_depthwise_kernel_size: usize,
    /// How attention knows positions; `null` where it does not.
    pub position_embeddings_type: Option<PositionWord>,
    /// Farthest key before the query, with `relative_key`.
    pub left_max_position_embeddings: usize,
    /// Farthest key after the query, with `relative_key`.
    pub right_max_position_embeddings: usize,
    /// Base of the wavelengths, with `rotary`.
    pub rotary_embedding_base: f64,
    /// Labels of the CTC head, the blank included, where there is a head.
    pub vocab_size: Option<usize>,
    /// The blank label of the CTC head.
    pub pad_token_id: Option<usize>,
    /// Labels of the CTC head; `None` without a head. The weights tell whether there is one, not the file.
    #[serde(skip)]
    pub head: Option<usize>,
}

impl Default for BlockKeys {
    fn default() -> Self {
        Self {
            hidden_size: 1024,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            intermediate_size: 4096,
            hidden_act: "swish".into(),
            layer_norm_eps: 1e-5,
            conv_depthwise_kernel_size: 31,
            position_embeddings_type: Some(PositionWord::RelativeKey),
            left_max_position_embeddings: 64,
            right_max_position_embeddings: 8,
            rotary_embedding_base: 10_000.0,
            vocab_size: None,
            pad_token_id: Some(0),
            head: None,
        }
    }
}

impl BlockKeys {
    fn block(
        &self,
        reach: KernelReach,
        convolution_norm: ConvolutionNormKind,
        norm_epsilon: f64,
    ) -> BlockConfig {
        BlockConfig {
            width: self.hidden_size,
            inner_width: self.intermediate_size,
            num_heads: self.num_attention_heads,
            head_dim: None,
            kernel: self.conv_depthwise_kernel_size,
            reach,
            convolution_norm,
            activation: activation::named(&self.hidden_act),
            projection_bias: true,
            convolution_bias: false,
            position: self.position_embeddings_type.map(|word| match word {
                PositionWord::Relative => PositionKind::Relative,
                PositionWord::RelativeKey => PositionKind::RelativeKey {
                    left: self.left_max_position_embeddings,
                    right: self.right_max_position_embeddings,
                },
                PositionWord::Rotary => PositionKind::RotaryInput { base: self.rotary_embedding_base },
            }),
            span: AttentionSpan::Full,
            norm_epsilon,
            norm_bias: true,
            residuals: Residuals::CONFORMER,
            dropout: 0.0,
        }
    }

    /// The blank label of the head.
    pub fn blank(&self) -> usize {
        self.pad_token_id.unwrap_or(0)
    }

    /// Labels of the head, for a file that has one.
    ///
    /// # Errors
    ///
    /// A text about the fields that do not allow a head.
    pub fn labels(&self) -> Result<usize, String> {
        match self.vocab_size {
            Some(labels) if self.blank() < labels => Ok(labels),
            Some(labels) => {
                Err(format!("`pad_token_id` (blank) is {}, vocabulary has {labels} entries", self.blank()))
            }
            None => Err("`vocab_size` is absent, the CTC head needs it".into()),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::from_iter(activation::problem("hidden_act", &self.hidden_act));
        if self.conv_depthwise_kernel_size.is_multiple_of(2) {
            problems
                .push(format!("`conv_depthwise_kernel_size` {} is even", self.conv_depthwise_kernel_size));
        }
        if self.num_hidden_layers == 0 {
            problems.push("`num_hidden_layers` is 0".into());
        }
        problems
    }
}

/// Width of the states, behind an adapter that may have one of its own.
fn adapted_width(add_adapter: bool, own: Option<usize>, hidden: usize) -> usize {
    own.filter(|&width| add_adapter && width > 0).unwrap_or(hidden)
}

/// Factor by which an adapter shortens the sequence.
fn adapter_stride(add_adapter: bool, layers: usize, stride: usize) -> usize {
    if add_adapter { stride.saturating_pow(layers as u32) } else { 1 }
}

/// `config.json` of a `wav2vec2-bert` folder (`Wav2Vec2BertConfig`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Wav2Vec2BertConfig {
    /// Blocks and head.
    #[serde(flatten)]
    pub blocks: BlockKeys,
    /// Width of the input: mel bins of two neighbouring frames.
    pub feature_projection_input_dim: usize,
    /// Whether layers after the blocks shorten the sequence.
    pub add_adapter: bool,
    /// Those layers.
    pub num_adapter_layers: usize,
    /// Kernel of their convolutions.
    pub adapter_kernel_size: usize,
    /// Stride of their convolutions.
    pub adapter_stride: usize,
    /// Activation of their feed-forward modules, by the name that transformers has for it.
    pub adapter_act: String,
    /// Whether a feed-forward module stands before them.
    pub use_intermediate_ffn_before_adapter: bool,
    /// Their width; `null` for that of the blocks.
    pub output_hidden_size: Option<usize>,
}

impl Default for Wav2Vec2BertConfig {
    fn default() -> Self {
        Self {
            blocks: BlockKeys::default(),
            feature_projection_input_dim: 160,
            add_adapter: false,
            num_adapter_layers: 1,
            adapter_kernel_size: 3,
            adapter_stride: 2,
            adapter_act: "relu".into(),
            use_intermediate_ffn_before_adapter: false,
            output_hidden_size: None,
        }
    }
}

impl Wav2Vec2BertConfig {
    /// What its blocks are made of.
    pub fn block(&self) -> BlockConfig {
        let epsilon = self.blocks.layer_norm_eps;
        self.blocks.block(KernelReach::Causal, ConvolutionNormKind::Layer { epsilon }, epsilon)
    }

    /// What the layers after the blocks are made of; `None` where there are none.
    pub fn adapter(&self) -> Option<LengthAdapterConfig> {
        self.add_adapter.then(|| LengthAdapterConfig {
            input: self.blocks.hidden_size,
            width: self.output_width(),
            inner_width: self.blocks.intermediate_size,
            num_layers: self.num_adapter_layers,
            num_heads: self.blocks.num_attention_heads,
            kernel: self.adapter_kernel_size,
            stride: self.adapter_stride,
            activation: activation::named(&self.adapter_act),
            norm_epsilon: self.blocks.layer_norm_eps,
        })
    }

    /// All fields that are out of range or contradict each other, one text each; empty when sound.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.block().problems();
        problems.extend(self.blocks.problems());
        if self.feature_projection_input_dim == 0 {
            problems.push("`feature_projection_input_dim` is 0".into());
        }
        if self.add_adapter {
            for (name, value) in
                [("adapter_kernel_size", self.adapter_kernel_size), ("adapter_stride", self.adapter_stride)]
            {
                if value == 0 {
                    problems.push(format!("`{name}` is 0"));
                }
            }
            problems.extend(activation::problem("adapter_act", &self.adapter_act));
            let heads = self.blocks.num_attention_heads.max(1);
            if !self.output_width().is_multiple_of(heads) {
                problems.push(format!(
                    "`num_attention_heads`: {heads} does not divide `output_hidden_size` {}",
                    self.output_width()
                ));
            }
        } else if self.use_intermediate_ffn_before_adapter {
            problems.push("`use_intermediate_ffn_before_adapter` needs `add_adapter`".into());
        }
        problems
    }
}

impl EncoderSizes for Wav2Vec2BertConfig {
    fn input_width(&self) -> usize {
        self.feature_projection_input_dim
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
        adapter_stride(self.add_adapter, self.num_adapter_layers, self.adapter_stride)
    }

    fn working_bytes(&self, rows: usize, frames: usize) -> u64 {
        let input = rows as f64 * frames as f64 * self.feature_projection_input_dim as f64;
        let adapter = self.adapter().map_or(0.0, |adapter| adapter.working_values(rows, frames));
        let states = rows as f64 * frames as f64 / self.stride() as f64;
        let labels = self.blocks.vocab_size.unwrap_or(0);
        peak_bytes(&[
            input + self.block().working_values(rows, frames),
            input + adapter,
            input + output_values(states, self.output_width(), labels),
        ])
    }
}

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
    pub(super) fn over_defaults(file: Map<String, Value>) -> serde_json::Result<Self> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn conformer(text: &str) -> Wav2Vec2ConformerConfig {
        Wav2Vec2ConformerConfig::over_defaults(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_a_file_leaves_out_is_as_in_transformers() {
        let bert: Wav2Vec2BertConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(bert, Wav2Vec2BertConfig::default());
        assert_eq!(bert.blocks.position_embeddings_type, Some(PositionWord::RelativeKey));
        assert_eq!(conformer("{}"), Wav2Vec2ConformerConfig::default());
        let found = conformer(r#"{"hidden_size": 96, "position_embeddings_type": null, "tdnn_dim": [1]}"#);
        assert_eq!((found.blocks.hidden_size, found.blocks.intermediate_size), (96, 3072));
        assert_eq!(found.blocks.position_embeddings_type, None);
        assert!(found.problems().is_empty(), "{:?}", found.problems());
        assert!(
            conformer(r#"{"position_embeddings_type": "relative_key"}"#).problems()[0].contains("rotary")
        );
    }

    #[test]
    fn the_epsilon_of_the_file_is_for_the_norms_that_take_it() {
        let bert: Wav2Vec2BertConfig = serde_json::from_str(r#"{"layer_norm_eps": 0.25}"#).unwrap();
        assert!((bert.block().norm_epsilon - 0.25).abs() < f64::EPSILON);
        assert_eq!(bert.block().convolution_norm, ConvolutionNormKind::Layer { epsilon: 0.25 });
        let block = conformer(r#"{"layer_norm_eps": 0.25}"#).block();
        assert!((block.norm_epsilon - 1e-5).abs() < f64::EPSILON);
    }

    #[test]
    fn an_adapter_changes_width_and_rate() {
        let text = r#"{"add_adapter": true, "output_hidden_size": 32, "num_adapter_layers": 2, "adapter_stride": 3}"#;
        let bert: Wav2Vec2BertConfig = serde_json::from_str(text).unwrap();
        assert_eq!((bert.output_width(), bert.stride()), (32, 9));
        let found = conformer(text);
        assert_eq!((found.output_width(), found.stride()), (32, 320 * 9));
        let without = conformer(&text.replace("true", "false"));
        assert_eq!((without.output_width(), without.stride()), (768, 320));
    }
}
