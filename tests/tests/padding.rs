//! Padding changes nothing: in every family, a row of a padded batch gives what the row gives alone, whatever lies in
//! the padding.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use slm_core::batch::{PaddedBatch, PaddedIds};
use slm_core::encoder::{self, SpeechEncoder};
use slm_core::llm::{self, LanguageModel};
use slm_core::nemo;
use slm_tests::{HostTensor, backend, fixtures, read_tensors};

/// Of the root mean square of a row's values.
const BOUND: f64 = 1e-5;
/// What lies in the padding.
const GARBAGE: f32 = 1e3;

fn values(batch: &PaddedBatch) -> Vec<f32> {
    batch.values().try_into_vec_as::<f32>().unwrap()
}

/// Runs `model` over all rows of `input` `[B, T, M]` at once, with garbage in the padding, and over each row alone.
fn check(name: &str, input: &HostTensor, lengths: &[usize], model: impl Fn(&PaddedBatch) -> PaddedBatch) {
    let device = backend().device().unwrap();
    let [_, time, width] = <[usize; 3]>::try_from(input.shape.clone()).unwrap();
    let mut noisy = input.clone();
    for (row, &length) in lengths.iter().enumerate() {
        noisy.values[(row * time + length) * width..(row + 1) * time * width].fill(GARBAGE);
    }
    let batch = model(&PaddedBatch::new(noisy.to_device(&device), lengths.to_vec()));
    let [_, states, output] = batch.dims();
    let together = values(&batch);
    for (row, &length) in lengths.iter().enumerate() {
        let start = row * time * width;
        let alone = &input.values[start..start + length * width];
        let single = model(&PaddedBatch::from_rows(&[alone], width, &device));
        assert_eq!(single.lengths()[0], batch.lengths()[row], "{name}: states of row {row}");
        let single = &values(&single)[..batch.lengths()[row] * output];
        let from_batch = &together[row * states * output..][..single.len()];
        let squares: f64 = single.iter().map(|&x| f64::from(x).powi(2)).sum();
        let rms = (squares / single.len() as f64).sqrt();
        let worst = single.iter().zip(from_batch).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        assert!(worst <= BOUND * rms, "{name}, row {row}: {worst:.1e} of {rms:.1e}");
    }
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(fixtures().join("parity"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn family(dir: &Path) -> String {
    if nemo::find(dir).is_some() {
        return "parakeet_ctc".to_owned();
    }
    let config = std::fs::read(dir.join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config["model_type"].as_str().unwrap().to_owned()
}

#[test]
fn of_every_speech_encoder() {
    let device = backend().device().unwrap();
    let mut families = Vec::new();
    for dir in folders() {
        let family = family(&dir);
        if !encoder::MODEL_TYPES.contains(&family.as_str()) {
            continue;
        }
        let io = read_tensors(&dir.join("io.safetensors"));
        let input = io.get("input_features").or_else(|| io.get("input_values")).unwrap();
        // A waveform is a row of frames of width 1; one row is as good as two once it is cut.
        let (mut shape, mut values) = (input.shape.clone(), input.values.clone());
        shape.resize(3, 1);
        if shape[0] == 1 {
            shape[0] = 2;
            values.extend_from_within(..);
        }
        let input = HostTensor { shape: shape.clone(), values };
        let lengths: Vec<usize> = (0..shape[0]).map(|row| shape[1] - row * shape[1] / 3).collect();
        let model = SpeechEncoder::load(&dir, &device).unwrap();
        check(&dir.display().to_string(), &input, &lengths, |batch| model.forward(batch));
        families.push(family);
    }
    for known in ["parakeet_ctc", "parakeet_encoder", "wav2vec2-bert", "wav2vec2-conformer", "lasr_ctc"] {
        assert!(families.iter().any(|family| family == known), "{known} has no folder");
    }
}

#[test]
fn of_every_language_model() {
    let device = backend().device().unwrap();
    let mut families = Vec::new();
    for dir in folders() {
        let family = family(&dir);
        if !llm::MODEL_TYPES.contains(&family.as_str()) {
            continue;
        }
        let model = LanguageModel::load(&dir, &device).unwrap();
        let shape = vec![3, 24, model.d_model()];
        let count = shape.iter().product::<usize>();
        let input = HostTensor { values: (0..count).map(|i| (i as f32 * 0.7).sin()).collect(), shape };
        let lengths = [24, 16, 7];
        check(&dir.display().to_string(), &input, &lengths, |batch| model.encode(batch));
        // And what the decoder makes of padded memory.
        let ids = PaddedIds::from_rows(&vec![[2_u32, 5, 9, 11]; lengths.len()], 0, &device).ids;
        let one = PaddedIds::from_rows(&[[2_u32, 5, 9, 11]], 0, &device).ids;
        check(&dir.display().to_string(), &input, &lengths, |batch| {
            let rows = batch.lengths().len();
            let ids = if rows == 1 { one.clone() } else { ids.clone() };
            let logits = model.decode(&model.encode(batch), ids);
            PaddedBatch::new(logits, vec![4; rows])
        });
        families.push(family);
    }
    for known in llm::MODEL_TYPES {
        assert!(families.iter().any(|family| family == known), "{known} has no folder");
    }
}
