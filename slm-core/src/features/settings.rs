//! `preprocessor_config.json`: which features an encoder reads, by the name of their class in transformers.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::config::EXTRACTOR as LOG_MEL;
use super::filter_bank::EXTRACTOR as FILTER_BANK;
use super::lasr_mel::EXTRACTOR as LASR;
use super::waveform::EXTRACTOR as WAVEFORM;
use super::{ConfigProblem, FeatureError, FilterBankConfig, LasrMelConfig, LogMelConfig, WaveformConfig};

/// Bytes of a settings file; real ones are below 1 KiB.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Settings of one of the kinds of features.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FeatureSettings {
    /// Log-mel frames of NeMo (`ParakeetFeatureExtractor`).
    LogMel(LogMelConfig),
    /// Filter-bank frames of Kaldi, two by two (`SeamlessM4TFeatureExtractor`).
    FilterBank(FilterBankConfig),
    /// Log-mel frames of LASR (`LasrFeatureExtractor`).
    LasrMel(LasrMelConfig),
    /// Normalised samples (`Wav2Vec2FeatureExtractor`).
    Waveform(WaveformConfig),
}

impl FeatureSettings {
    /// Reads and validates a `preprocessor_config.json`; one that names no class is NeMo's.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is over 1 MiB, is not JSON of a known form, names another feature extractor, or
    /// has settings outside their ranges (all of them are reported).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, FeatureError> {
        #[derive(Deserialize)]
        struct Class {
            #[serde(default)]
            feature_extractor_type: Option<String>,
        }
        let file = SettingsFile::read(path.as_ref())?;
        match file.parse::<Class>()?.feature_extractor_type.as_deref() {
            None | Some(LOG_MEL) => Ok(Self::LogMel(LogMelConfig::parse(&file)?)),
            Some(FILTER_BANK) => Ok(Self::FilterBank(FilterBankConfig::parse(&file)?)),
            Some(LASR) => Ok(Self::LasrMel(LasrMelConfig::parse(&file)?)),
            Some(WAVEFORM) => Ok(Self::Waveform(WaveformConfig::parse(&file)?)),
            Some(other) => {
                let shown: String = other.chars().take(200).collect();
                Err(file.invalid(vec![ConfigProblem {
                    field: "feature_extractor_type",
                    found: format!("`{}`", shown.escape_default()),
                    expected: format!("`{LOG_MEL}`, `{FILTER_BANK}`, `{LASR}` or `{WAVEFORM}`"),
                }]))
            }
        }
    }
}

/// The content of a settings file, and where it came from.
pub(super) struct SettingsFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Result<Self, FeatureError> {
        let io_error = |source| FeatureError::Io { path: path.to_path_buf(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(io_error)?;
        file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(io_error)?;
        if bytes.len() as u64 > MAX_CONFIG_BYTES {
            return Err(FeatureError::TooLarge { path: path.to_path_buf(), limit: MAX_CONFIG_BYTES });
        }
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, FeatureError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|source| FeatureError::Json { path: self.path.clone(), source })
    }

    pub(super) fn invalid(&self, problems: Vec<ConfigProblem>) -> FeatureError {
        FeatureError::InvalidFile { path: self.path.clone(), problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<FeatureSettings, FeatureError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("preprocessor_config.json");
        std::fs::write(&path, text).unwrap();
        FeatureSettings::from_file(path)
    }

    #[test]
    fn the_class_decides() {
        assert_eq!(load("{}").unwrap(), FeatureSettings::LogMel(LogMelConfig::default()));
        let found = load(r#"{"feature_extractor_type": "SeamlessM4TFeatureExtractor", "padding_value": 1}"#);
        assert_eq!(found.unwrap(), FeatureSettings::FilterBank(FilterBankConfig::default()));
        let found = load(r#"{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": false}"#);
        assert_eq!(found.unwrap(), FeatureSettings::Waveform(WaveformConfig { do_normalize: false }));
        let error = load(r#"{"feature_extractor_type": "WhisperFeatureExtractor"}"#).unwrap_err().to_string();
        assert!(error.contains("`feature_extractor_type` is `WhisperFeatureExtractor`, expected"), "{error}");
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
