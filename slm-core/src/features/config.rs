//! Settings of the log-mel front end, in the form of `preprocessor_config.json`.
//!
//! Written files load in transformers as `ParakeetFeatureExtractor`.

use serde::{Deserialize, Serialize};

use super::settings_file::SettingsFile;
use super::{ConfigProblem, FeatureError};

/// The class in transformers that computes the same features.
pub(super) const EXTRACTOR: &str = "ParakeetFeatureExtractor";
/// Cohere's class, which computes the same with noise of PyTorch's generator added to the samples. That cannot be made
/// elsewhere: features differ by 0.002 on average.
pub(super) const COHERE: &str = "CohereAsrFeatureExtractor";
/// The processor class named beside it.
const PROCESSOR: &str = "ParakeetProcessor";
/// The only rate the recipe was checked at; the audio reader delivers it.
pub(super) const SAMPLING_RATE: u32 = 16_000;
/// Mel bins; published encoders use 80 and 128, and more than this leaves most filters empty.
pub(super) const MAX_BINS: usize = 512;
/// Transform length; 8192 samples are half a second, far longer than any speech window.
const MAX_FFT: usize = 8192;

/// Settings of [`LogMel`](super::LogMel). Keys missing in a file take the defaults, unknown keys are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ConfigFile", into = "ConfigFile")]
pub struct LogMelConfig {
    /// Mel bins `M` of a frame. Default: 80.
    pub feature_size: usize,
    /// Samples between the centres of two frames. Default: 160.
    pub hop_length: usize,
    /// Length of the Fourier transform in samples. Default: 512.
    pub n_fft: usize,
    /// Length of the analysis window in samples. Default: 400.
    pub win_length: usize,
    /// Coefficient of the pre-emphasis filter, 0 for none. Default: 0.97.
    pub preemphasis: f64,
    /// Samples a second of the input. Default and only supported value: 16 000.
    pub sampling_rate: u32,
    /// Value of padded samples. Default and only supported value: 0.
    pub padding_value: f64,
}

impl Default for LogMelConfig {
    fn default() -> Self {
        Self {
            feature_size: 80,
            hop_length: 160,
            n_fft: 512,
            win_length: 400,
            preemphasis: 0.97,
            sampling_rate: SAMPLING_RATE,
            padding_value: 0.0,
        }
    }
}

impl LogMelConfig {
    /// The settings in the content of a `preprocessor_config.json`.
    ///
    /// # Errors
    ///
    /// When it is not of this form, names another feature extractor, or has settings outside their ranges (all of
    /// them are reported).
    pub(super) fn parse(file: &SettingsFile) -> Result<Self, FeatureError> {
        let problems = match Self::try_from(file.parse::<ConfigFile>()?) {
            Ok(config) => {
                let problems = config.validate();
                if problems.is_empty() {
                    return Ok(config);
                }
                problems
            }
            Err(problem) => vec![problem],
        };
        Err(file.invalid(problems))
    }

    /// All settings outside their ranges; empty when the settings can be used.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut check = |valid: bool, field, found: String, expected: String| {
            if !valid {
                problems.push(ConfigProblem { field, found, expected });
            }
        };
        check(
            (1..=MAX_BINS).contains(&self.feature_size),
            "feature_size",
            self.feature_size.to_string(),
            format!("1 to {MAX_BINS}"),
        );
        check(
            (2..=MAX_FFT).contains(&self.n_fft) && self.n_fft.is_multiple_of(2),
            "n_fft",
            self.n_fft.to_string(),
            format!("an even number from 2 to {MAX_FFT}"),
        );
        check(
            self.win_length >= 2 && self.win_length <= self.n_fft,
            "win_length",
            self.win_length.to_string(),
            format!("2 to `n_fft` ({})", self.n_fft),
        );
        check(
            self.hop_length >= 1 && self.hop_length <= self.win_length,
            "hop_length",
            self.hop_length.to_string(),
            format!("1 to `win_length` ({})", self.win_length),
        );
        check(
            (0.0..=1.0).contains(&self.preemphasis),
            "preemphasis",
            self.preemphasis.to_string(),
            "0 to 1".to_owned(),
        );
        check(
            self.sampling_rate == SAMPLING_RATE,
            "sampling_rate",
            self.sampling_rate.to_string(),
            SAMPLING_RATE.to_string(),
        );
        check(
            (0.0..=0.0).contains(&self.padding_value),
            "padding_value",
            self.padding_value.to_string(),
            "0".to_owned(),
        );
        problems
    }
}

/// The file as transformers writes it.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct ConfigFile {
    feature_extractor_type: Option<String>,
    #[serde(skip_deserializing)]
    processor_class: &'static str,
    feature_size: usize,
    hop_length: usize,
    n_fft: usize,
    win_length: usize,
    preemphasis: f64,
    sampling_rate: u32,
    padding_value: f64,
    #[serde(skip_deserializing)]
    padding_side: &'static str,
    #[serde(skip_deserializing)]
    return_attention_mask: bool,
}

impl Default for ConfigFile {
    fn default() -> Self {
        LogMelConfig::default().into()
    }
}

impl From<LogMelConfig> for ConfigFile {
    fn from(config: LogMelConfig) -> Self {
        Self {
            feature_extractor_type: Some(EXTRACTOR.to_owned()),
            processor_class: PROCESSOR,
            feature_size: config.feature_size,
            hop_length: config.hop_length,
            n_fft: config.n_fft,
            win_length: config.win_length,
            preemphasis: config.preemphasis,
            sampling_rate: config.sampling_rate,
            padding_value: config.padding_value,
            padding_side: "right",
            return_attention_mask: true,
        }
    }
}

impl TryFrom<ConfigFile> for LogMelConfig {
    type Error = ConfigProblem;

    fn try_from(file: ConfigFile) -> Result<Self, ConfigProblem> {
        let other = file.feature_extractor_type.filter(|name| name != EXTRACTOR && name != COHERE);
        if let Some(name) = other {
            let shown: String = name.chars().take(200).collect();
            return Err(ConfigProblem {
                field: "feature_extractor_type",
                found: format!("`{}`", shown.escape_default()),
                expected: format!("`{EXTRACTOR}`"),
            });
        }
        Ok(Self {
            feature_size: file.feature_size,
            hop_length: file.hop_length,
            n_fft: file.n_fft,
            win_length: file.win_length,
            preemphasis: file.preemphasis,
            sampling_rate: file.sampling_rate,
            padding_value: file.padding_value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, PREPROCESSOR_FILE};

    fn load(text: &str) -> Result<LogMelConfig, FeatureError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(PREPROCESSOR_FILE), text).unwrap();
        LogMelConfig::parse(&SettingsFile::read(&Checkpoint::open(dir.path()).unwrap())?)
    }

    #[test]
    fn round_trip_names_the_extractor_of_transformers() {
        let config = LogMelConfig { feature_size: 128, ..LogMelConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["feature_extractor_type"], "ParakeetFeatureExtractor");
        assert_eq!(value["processor_class"], "ParakeetProcessor");
        assert_eq!(value["return_attention_mask"], true);
        assert_eq!(value["padding_side"], "right");
        assert_eq!(value["feature_size"], 128);
        assert_eq!(serde_json::from_str::<LogMelConfig>(&text).unwrap(), config);
        assert_eq!(load(&text).unwrap(), config);
    }

    #[test]
    fn missing_keys_default_and_unknown_keys_are_ignored() {
        let config = load(r#"{"processor_class": null, "dither": 1, "feature_size": 64}"#).unwrap();
        let expected = LogMelConfig { feature_size: 64, ..LogMelConfig::default() };
        assert_eq!(config, expected);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let text = r#"{"feature_size": 0, "hop_length": 0, "n_fft": 511, "win_length": 1,
            "preemphasis": 1.5, "sampling_rate": 8000, "padding_value": 1}"#;
        let Err(FeatureError::InvalidFile { problems, .. }) = load(text) else {
            panic!("expected a list of problems");
        };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(
            fields,
            [
                "feature_size",
                "n_fft",
                "win_length",
                "hop_length",
                "preemphasis",
                "sampling_rate",
                "padding_value"
            ]
        );
    }

    #[test]
    fn errors_name_file_field_and_range() {
        let error = load(r#"{"sampling_rate": 8000}"#).unwrap_err().to_string();
        assert!(error.starts_with("cannot load config `"), "{error}");
        assert!(error.ends_with("`: `sampling_rate` is 8000, expected 16000"), "{error}");
        assert!(matches!(load("{"), Err(FeatureError::Json { .. })));
        assert!(matches!(load(r#"{"hop_length": -1}"#), Err(FeatureError::Json { .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(
            SettingsFile::read(&Checkpoint::open(empty.path()).unwrap()),
            Err(FeatureError::Io { .. })
        ));
    }
}
