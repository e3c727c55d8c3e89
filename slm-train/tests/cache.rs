//! The encoder's outputs on disk are those of this audio and this encoder, or they are made again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use burn::prelude::*;
use slm_core::models::checkpoint::{CONFIG_FILE, Checkpoint, PREPROCESSOR_FILE, json};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::encoder::parakeet::{ParakeetConfig, ParakeetEncoderConfig};
use slm_core::models::features::{FeatureExtractor, LogMelConfig};
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::nn::weights::StorageType;
use slm_train::data::augment::Augment;
use slm_train::data::encoded::{self, CachedEncoder, Variants};
use slm_train::data::manifest::Utterance;
use slm_train::data::rows::{self, Rows};
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
    fn encode(&self) -> (Outputs, Vec<String>) {
        self.encode_rows(&["a.wav", "b.wav"])
    }

    fn encode_rows(&self, names: &[&str]) -> (Outputs, Vec<String>) {
        self.encode_variants(names, None)
    }

    fn encode_variants(&self, names: &[&str], variants: Option<Variants>) -> (Outputs, Vec<String>) {
        let device = Device::flex();
        let checkpoint = Checkpoint::open(&self.path("encoder")).unwrap();
        let encoder = SpeechEncoder::load(&checkpoint, &device).unwrap();
        let features = FeatureExtractor::from_checkpoint(&checkpoint).unwrap();
        let cached = CachedEncoder {
            dir: &self.path("cache"),
            features: &features,
            encoder: &encoder,
            encoder_hash: &checkpoint.content_hash().unwrap(),
            layers: 1,
            device: &device,
        };
        let utterances: Vec<Utterance> = names
            .iter()
            .map(|name| Utterance { audio_filepath: self.path(name), duration: 0.5, ..Utterance::default() })
            .collect();
        let rows = Rows::keep(&self.path("rows"), &utterances).unwrap();
        let notes = RefCell::new(Vec::new());
        let measure = |speech: &EncodedSpeech| Ok(speech.len());
        let corpus =
            cached.encode_variants(&rows, variants, &measure, &|note| notes.borrow_mut().push(note)).unwrap();
        let speech: Vec<EncodedSpeech> = (0..corpus.len()).map(|row| corpus.read(row).unwrap()).collect();
        for (row, speech) in speech.iter().enumerate() {
            assert_eq!(corpus.measured(row), speech.len());
        }
        (Outputs { speech, key: corpus.key().to_owned() }, notes.into_inner())
    }

    /// The files with outputs.
    fn files(&self) -> Vec<PathBuf> {
        let mut folders = fs::read_dir(self.path("cache")).unwrap();
        let of_encoder = folders.next().unwrap().unwrap().path();
        let files = fs::read_dir(of_encoder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "states")).collect()
    }
}

/// What a corpus has, and its key.
#[derive(PartialEq)]
struct Outputs {
    speech: Vec<EncodedSpeech>,
    key: String,
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
    assert_eq!(fixture.files().len(), 1);
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
    let file = fixture.files().remove(0);
    let sound = fs::read(&file).unwrap();
    // The low bit of a number that is as good as any; the index; the end is missing.
    let flipped = |place: usize| {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        bytes
    };
    for damaged in [flipped(sound.len() - 2), flipped(30), sound[..sound.len() - 1].to_vec()] {
        fs::write(&file, damaged).unwrap();
        let (second, notes) = fixture.encode();
        assert!(second == first);
        assert!(notes[0].contains("is damaged and made again"), "{notes:?}");
        assert!(fs::read(&file).unwrap() == sound, "other bytes");
        let (third, notes) = fixture.encode();
        assert!(third == first && notes.is_empty(), "{notes:?}");
    }
}

/// What is kept belongs to recordings, not to a corpus: others use it, and make only what is not there.
#[test]
fn another_corpus_uses_what_is_kept() {
    let fixture = Fixture::new();
    let (first, _) = fixture.encode();
    fixture.record("c.wav", 0.7);
    let (second, notes) = fixture.encode_rows(&["c.wav", "b.wav", "b.wav"]);
    assert_eq!(notes, ["encoding 1 utterances"]);
    assert!(second.speech[1] == first.speech[1] && second.speech[2] == first.speech[1]);
    assert!(second.key != first.key);
    let (third, notes) = fixture.encode_rows(&["b.wav"]);
    assert!(third.speech[0] == first.speech[1] && notes.is_empty(), "{notes:?}");
}

/// Changed sound is kept by what it depends on: the sound, the effects, the seed, and which variant it is.
#[test]
fn variants_are_made_once() {
    let fixture = Fixture::new();
    let (plain, _) = fixture.encode();
    let effects: Augment = toml::from_str("gain = { probability = 1, db = [-20, -3] }").unwrap();
    let chain = effects.prepare().unwrap();
    let of = |seed: u64, count: usize| Some(Variants { chain: &chain, count, seed });
    let names = ["a.wav", "b.wav"];
    let (first, notes) = fixture.encode_variants(&names, of(1, 3));
    assert_eq!(notes, ["encoding 4 utterances"]);
    assert_eq!(first.speech.len(), 6);
    assert!(first.speech[..2] == plain.speech[..]);
    for (at, one) in first.speech.iter().enumerate() {
        assert!(first.speech[at + 1..].iter().all(|other| other != one), "{at}");
    }
    let (again, notes) = fixture.encode_variants(&names, of(1, 3));
    assert!(again == first && notes.is_empty(), "{notes:?}");
    // In another corpus, and with one more.
    let (other, notes) = fixture.encode_variants(&["b.wav"], of(1, 4));
    assert_eq!(notes, ["encoding 1 utterances"]);
    assert!(other.speech[1] == first.speech[3] && other.speech[2] == first.speech[5]);
    let (seeded, notes) = fixture.encode_variants(&names, of(2, 2));
    assert_eq!(notes, ["encoding 2 utterances"]);
    assert!(seeded.speech[2] != first.speech[2] && seeded.key != first.key);
}

/// Two runs that need the same outputs make them once.
#[test]
fn of_two_at_once_one_waits_for_the_other() {
    let fixture = Fixture::new();
    let both: Vec<_> = std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| scope.spawn(|| fixture.encode()));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let [(first, of_first), (second, of_second)] = both.as_slice() else { unreachable!() };
    assert!(first == second);
    let encoded = |notes: &[String]| notes.iter().any(|note| note == "encoding 2 utterances");
    assert!(encoded(of_first) != encoded(of_second), "{of_first:?} {of_second:?}");
    assert_eq!(fixture.files().len(), 1);
}

#[test]
fn memory_holds_44_bytes_of_a_row() {
    assert_eq!((rows::BYTES_A_ROW, encoded::BYTES_A_ROW), (12, 32));
}
