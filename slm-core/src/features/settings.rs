//! `preprocessor_config.json`, or what `processor_config.json` has of it: which features an encoder reads, by the name of their class in transformers. A `.nemo`
//! archive has such settings of its own.

use serde::{Deserialize, Serialize};

use super::config::{COHERE, EXTRACTOR as LOG_MEL};
use super::filter_bank::EXTRACTOR as FILTER_BANK;
use super::granite_mel::EXTRACTOR as GRANITE;
use super::granite5_mel::EXTRACTOR as GRANITE5;
use super::lasr_mel::EXTRACTOR as LASR;
use super::settings_file::SettingsFile;
use super::waveform::EXTRACTOR as WAVEFORM;
use super::whisper_mel::EXTRACTOR as WHISPER;
use super::{
    ConfigProblem, FeatureError, FilterBankConfig, Granite5MelConfig, GraniteMelConfig, LasrMelConfig,
    LogMelConfig, WaveformConfig, WhisperMelConfig, nemo,
};
use crate::checkpoint::Checkpoint;

/// Settings of one of the kinds of features.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum FeatureSettings {
    /// Log-mel frames of NeMo (`ParakeetFeatureExtractor`, `CohereAsrFeatureExtractor`).
    LogMel(LogMelConfig),
    /// Filter-bank frames of Kaldi, two by two (`SeamlessM4TFeatureExtractor`).
    FilterBank(FilterBankConfig),
    /// Log-mel frames of LASR (`LasrFeatureExtractor`).
    LasrMel(LasrMelConfig),
    /// Log-mel frames of Granite Speech, two by two (`GraniteSpeechFeatureExtractor`).
    GraniteMel(GraniteMelConfig),
    /// Log-mel frames of Granite Speech 5, with their differences, two by two (`GraniteSpeech5FeatureExtractor`).
    Granite5Mel(Granite5MelConfig),
    /// Log-mel frames of Whisper (`WhisperFeatureExtractor`).
    WhisperMel(WhisperMelConfig),
    /// Normalised samples (`Wav2Vec2FeatureExtractor`).
    Waveform(WaveformConfig),
}

impl FeatureSettings {
    /// Reads and validates the `preprocessor_config.json` of a checkpoint; one that names no class is NeMo's. Settings of
    /// features in a `processor_config.json` count in its place. Of a `.nemo` archive it is the settings inside, of a SALM
    /// those in its `config.json`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is over 1 MiB, is not JSON of a known form, names another feature extractor, or
    /// has settings outside their ranges (all of them are reported).
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, FeatureError> {
        #[derive(Deserialize)]
        struct Class {
            #[serde(default)]
            feature_extractor_type: Option<String>,
        }
        if let Some(source) = checkpoint.nemo_source()? {
            return Ok(Self::LogMel(nemo::log_mel(&source.settings, &source.path)?));
        }
        let file = SettingsFile::read(checkpoint)?;
        match file.parse::<Class>()?.feature_extractor_type.as_deref() {
            None | Some(LOG_MEL | COHERE) => Ok(Self::LogMel(LogMelConfig::parse(&file)?)),
            Some(FILTER_BANK) => Ok(Self::FilterBank(FilterBankConfig::parse(&file)?)),
            Some(LASR) => Ok(Self::LasrMel(LasrMelConfig::parse(&file)?)),
            Some(GRANITE) => Ok(Self::GraniteMel(GraniteMelConfig::parse(&file)?)),
            Some(GRANITE5) => Ok(Self::Granite5Mel(Granite5MelConfig::parse(&file)?)),
            Some(WHISPER) => Ok(Self::WhisperMel(WhisperMelConfig::parse(&file)?)),
            Some(WAVEFORM) => Ok(Self::Waveform(WaveformConfig::parse(&file)?)),
            Some(other) => {
                let shown: String = other.chars().take(200).collect();
                Err(file.invalid(vec![ConfigProblem {
                    field: "feature_extractor_type",
                    found: format!("`{}`", shown.escape_default()),
                    expected: format!(
                        "`{LOG_MEL}`, `{COHERE}`, `{FILTER_BANK}`, `{LASR}`, `{GRANITE}`, `{GRANITE5}`, `{WHISPER}` or `{WAVEFORM}`"
                    ),
                }]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WindowFill;
    use super::super::settings_file::MAX_CONFIG_BYTES;
    use super::*;
    use crate::checkpoint::PREPROCESSOR_FILE;

    fn load(text: &str) -> Result<FeatureSettings, FeatureError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(PREPROCESSOR_FILE), text).unwrap();
        FeatureSettings::from_checkpoint(&Checkpoint::open(dir.path()).unwrap())
    }

    #[test]
    fn a_file_that_is_not_listed_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        for name in [PREPROCESSOR_FILE, "config.json"] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
        }
        let listed = Checkpoint::listed(dir.path(), ["config.json"]).unwrap();
        let error = FeatureSettings::from_checkpoint(&listed).unwrap_err();
        assert!(matches!(&error, FeatureError::Io { path, source }
            if path.ends_with(PREPROCESSOR_FILE) && source.kind() == std::io::ErrorKind::NotFound));
        let large = " ".repeat(1 + MAX_CONFIG_BYTES as usize);
        assert!(matches!(load(&large), Err(FeatureError::TooLarge { limit: MAX_CONFIG_BYTES, .. })));
    }

    #[test]
    fn the_class_decides() {
        assert_eq!(load("{}").unwrap(), FeatureSettings::LogMel(LogMelConfig::default()));
        let found = load(r#"{"feature_extractor_type": "SeamlessM4TFeatureExtractor", "padding_value": 1}"#);
        assert_eq!(found.unwrap(), FeatureSettings::FilterBank(FilterBankConfig::default()));
        let found = load(r#"{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": false}"#);
        assert_eq!(found.unwrap(), FeatureSettings::Waveform(WaveformConfig { do_normalize: false }));
        let text = r#"{"feature_extractor_type": "WhisperFeatureExtractor", "mel_filters": [[0.5]], "feature_size": 128,
            "padding": "do_not_pad"}"#;
        let padding = WindowFill::Nothing;
        let expected = WhisperMelConfig { feature_size: 128, padding, ..WhisperMelConfig::default() };
        assert_eq!(load(text).unwrap(), FeatureSettings::WhisperMel(expected));
        let error = load(r#"{"feature_extractor_type": "ClapFeatureExtractor"}"#).unwrap_err().to_string();
        assert!(error.contains("`feature_extractor_type` is `ClapFeatureExtractor`, expected"), "{error}");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let text = r#"{"feature_extractor_type": "SeamlessM4TFeatureExtractor", "stride": 0, "num_mel_bins": 0,
            "sampling_rate": 8000}"#;
        let error = load(text).unwrap_err().to_string();
        for field in ["stride", "num_mel_bins", "sampling_rate"] {
            assert!(error.contains(field), "{error}");
        }
        let text = r#"{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 8000}"#;
        assert!(load(text).unwrap_err().to_string().contains("`sampling_rate` is 8000, expected 16000"));
    }
}
