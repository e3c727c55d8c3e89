//! The encoder's outputs on disk are those of this audio and this encoder, or they are made again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::checkpoint::{CONFIG_FILE, Checkpoint, PREPROCESSOR_FILE, json};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::encoder::parakeet::{ParakeetConfig, ParakeetEncoderConfig};
use slm_core::models::features::{FeatureExtractor, LogMelConfig};
use slm_core::models::nn::weights::StorageType;
use slm_train::data::encoded::{CachedEncoder, EncodedCorpus};
use slm_train::data::manifest::Utterance;
use slm_train::data::synth::write_wav;
use tempfile::TempDir;

const MEL_BINS: usize = 16;

/// Two recordings, an encoder with random weights, and a folder for its outputs.
struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        fixture.record("a.wav", 0.2);
        fixture.record("b.wav", 0.3);
        let encoder = fixture.path("encoder");
        fs::create_dir(&encoder).unwrap();
        let config = ParakeetEncoderConfig {
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 32,
            conv_kernel_size: 5,
            subsampling_factor: 4,
            subsampling_conv_channels: 4,
            num_mel_bins: MEL_BINS,
            ..ParakeetEncoderConfig::default()
        };
        let model = ParakeetConfig::ctc(config, 8).init(&Device::flex());
        model.save(&encoder, StorageType::F32).unwrap();
        let features = LogMelConfig { feature_size: MEL_BINS, ..LogMelConfig::default() };
        json::write(&encoder.join(PREPROCESSOR_FILE), &features).unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a tone of half a second; `step` is its frequency.
    fn record(&self, name: &str, step: f32) {
        let samples: Vec<f32> = (0..8_000).map(|n| 0.3 * (step * n as f32).sin()).collect();
        write_wav(&self.path(name), &samples).unwrap();
    }

    /// The outputs for both recordings, and what was told.
    fn encode(&self) -> (EncodedCorpus, Vec<String>) {
        let device = Device::flex();
        let checkpoint = Checkpoint::open(&self.path("encoder")).unwrap();
        let encoder = SpeechEncoder::load(&checkpoint, &device).unwrap();
        let features = FeatureExtractor::from_checkpoint(&checkpoint).unwrap();
        let cached = CachedEncoder {
            dir: &self.path("cache"),
            features: &features,
            encoder: &encoder,
            encoder_hash: &checkpoint.content_hash().unwrap(),
            device: &device,
        };
        let utterances = ["a.wav", "b.wav"]
            .map(|name| Utterance { audio_filepath: self.path(name), ..Utterance::default() });
        let notes = RefCell::new(Vec::new());
        let corpus = cached.encode(&utterances, &|note| notes.borrow_mut().push(note)).unwrap();
        (corpus, notes.into_inner())
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn outputs_are_kept_and_read_again() {
    let fixture = Fixture::new();
    let (first, notes) = fixture.encode();
    assert_eq!(first.speech.len(), 2);
    assert_eq!(notes, ["encoding 2 utterances"]);
    let (second, notes) = fixture.encode();
    assert!(second == first);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(files(&fixture.path("cache")).len(), 1);
}

#[test]
fn other_audio_of_the_same_length_is_encoded() {
    let fixture = Fixture::new();
    let (first, _) = fixture.encode();
    fixture.record("a.wav", 0.5);
    let (second, notes) = fixture.encode();
    assert!(!notes.is_empty());
    assert!(second.key != first.key);
    assert!(second.speech[0] != first.speech[0]);
    assert_eq!(second.speech[0].len(), first.speech[0].len());
    // With the recording of before its outputs are there again.
    fixture.record("a.wav", 0.2);
    let (third, notes) = fixture.encode();
    assert!(third == first && notes.is_empty(), "{notes:?}");
}

#[test]
fn an_edited_config_makes_other_outputs() {
    let fixture = Fixture::new();
    let (first, _) = fixture.encode();
    let path = fixture.path("encoder").join(CONFIG_FILE);
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let scale = &mut config["encoder_config"]["scale_input"];
    *scale = (!scale.as_bool().unwrap()).into();
    fs::write(&path, config.to_string()).unwrap();
    let (second, notes) = fixture.encode();
    assert!(!notes.is_empty());
    assert!(second.key != first.key);
    assert!(second.speech != first.speech);
}

#[test]
fn a_damaged_file_is_made_again() {
    let fixture = Fixture::new();
    let (first, _) = fixture.encode();
    let file = files(&fixture.path("cache")).remove(0);
    // The low bit of a state: a number as good as any.
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (second, notes) = fixture.encode();
    assert!(second == first);
    assert!(notes[0].contains("is made again"), "{notes:?}");
    let (third, notes) = fixture.encode();
    assert!(third == first && notes.is_empty(), "{notes:?}");
}
