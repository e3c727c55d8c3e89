//! `model_config.yaml`, as far as it changes what is computed. Absent keys have NeMo's defaults.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct Settings {
    /// The model's class.
    #[serde(default)]
    pub(super) target: Option<String>,
    pub(super) preprocessor: Preprocessor,
    pub(super) encoder: Encoder,
    #[serde(default)]
    pub(super) decoder: Option<Decoder>,
    /// The CTC branch of a model whose main decoder is another.
    #[serde(default)]
    pub(super) aux_ctc: Option<AuxiliaryCtc>,
    #[serde(default)]
    pub(super) tokenizer: Option<Tokenizer>,
}

/// `AudioToMelSpectrogramPreprocessor`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Preprocessor {
    #[serde(rename = "_target_")]
    pub(super) target: String,
    pub(super) sample_rate: u32,
    /// Seconds.
    pub(super) window_size: f64,
    /// Seconds.
    pub(super) window_stride: f64,
    pub(super) window: String,
    pub(super) normalize: Value,
    pub(super) features: usize,
    pub(super) n_fft: Option<usize>,
    pub(super) preemph: Option<f64>,
    pub(super) lowfreq: f64,
    pub(super) highfreq: Option<f64>,
    pub(super) log: bool,
    pub(super) frame_splicing: usize,
    pub(super) mag_power: f64,
}

impl Default for Preprocessor {
    fn default() -> Self {
        Self {
            target: String::new(),
            sample_rate: 16_000,
            window_size: 0.02,
            window_stride: 0.01,
            window: "hann".to_owned(),
            normalize: Value::from("per_feature"),
            features: 64,
            n_fft: None,
            preemph: Some(0.97),
            lowfreq: 0.0,
            highfreq: None,
            log: true,
            frame_splicing: 1,
            mag_power: 2.0,
        }
    }
}

/// `ConformerEncoder`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Encoder {
    #[serde(rename = "_target_")]
    pub(super) target: String,
    pub(super) feat_in: usize,
    pub(super) feat_out: i64,
    pub(super) n_layers: usize,
    pub(super) d_model: usize,
    pub(super) subsampling: String,
    pub(super) subsampling_factor: usize,
    pub(super) subsampling_conv_channels: i64,
    pub(super) causal_downsampling: bool,
    pub(super) reduction: Option<String>,
    pub(super) ff_expansion_factor: f64,
    pub(super) self_attention_model: String,
    pub(super) n_heads: usize,
    pub(super) att_context_size: Value,
    pub(super) xscaling: bool,
    pub(super) conv_kernel_size: usize,
    pub(super) conv_norm_type: String,
    pub(super) conv_context_size: Value,
    pub(super) use_bias: bool,
    pub(super) dropout: f64,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            target: String::new(),
            feat_in: 0,
            feat_out: -1,
            n_layers: 0,
            d_model: 0,
            subsampling: "striding".to_owned(),
            subsampling_factor: 4,
            subsampling_conv_channels: -1,
            causal_downsampling: false,
            reduction: None,
            ff_expansion_factor: 4.0,
            self_attention_model: "rel_pos".to_owned(),
            n_heads: 4,
            att_context_size: Value::Null,
            xscaling: true,
            conv_kernel_size: 31,
            conv_norm_type: "batch_norm".to_owned(),
            conv_context_size: Value::Null,
            use_bias: true,
            dropout: 0.1,
        }
    }
}

/// `ConvASRDecoder`, or another.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decoder {
    #[serde(rename = "_target_")]
    pub(super) target: String,
    pub(super) num_classes: i64,
    pub(super) vocabulary: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AuxiliaryCtc {
    pub(super) decoder: Decoder,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Tokenizer {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// A file of the archive, with `nemo:` before it.
    pub(super) model_path: Option<String>,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self { kind: "bpe".to_owned(), model_path: None }
    }
}
