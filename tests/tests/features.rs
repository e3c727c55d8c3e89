//! Features of recorded speech against those of transformers, with the settings files that transformers writes.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use slm_core::models::features::{FeatureExtractor, FeatureSettings};
use slm_tests::{checkpoint, fixtures, read_tensors};

/// Largest difference allowed, of features that are normalised or logarithms.
const BOUND: f32 = 1e-3;

/// The samples of `speech.wav`.
fn speech() -> Vec<f32> {
    let mut reader = hound::WavReader::open(fixtures().join("speech/speech.wav")).unwrap();
    reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

#[test]
fn of_recorded_speech_match_transformers() {
    let samples = speech();
    let rows = [&samples[..], &samples[..30_000], &samples[..9_777]];
    let io = read_tensors(&fixtures().join("speech/io.safetensors"));
    // The file keeps one of so many frames.
    for (name, every) in [
        ("seamless", 7),
        ("seamless_padding_one", 7),
        ("parakeet", 7),
        ("parakeet_128", 11),
        ("lasr", 11),
        ("wav2vec2", 400),
    ] {
        let settings = checkpoint(&fixtures().join("speech").join(name));
        let extractor = FeatureExtractor::from_checkpoint(&settings).unwrap();
        let frames = &io[&format!("{name}.frames")];
        let lengths = io[&format!("{name}.lengths")].id_row(0);
        let [_, kept, width] = <[usize; 3]>::try_from(frames.shape.clone()).unwrap();
        let mut worst = 0.0_f32;
        for (row, samples) in rows.iter().enumerate() {
            let found = extractor.extract(samples);
            assert_eq!(extractor.width(), width, "{name}");
            let length = lengths[row] as usize;
            assert_eq!(found.frames, length, "{name}: frames of row {row}");
            for (index, expected) in
                frames.values[row * kept * width..][..kept * width].chunks(width).enumerate()
            {
                if index * every >= length {
                    break;
                }
                let ours = &found.values[index * every * width..][..width];
                let gap = ours.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                worst = worst.max(gap);
            }
        }
        assert!(worst <= BOUND, "{name}: {worst}");
    }
}

/// The settings in `speech/NAME`.
fn settings(name: &str) -> FeatureSettings {
    FeatureSettings::from_checkpoint(&checkpoint(&fixtures().join("speech").join(name))).unwrap()
}

#[test]
fn settings_in_a_processors_file_are_the_same() {
    for name in ["seamless_padding_one", "parakeet_128", "lasr", "wav2vec2"] {
        assert_eq!(settings(&format!("{name}_processor")), settings(name), "{name}");
    }
}

#[test]
fn a_processors_file_comes_first_where_it_has_settings() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let bins = || match FeatureSettings::from_checkpoint(&checkpoint(dir.path())) {
        Ok(FeatureSettings::LogMel(config)) => Ok(config.feature_size),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    };
    write("processor_config.json", r#"{"processor_class": "ParakeetProcessor", "feature_extractor": null}"#);
    assert!(bins().unwrap_err().contains("preprocessor_config.json`"), "what is missing is named");
    write("preprocessor_config.json", r#"{"feature_size": 64, "n_fft": null}"#);
    assert_eq!(bins(), Ok(64));
    write("processor_config.json", r#"{"feature_extractor": {"feature_size": 32, "hop_length": null}}"#);
    assert_eq!(bins(), Ok(32));
    write("processor_config.json", r#"{"audio_processor": {"feature_size": 16}}"#);
    assert_eq!(bins(), Ok(16));
    write("processor_config.json", r#"{"feature_extractor": {"feature_size": 0}}"#);
    let error = bins().unwrap_err();
    assert!(error.contains("/processor_config.json`: `feature_size` is 0"), "{error}");
}
