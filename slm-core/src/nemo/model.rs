//! The model in an archive, in the terms of this crate.

use std::path::Path;

use serde_json::{Value, json};

use super::settings::{Decoder, Encoder, Preprocessor, Settings};
use super::{NemoArchive, NemoError};
use crate::encoder::ParakeetConfig;
use crate::encoder::parakeet::ParakeetEncoderConfig;
use crate::features::LogMelConfig;
use crate::yaml;

/// Where the CTC head of an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The model's decoder.
    Main,
    /// Beside a transducer.
    Auxiliary,
    /// There is none.
    Absent,
}

impl Head {
    /// What stands before the names of its tensors.
    pub(super) fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Main => Some("decoder."),
            Self::Auxiliary => Some("ctc_decoder."),
            Self::Absent => None,
        }
    }

    /// Tensors of an archive that encoder and head do without: the features' filters, and a transducer.
    pub(crate) fn ignores(self, name: &str) -> bool {
        let is_transducer = self != Self::Main && name.starts_with("decoder.") || name.starts_with("joint.");
        is_transducer || name.starts_with("preprocessor.") || name.ends_with(".num_batches_tracked")
    }
}

/// What the labels of the head spell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Labels {
    /// Pieces of the SentencePiece model that is this file of the archive.
    Pieces(String),
    /// These characters, among them the space.
    Characters(Vec<String>),
    /// A kind that is not read.
    Other(String),
}

/// What `model_config.yaml` says of a model.
#[derive(Debug)]
pub(crate) struct NemoModel {
    /// The model's class.
    pub(crate) class: Option<String>,
    /// The encoder and its head.
    pub(crate) encoder: ParakeetConfig,
    /// Where the head is.
    pub(crate) head: Head,
    /// What the encoder reads.
    pub(crate) features: LogMelConfig,
    /// What the head says.
    pub(crate) labels: Labels,
}

impl NemoModel {
    /// Reads the settings in the archive at `path`.
    ///
    /// # Errors
    ///
    /// [`NemoError`] naming the archive and the fields that are not supported or contradict each other.
    pub(crate) fn open(path: &Path) -> Result<Self, NemoError> {
        Self::read(&NemoArchive::open(path)?)
    }

    /// The same of an archive that is open.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(crate) fn read(archive: &NemoArchive) -> Result<Self, NemoError> {
        let invalid = |problems| NemoError::Config { path: archive.path().into(), problems };
        let settings = yaml::parse(&archive.config()?).map_err(|error| invalid(vec![error]))?;
        let settings =
            serde_path_to_error::deserialize(settings).map_err(|error| invalid(vec![error.to_string()]))?;
        Self::from_settings(settings).map_err(invalid)
    }

    fn from_settings(settings: Settings) -> Result<Self, Vec<String>> {
        let Settings { target, preprocessor, encoder, decoder, aux_ctc, tokenizer } = settings;
        let mut problems = Vec::new();
        let mut expect = |field: &str, found: Value, expected: &[Value]| {
            if !expected.contains(&found) {
                let expected: Vec<String> = expected.iter().map(Value::to_string).collect();
                problems.push(format!("`{field}` is {found}, expected {}", expected.join(" or ")));
            }
        };
        check_encoder(&encoder, &mut expect);
        check_features(&preprocessor, &mut expect);
        expect("encoder.feat_in", encoder.feat_in.into(), &[preprocessor.features.into()]);

        let is_ctc = |decoder: &Decoder| decoder.target.ends_with("ConvASRDecoder");
        let (head, decoder) = match (decoder.filter(is_ctc), aux_ctc) {
            (Some(decoder), _) => (Head::Main, Some(decoder)),
            (None, Some(auxiliary)) => (Head::Auxiliary, Some(auxiliary.decoder)),
            (None, None) => (Head::Absent, None),
        };
        let sizes = encoder_sizes(&encoder);
        let vocabulary = decoder.as_ref().map(|decoder| decoder.vocabulary.clone()).unwrap_or_default();
        let config = match &decoder {
            Some(decoder) => {
                let labels = usize::try_from(decoder.num_classes).unwrap_or(0).max(vocabulary.len());
                if labels == 0 {
                    problems.push("`decoder.num_classes` is 0".to_owned());
                }
                ParakeetConfig::ctc(sizes, labels)
            }
            None => ParakeetConfig::bare(sizes),
        };
        problems.extend(config.problems());
        let labels = match tokenizer {
            None => Labels::Characters(vocabulary),
            Some(tokenizer) => match (tokenizer.kind.as_str(), tokenizer.model_path) {
                ("bpe", Some(member)) => Labels::Pieces(member),
                ("bpe", None) => Labels::Other("`tokenizer.model_path` is absent".to_owned()),
                (kind, _) => Labels::Other(format!("`tokenizer.type` is `{kind}`, expected `bpe`")),
            },
        };
        let features = features(&preprocessor);
        problems.extend(features.validate().iter().map(ToString::to_string));
        if problems.is_empty() {
            Ok(Self { class: target, encoder: config, head, features, labels })
        } else {
            Err(problems)
        }
    }
}

/// What this crate's encoder cannot do otherwise.
fn check_encoder(encoder: &Encoder, expect: &mut impl FnMut(&str, Value, &[Value])) {
    let class = encoder.target.rsplit('.').next().unwrap_or_default();
    expect("encoder._target_", class.into(), &["ConformerEncoder".into()]);
    expect("encoder.subsampling", encoder.subsampling.clone().into(), &["dw_striding".into()]);
    expect("encoder.self_attention_model", encoder.self_attention_model.clone().into(), &["rel_pos".into()]);
    expect("encoder.conv_norm_type", encoder.conv_norm_type.clone().into(), &["batch_norm".into()]);
    expect("encoder.causal_downsampling", encoder.causal_downsampling.into(), &[false.into()]);
    expect("encoder.reduction", encoder.reduction.clone().into(), &[Value::Null]);
    expect("encoder.conv_context_size", encoder.conv_context_size.clone(), &[Value::Null]);
    let width = encoder.d_model.into();
    expect("encoder.feat_out", encoder.feat_out.into(), &[json!(-1), json!(0), width]);
    // One context for all, or several to choose from, the first of which is the one that a model runs with.
    let context = match &encoder.att_context_size {
        Value::Array(several) if several.first().is_some_and(Value::is_array) => several[0].clone(),
        one => one.clone(),
    };
    expect("encoder.att_context_size", context, &[json!([-1, -1]), Value::Null]);
}

/// What this crate's features cannot do otherwise.
fn check_features(features: &Preprocessor, expect: &mut impl FnMut(&str, Value, &[Value])) {
    let class = features.target.rsplit('.').next().unwrap_or_default();
    expect("preprocessor._target_", class.into(), &["AudioToMelSpectrogramPreprocessor".into()]);
    expect("preprocessor.window", features.window.clone().into(), &["hann".into()]);
    expect("preprocessor.normalize", features.normalize.clone(), &["per_feature".into()]);
    expect("preprocessor.log", features.log.into(), &[true.into()]);
    expect("preprocessor.frame_splicing", features.frame_splicing.into(), &[1.into()]);
    expect("preprocessor.mag_power", features.mag_power.into(), &[2.0.into()]);
    expect("preprocessor.lowfreq", features.lowfreq.into(), &[0.0.into()]);
    let half = f64::from(features.sample_rate) / 2.0;
    expect("preprocessor.highfreq", features.highfreq.into(), &[Value::Null, half.into()]);
}

fn encoder_sizes(encoder: &Encoder) -> ParakeetEncoderConfig {
    ParakeetEncoderConfig {
        hidden_size: encoder.d_model,
        num_hidden_layers: encoder.n_layers,
        num_attention_heads: encoder.n_heads,
        intermediate_size: (encoder.d_model as f64 * encoder.ff_expansion_factor) as usize,
        attention_bias: encoder.use_bias,
        convolution_bias: encoder.use_bias,
        conv_kernel_size: encoder.conv_kernel_size,
        subsampling_factor: encoder.subsampling_factor,
        // -1 stands for the encoder's width.
        subsampling_conv_channels: usize::try_from(encoder.subsampling_conv_channels)
            .unwrap_or(encoder.d_model),
        num_mel_bins: encoder.feat_in,
        scale_input: encoder.xscaling,
        dropout: encoder.dropout,
        ..ParakeetEncoderConfig::default()
    }
}

fn features(settings: &Preprocessor) -> LogMelConfig {
    let samples = |seconds: f64| (seconds * f64::from(settings.sample_rate)) as usize;
    let win_length = samples(settings.window_size);
    LogMelConfig {
        feature_size: settings.features,
        hop_length: samples(settings.window_stride),
        // Absent, the next power of two that holds the window.
        n_fft: settings.n_fft.unwrap_or_else(|| win_length.checked_next_power_of_two().unwrap_or(0)),
        win_length,
        preemphasis: settings.preemph.unwrap_or(0.0),
        sampling_rate: settings.sample_rate,
        padding_value: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
target: nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE
preprocessor: {_target_: nemo.x.AudioToMelSpectrogramPreprocessor, window_size: 0.025, features: 80, n_fft: 512}
encoder:
  _target_: nemo.collections.asr.modules.ConformerEncoder
  feat_in: 80
  n_layers: 2
  d_model: 16
  n_heads: 2
  subsampling: dw_striding
  subsampling_factor: 8
  subsampling_conv_channels: -1
  conv_kernel_size: 9
  att_context_size: [-1, -1]
  use_bias: false
decoder: {_target_: nemo.x.ConvASRDecoder, num_classes: 3, vocabulary: [a, b, c]}
tokenizer: {type: bpe, model_path: 'nemo:1_tokenizer.model'}
";

    fn read(text: &str) -> Result<NemoModel, Vec<String>> {
        NemoModel::from_settings(serde_json::from_value(yaml::parse(text).unwrap()).unwrap())
    }

    #[test]
    fn settings_are_translated() {
        let model = read(SMALL).unwrap();
        let sizes = &model.encoder.encoder_config;
        assert_eq!(
            (sizes.hidden_size, sizes.intermediate_size, sizes.subsampling_conv_channels),
            (16, 64, 16)
        );
        assert!(!sizes.attention_bias && !sizes.convolution_bias && sizes.scale_input);
        assert_eq!((model.encoder.vocab_size, model.encoder.pad_token_id), (4, 3));
        assert_eq!(model.features, LogMelConfig::default());
        assert_eq!(model.labels, Labels::Pieces("nemo:1_tokenizer.model".into()));
        assert_eq!(model.head, Head::Main);
        let hybrid =
            SMALL.replace("decoder: {_target_: nemo.x.ConvASRDecoder", "aux_ctc:\n  decoder: {_target_: x");
        let hybrid = format!("{hybrid}decoder: {{_target_: nemo.x.RNNTDecoder}}\n");
        let model = read(&hybrid).unwrap();
        assert_eq!((model.head, model.encoder.vocab_size), (Head::Auxiliary, 4));
        assert!(model.head.ignores("decoder.prediction.embed.weight") && !Head::Main.ignores("decoder.x"));
        let transducer = SMALL.replace("ConvASRDecoder", "RNNTDecoder").replace("type: bpe", "type: wpe");
        let model = read(&transducer).unwrap();
        assert_eq!((model.head, model.encoder.has_ctc_head()), (Head::Absent, false));
        assert_eq!(model.labels, Labels::Other("`tokenizer.type` is `wpe`, expected `bpe`".into()));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let text = SMALL
            .replace("dw_striding", "striding")
            .replace("[-1, -1]", "[[70, 13], [-1, -1]]")
            .replace("features: 80", "features: 128, normalize: NA");
        assert_eq!(
            read(&text).unwrap_err(),
            [
                "`encoder.subsampling` is \"striding\", expected \"dw_striding\"",
                "`encoder.att_context_size` is [70,13], expected [-1,-1] or null",
                "`preprocessor.normalize` is \"NA\", expected \"per_feature\"",
                "`encoder.feat_in` is 80, expected 128",
            ]
        );
    }
}
