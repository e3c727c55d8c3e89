//! The preprocessor of an archive of NeMo, in the terms of this crate.
//!
//! Source: NeMo's `AudioToMelSpectrogramPreprocessor`.

use std::path::Path;

use serde_json::Value;

use super::LogMelConfig;
use crate::checkpoint::nemo::{FieldProblems, NemoError, NemoSettings, Preprocessor};

/// The features that the settings of the archive at `path` ask for.
///
/// # Errors
///
/// [`NemoError::Config`] naming the archive and the fields that are not supported or contradict each other.
pub(super) fn log_mel(settings: &NemoSettings, path: &Path) -> Result<LogMelConfig, NemoError> {
    let mut problems = FieldProblems::default();
    check(&settings.preprocessor, &mut problems);
    let config = config(&settings.preprocessor);
    problems.extend(config.validate().iter().map(ToString::to_string));
    problems.none_or(path, config)
}

/// What these features cannot do otherwise.
fn check(settings: &Preprocessor, problems: &mut FieldProblems) {
    problems.expect_class("preprocessor._target_", &settings.target, "AudioToMelSpectrogramPreprocessor");
    problems.expect("preprocessor.window", settings.window.as_str(), &["hann".into()]);
    problems.expect("preprocessor.normalize", settings.normalize.clone(), &["per_feature".into()]);
    problems.expect("preprocessor.log", settings.log, &[true.into()]);
    problems.expect("preprocessor.frame_splicing", settings.frame_splicing, &[1.into()]);
    problems.expect("preprocessor.mag_power", settings.mag_power, &[2.0.into()]);
    problems.expect("preprocessor.lowfreq", settings.lowfreq, &[0.0.into()]);
    let half = f64::from(settings.sample_rate) / 2.0;
    problems.expect("preprocessor.highfreq", settings.highfreq, &[Value::Null, half.into()]);
}

fn config(settings: &Preprocessor) -> LogMelConfig {
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

    fn read(preprocessor: &str) -> Result<LogMelConfig, String> {
        let text = format!("preprocessor: {{{preprocessor}}}\nencoder: {{}}\n");
        log_mel(&NemoSettings::parse(&text).unwrap(), "x.nemo".as_ref()).map_err(|error| error.to_string())
    }

    const CLASS: &str = "_target_: nemo.x.AudioToMelSpectrogramPreprocessor";

    #[test]
    fn settings_are_translated() {
        let found = read(&format!("{CLASS}, window_size: 0.025, features: 80, n_fft: 512"));
        assert_eq!(found.unwrap(), LogMelConfig::default());
        // 20 ms are 320 samples, the next power of two is 512.
        let found = read(&format!("{CLASS}, preemph: null, highfreq: 8000")).unwrap();
        assert_eq!((found.win_length, found.n_fft, found.feature_size), (320, 512, 64));
        assert!(found.preemphasis.abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let error = read("_target_: x.MFCC, normalize: NA, highfreq: 4000.0, window_stride: 0").unwrap_err();
        assert_eq!(
            error,
            "cannot load config `x.nemo`: 4 invalid fields: `preprocessor._target_` is \"MFCC\", expected \
             \"AudioToMelSpectrogramPreprocessor\", `preprocessor.normalize` is \"NA\", expected \"per_feature\", \
             `preprocessor.highfreq` is 4000.0, expected null or 8000.0, `hop_length` is 0, expected 1 to \
             `win_length` (320)"
        );
    }
}
