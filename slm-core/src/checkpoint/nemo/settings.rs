//! `model_config.yaml`, as far as it changes what is computed. Absent keys have NeMo's defaults.
//!
//! Source: NeMo's `AudioToMelSpectrogramPreprocessor`, `ConformerEncoder` and `ConvASRDecoder`.

use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::yaml;

/// The settings of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NemoSettings {
    /// The model's class.
    #[serde(default)]
    pub target: Option<String>,
    /// The features.
    pub preprocessor: Preprocessor,
    /// The encoder.
    pub encoder: Encoder,
    /// What makes text of the encoder's states.
    #[serde(default)]
    pub decoder: Option<Decoder>,
    /// The CTC branch of a model whose main decoder is another.
    #[serde(default)]
    pub aux_ctc: Option<AuxiliaryCtc>,
    /// The tokenizer; a model without one spells with the characters of its decoder's vocabulary.
    #[serde(default)]
    pub tokenizer: Option<Tokenizer>,
}

/// `AudioToMelSpectrogramPreprocessor`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Preprocessor {
    /// Its class.
    #[serde(rename = "_target_")]
    pub target: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// Length of the analysis window, in seconds.
    pub window_size: f64,
    /// From one window to the next, in seconds.
    pub window_stride: f64,
    /// Shape of the window.
    pub window: String,
    /// What is normalised: a name, or fixed means and deviations.
    pub normalize: Value,
    /// Mel bins.
    pub features: usize,
    /// Length of the Fourier transform; absent, the next power of two that holds the window.
    pub n_fft: Option<usize>,
    /// Coefficient of the pre-emphasis filter.
    pub preemph: Option<f64>,
    /// Lowest frequency of the mel bins, in hertz.
    pub lowfreq: f64,
    /// Highest frequency of the mel bins, in hertz; absent, half the rate.
    pub highfreq: Option<f64>,
    /// Whether the logarithm is taken.
    pub log: bool,
    /// Frames that are put side by side.
    pub frame_splicing: usize,
    /// The power of the magnitudes.
    pub mag_power: f64,
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
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Encoder {
    /// Its class.
    #[serde(rename = "_target_")]
    pub target: String,
    /// Mel bins that it reads.
    pub feat_in: usize,
    /// Width that its states are projected to; -1 or 0 for no projection.
    pub feat_out: i64,
    /// Blocks.
    pub n_layers: usize,
    /// Width.
    pub d_model: usize,
    /// The kind of subsampling.
    pub subsampling: String,
    /// Frames in for one state out.
    pub subsampling_factor: usize,
    /// Channels of the subsampling; -1 for the width.
    pub subsampling_conv_channels: i64,
    /// Whether subsampling sees no later frame.
    pub causal_downsampling: bool,
    /// A second subsampling among the blocks.
    pub reduction: Option<String>,
    /// Width of the feed-forward modules, as a multiple of the width.
    pub ff_expansion_factor: f64,
    /// The kind of positions in attention.
    pub self_attention_model: String,
    /// Attention heads.
    pub n_heads: usize,
    /// States before and after that attention sees, -1 for all; or several such pairs.
    pub att_context_size: Value,
    /// Whether subsampled frames are multiplied by the root of the width.
    pub xscaling: bool,
    /// Kernel of the convolution module.
    pub conv_kernel_size: usize,
    /// The norm of the convolution module.
    pub conv_norm_type: String,
    /// States that the convolution module sees, where it is not centred.
    pub conv_context_size: Value,
    /// Whether projections and convolutions have biases.
    pub use_bias: bool,
    /// Dropout in training.
    pub dropout: f64,
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Decoder {
    /// Its class.
    #[serde(rename = "_target_")]
    pub target: String,
    /// Labels, the blank not among them; -1 where the vocabulary tells.
    pub num_classes: i64,
    /// What the labels are.
    pub vocabulary: Vec<String>,
}

/// The CTC branch of a model whose main decoder is another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AuxiliaryCtc {
    /// Its head.
    pub decoder: Decoder,
}

/// The tokenizer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Tokenizer {
    /// `bpe` for SentencePiece, `wpe` for WordPiece.
    #[serde(rename = "type")]
    pub kind: String,
    /// A file of the archive, with `nemo:` before it.
    pub model_path: Option<String>,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self { kind: "bpe".to_owned(), model_path: None }
    }
}

impl NemoSettings {
    /// Reads the content of `model_config.yaml`.
    ///
    /// # Errors
    ///
    /// What is wrong with the syntax, with its line, or with a field.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_path_to_error::deserialize(yaml::parse(text)?).map_err(|error| error.to_string())
    }

    /// The main decoder, where it is a CTC head.
    pub fn main_ctc(&self) -> Option<&Decoder> {
        self.decoder.as_ref().filter(|decoder| decoder.target.ends_with("ConvASRDecoder"))
    }

    /// The CTC head: the main decoder, or the auxiliary one; `None` without one.
    pub fn ctc(&self) -> Option<&Decoder> {
        self.main_ctc().or(self.aux_ctc.as_ref().map(|auxiliary| &auxiliary.decoder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_have_the_defaults() {
        let settings = NemoSettings::parse("preprocessor: {}\nencoder: {d_model: 8}\n").unwrap();
        assert_eq!(settings.preprocessor, Preprocessor::default());
        assert_eq!(settings.encoder, Encoder { d_model: 8, ..Encoder::default() });
        assert_eq!((settings.target.as_deref(), settings.ctc(), &settings.tokenizer), (None, None, &None));
        let error = NemoSettings::parse("preprocessor: {}\nencoder: {d_model: x}\n").unwrap_err();
        assert!(error.starts_with("encoder.d_model: invalid type"), "{error}");
        assert!(NemoSettings::parse("encoder: {}\n").unwrap_err().contains("missing field `preprocessor`"));
        assert!(NemoSettings::parse("a: [1\nb: 2").unwrap_err().contains("line"));
    }

    #[test]
    fn the_ctc_head_is_the_main_decoder_or_the_auxiliary_one() {
        let read = |decoders: &str| {
            NemoSettings::parse(&format!("preprocessor: {{}}\nencoder: {{}}\n{decoders}\n")).unwrap()
        };
        let main = read("decoder: {_target_: nemo.x.ConvASRDecoder, num_classes: 3}");
        assert_eq!(main.main_ctc().map(|decoder| decoder.num_classes), Some(3));
        assert_eq!(main.ctc(), main.main_ctc());
        let hybrid = read("decoder: {_target_: x.RNNTDecoder}\naux_ctc: {decoder: {num_classes: 4}}");
        assert_eq!(hybrid.main_ctc(), None);
        assert_eq!(hybrid.ctc().map(|decoder| decoder.num_classes), Some(4));
        assert_eq!(read("decoder: {_target_: x.RNNTDecoder}").ctc(), None);
    }
}
