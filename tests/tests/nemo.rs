//! A `.nemo` archive (`fixtures/make_nemo.py`) is read where it lies: its outputs are compared in `parity.rs`, here are
//! its labels, what it is, the bundle that holds it, and what is wrong with a damaged one.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use slm_core::models::checkpoint::{Checkpoint, Layout, WeightFormat};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::text::TextTokenizer;
use slm_core::{Model, ModelKind};
use slm_tests::{checkpoint, fixtures};

fn folder() -> PathBuf {
    fixtures().join("parity/nemo_ctc_x4")
}

fn archive() -> PathBuf {
    folder().join("fastconformer.nemo")
}

#[test]
fn an_archive_is_told_by_itself_and_in_its_folder() {
    for place in [folder(), archive()] {
        let found = checkpoint(&place);
        assert_eq!((found.layout(), found.place()), (Layout::Nemo, archive().as_path()));
        assert_eq!(found.model_type().unwrap().as_deref(), Some("nemo"));
        let described = Model::describe(&place).unwrap();
        assert_eq!((described.kind, described.parts.len()), (ModelKind::CtcModel, 1));
        let part = &described.parts[0];
        assert_eq!(part.model_type.as_deref(), Some("parakeet_ctc (NeMo)"));
        assert_eq!(part.architectures, ["EncDecCTCModelBPE"]);
        assert!(part.missing.is_empty());
        let parts = &part.weights.parts;
        assert_eq!((parts["head"], parts["features"]), (32 * 20 + 20, 400 + 32 * 257));
        let model = SpeechEncoder::load(&found, &Device::flex()).unwrap();
        assert_eq!((model.labels(), model.blank(), model.input_width()), (Some(20), 19, 32));
        assert_eq!(found.weight_names().unwrap(), ["fastconformer.nemo"]);
        assert_eq!(found.weights().unwrap().format(), WeightFormat::Nemo);
        assert_eq!(FeatureExtractor::from_checkpoint(&found).unwrap().width(), 32);
    }
    let two = tempfile::tempdir().unwrap();
    for name in ["a.nemo", "b.nemo"] {
        fs::copy(archive(), two.path().join(name)).unwrap();
    }
    assert!(!Checkpoint::open(two.path()).is_ok_and(|found| found.layout() == Layout::Nemo));
}

#[test]
fn labels_are_those_of_sentencepiece() {
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(folder().join("labels.json")).unwrap()).unwrap();
    let labels = TextTokenizer::from_checkpoint(&checkpoint(&folder())).unwrap();
    let text = expected["text"].as_str().unwrap();
    let ids = labels.encode(text).unwrap();
    assert_eq!(serde_json::json!(ids), expected["ids"]);
    assert_eq!(labels.decode(&ids).unwrap(), text);
    assert_eq!(serde_json::json!(labels.len()), expected["pieces"]);
}

/// What loading an archive of these bytes says.
fn load(bytes: &[u8]) -> Result<SpeechEncoder, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.nemo"), bytes).unwrap();
    let found = Checkpoint::open(dir.path()).map_err(|error| error.to_string())?;
    SpeechEncoder::load(&found, &Device::flex()).map_err(|error| error.to_string())
}

#[test]
fn what_is_wrong_with_an_archive_is_named() {
    let bytes = fs::read(archive()).unwrap();
    let place = |text: &str| bytes.windows(text.len()).position(|part| part == text.as_bytes()).unwrap();
    let edited = |from: &str, to: &str| {
        let mut bytes = bytes.clone();
        let start = place(from);
        bytes[start..start + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    for (bytes, expected) in [
        (b"\x1f\x8b\x08rest".to_vec(), "it is compressed; unpack it with `gunzip` first"),
        (b"not a tar, not at all".to_vec(), "cannot open archive `"),
        (Vec::new(), "it has no `model_config.yaml`"),
        (bytes[..bytes.len() / 2].to_vec(), "it ends within `"),
        (
            edited("dw_striding", "vggnet_xxxx"),
            "`encoder.subsampling` is \"vggnet_xxxx\", expected \"dw_striding\"",
        ),
        (edited("n_heads: 4", "n_heads: 5"), "heads"),
        (edited("n_layers: 2", "n_layers: 1"), "unexpected `encoder.layers.1."),
        (edited("n_layers: 2", "n_layers: 3"), "missing `encoder.layers.2."),
        (edited("d_model: 32", "d_model: {}"), "encoder.d_model: invalid type: map, expected usize"),
        (edited("d_model: 32", "d_model: ]]"), "line"),
    ] {
        let error = load(&bytes).map(drop).unwrap_err();
        assert!(error.contains("x.nemo`") && error.contains(expected), "{error}");
    }
    assert!(load(&bytes).is_ok());
}

/// Bytes are damaged, one after the other: an error or other numbers, never a panic.
#[test]
fn no_damage_makes_it_panic() {
    let bytes = fs::read(archive()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path: &Path = &dir.path().join("x.nemo");
    for step in 0..300 {
        let mut bytes = bytes.clone();
        let place = step * 7919 % bytes.len();
        bytes[place] ^= 0x55;
        fs::write(path, bytes).unwrap();
        let Ok(found) = Checkpoint::open(path) else { continue };
        drop(SpeechEncoder::load(&found, &Device::flex()));
        drop(TextTokenizer::from_checkpoint(&found));
    }
}
