//! A FastConformer of NeMo is the model that transformers calls Parakeet: its settings in the terms of this crate.
//!
//! Source: NeMo's `ConformerEncoder` and `ConvASRDecoder`; transformers 5.23.0,
//! `models/parakeet/convert_nemo_to_hf.py`.

use serde_json::{Value, json};

use super::config::{ParakeetConfig, ParakeetEncoderConfig};
use crate::checkpoint::nemo::{Encoder, FieldProblems, NemoError, NemoSettings, NemoSource};

/// Where the CTC head of an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// The model's decoder.
    Main,
    /// Beside a transducer.
    Auxiliary,
    /// There is none.
    Absent,
}

/// What the settings in an archive say of the encoder and its head.
#[derive(Debug)]
pub(super) struct NemoParakeet {
    /// The sizes.
    pub(super) config: ParakeetConfig,
    /// Where the head is.
    pub(super) head: Head,
    /// What stands before the names of the tensors.
    pub(super) prefix: &'static str,
}

impl Head {
    fn of(settings: &NemoSettings) -> Self {
        if settings.main_ctc().is_some() {
            Self::Main
        } else if settings.ctc().is_some() {
            Self::Auxiliary
        } else {
            Self::Absent
        }
    }

    /// What stands before the names of its tensors.
    pub(super) fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Main => Some("decoder."),
            Self::Auxiliary => Some("ctc_decoder."),
            Self::Absent => None,
        }
    }

    /// Tensors of an archive that encoder and head do without: the features' filters, and a transducer.
    pub(super) fn ignores(self, name: &str) -> bool {
        let is_transducer = self != Self::Main && name.starts_with("decoder.") || name.starts_with("joint.");
        is_transducer || name.starts_with("preprocessor.") || name.ends_with(".num_batches_tracked")
    }
}

impl NemoParakeet {
    /// Translates what NeMo says.
    ///
    /// # Errors
    ///
    /// [`NemoError::Config`] naming the file and the fields that are not supported or contradict each other.
    pub(super) fn of(source: &NemoSource) -> Result<Self, NemoError> {
        let NemoSource { settings, path, prefix } = source;
        let mut problems = FieldProblems::default();
        check(&settings.encoder, &mut problems);
        problems.expect(
            "encoder.feat_in",
            settings.encoder.feat_in,
            &[settings.preprocessor.features.into()],
        );
        let sizes = sizes(&settings.encoder);
        let config = match settings.ctc() {
            Some(decoder) => {
                let labels = usize::try_from(decoder.num_classes).unwrap_or(0).max(decoder.vocabulary.len());
                if labels == 0 {
                    problems.extend(["`decoder.num_classes` is 0".to_owned()]);
                }
                ParakeetConfig::ctc(sizes, labels)
            }
            None => ParakeetConfig::bare(sizes),
        };
        problems.extend(config.problems());
        problems.none_or(path, Self { config, head: Head::of(settings), prefix })
    }
}

/// What this crate's encoder cannot do otherwise.
fn check(encoder: &Encoder, problems: &mut FieldProblems) {
    problems.expect_class("encoder._target_", &encoder.target, "ConformerEncoder");
    problems.expect("encoder.subsampling", encoder.subsampling.as_str(), &["dw_striding".into()]);
    problems.expect(
        "encoder.self_attention_model",
        encoder.self_attention_model.as_str(),
        &["rel_pos".into()],
    );
    problems.expect("encoder.conv_norm_type", encoder.conv_norm_type.as_str(), &["batch_norm".into()]);
    problems.expect("encoder.causal_downsampling", encoder.causal_downsampling, &[false.into()]);
    problems.expect("encoder.reduction", encoder.reduction.clone(), &[Value::Null]);
    problems.expect("encoder.conv_context_size", encoder.conv_context_size.clone(), &[Value::Null]);
    let width = encoder.d_model.into();
    problems.expect("encoder.feat_out", encoder.feat_out, &[json!(-1), json!(0), width]);
    // One context for all, or several to choose from, the first of which is the one that a model runs with.
    let context = match &encoder.att_context_size {
        Value::Array(several) if several.first().is_some_and(Value::is_array) => several[0].clone(),
        one => one.clone(),
    };
    problems.expect("encoder.att_context_size", context, &[json!([-1, -1]), Value::Null]);
}

fn sizes(encoder: &Encoder) -> ParakeetEncoderConfig {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
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
";

    fn read(text: &str) -> Result<NemoParakeet, Vec<String>> {
        let settings = NemoSettings::parse(text).unwrap();
        match NemoParakeet::of(&NemoSource { settings, path: "x.nemo".into(), prefix: "" }) {
            Ok(model) => Ok(model),
            Err(NemoError::Config { problems, .. }) => Err(problems),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn settings_are_translated() {
        let model = read(SMALL).unwrap();
        let sizes = &model.config.encoder_config;
        assert_eq!(
            (sizes.hidden_size, sizes.intermediate_size, sizes.subsampling_conv_channels),
            (16, 64, 16)
        );
        assert!(!sizes.attention_bias && !sizes.convolution_bias && sizes.scale_input);
        assert_eq!((model.config.vocab_size, model.config.pad_token_id), (4, 3));
        assert_eq!(model.head, Head::Main);
        let hybrid =
            SMALL.replace("decoder: {_target_: nemo.x.ConvASRDecoder", "aux_ctc:\n  decoder: {_target_: x");
        let hybrid = format!("{hybrid}decoder: {{_target_: nemo.x.RNNTDecoder}}\n");
        let model = read(&hybrid).unwrap();
        assert_eq!((model.head, model.config.vocab_size), (Head::Auxiliary, 4));
        assert!(model.head.ignores("decoder.prediction.embed.weight") && !Head::Main.ignores("decoder.x"));
        let transducer = SMALL.replace("ConvASRDecoder", "RNNTDecoder");
        let model = read(&transducer).unwrap();
        assert_eq!((model.head, model.config.has_ctc_head()), (Head::Absent, false));
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
                "`encoder.feat_in` is 80, expected 128",
            ]
        );
        let text = SMALL.replace("num_classes: 3, vocabulary: [a, b, c]", "num_classes: 0");
        assert_eq!(read(&text).unwrap_err()[0], "`decoder.num_classes` is 0");
    }
}
