//! Padding changes nothing: in every family, a row of a padded batch gives what the row gives alone, whatever lies in
//! the padding. Every folder of `fixtures/parity` is tested, and families without a folder with random weights.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;

use burn::prelude::*;
use slm_core::models::checkpoint::{BASE_FOLDER, Checkpoint};
use slm_core::models::encoder::parakeet::{ParakeetConfig, ParakeetEncoderConfig, UsmSize};
use slm_core::models::encoder::{self, CtcLayersConfig, SpeechEncoder};
use slm_core::models::llm::{self, LanguageModel};
use slm_core::models::nn::weights::StorageType;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_tests::{HostTensor, Kind, backend, checkpoint, fixtures, read_tensors, sub_folders};

/// Of the root mean square of a row's values.
const BOUND: f64 = 2e-5;
/// What lies in the padding.
const GARBAGE: f32 = 1e3;

fn values(batch: &PaddedBatch) -> Vec<f32> {
    batch.values().try_into_vec_as::<f32>().unwrap()
}

/// Runs `model` over all rows of `input` `[B, T, M]` at once, with garbage in the padding, and over each row alone.
fn check(name: &str, input: &HostTensor, lengths: &[usize], model: impl Fn(&PaddedBatch) -> PaddedBatch) {
    let device = backend().device().unwrap();
    let [_, time, width] = <[usize; 3]>::try_from(input.shape.clone()).unwrap();
    assert!(lengths.iter().any(|&length| length < time), "{name}: no row is padded");
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

/// The folders of one kind; each folder is of one kind or the other.
fn folders(kind: Kind) -> Vec<Checkpoint> {
    let all = sub_folders(&fixtures().join("parity"));
    assert!(all.len() >= 41, "only {} folders", all.len());
    all.iter().map(|dir| checkpoint(dir)).filter(|checkpoint| Kind::of(checkpoint) == kind).collect()
}

fn family(checkpoint: &Checkpoint) -> String {
    checkpoint.model_type().unwrap().unwrap()
}

/// Checks an encoder with input `[B, T, M]`, of which each row is a third of the first shorter than the one before.
fn check_encoder(checkpoint: &Checkpoint, input: &HostTensor) {
    let model = SpeechEncoder::load(checkpoint, &backend().device().unwrap()).unwrap();
    let (rows, time) = (input.shape[0], input.shape[1]);
    let lengths: Vec<usize> = (0..rows).map(|row| time - row * time / 3).collect();
    check(&checkpoint.place().display().to_string(), input, &lengths, |batch| model.forward(batch));
}

#[test]
fn of_every_speech_encoder() {
    let mut families = BTreeSet::new();
    // Those of whole speech language models among them.
    let mut whole = sub_folders(&fixtures().join("speech_llm"));
    whole.retain(|dir| dir.join("io.safetensors").is_file());
    for checkpoint in folders(Kind::Encoder).into_iter().chain(whole.iter().map(|dir| checkpoint(dir))) {
        let place = checkpoint.place();
        let dir = if place.is_dir() { place } else { place.parent().unwrap() };
        let io = read_tensors(&dir.join("io.safetensors"));
        let input = io.get("input_features").or_else(|| io.get("input_values")).unwrap();
        // Whisper's are [B, M, T].
        let turned = (family(&checkpoint) == "whisper").then(|| input.transposed());
        let input = turned.as_ref().unwrap_or(input);
        // A waveform is a row of frames of width 1; one row is as good as two once it is cut.
        let (mut shape, mut values) = (input.shape.clone(), input.values.clone());
        shape.resize(3, 1);
        if shape[0] == 1 {
            shape[0] = 2;
            values.extend_from_within(..);
        }
        check_encoder(&checkpoint, &HostTensor { shape, values });
        families.insert(family(&checkpoint));
    }
    // Transformers does not have these, so that nothing can be compared with it, but they can be padded.
    let of_others: [fn(&Path) -> Checkpoint; 3] =
        [|dir| usm(dir, false), |dir| usm(dir, true), layers_on_usm];
    for make in of_others {
        let dir = tempfile::tempdir().unwrap();
        let encoder = make(dir.path());
        let count = 3 * 100 * 16;
        let values = (0..count).map(|i| (i as f32 * 0.7).sin()).collect();
        check_encoder(&encoder, &HostTensor { shape: vec![3, 100, 16], values });
        families.insert(family(&encoder));
    }
    for known in encoder::model_types() {
        assert!(families.contains(known), "{known} is not tested");
    }
    assert!(families.contains("nemo"));
}

/// Writes a small USM, whose attention sees a few chunks of the inputs, with random weights into `dir`.
fn usm(dir: &Path, with_head: bool) -> Checkpoint {
    let device = Device::flex();
    device.seed(21);
    let encoder = ParakeetEncoderConfig {
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 24,
        subsampling_conv_channels: 4,
        num_mel_bins: 16,
        attention_chunk_size: Some(7),
        ..ParakeetEncoderConfig::usm(UsmSize::B06)
    };
    let config = if with_head { ParakeetConfig::ctc(encoder, 12) } else { ParakeetConfig::bare(encoder) };
    config.init(&device).save(dir, StorageType::F32).unwrap();
    checkpoint(dir)
}

/// Writes small layers with a CTC head, and a small USM that they stand on, with random weights into `dir`.
fn layers_on_usm(dir: &Path) -> Checkpoint {
    let base = dir.join(BASE_FOLDER);
    std::fs::create_dir(&base).unwrap();
    usm(&base, false);
    let config: CtcLayersConfig = serde_json::from_value(serde_json::json!({
        "stack": 2, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "conv_kernel_size": 5, "vocab_size": 12,
    }))
    .unwrap();
    config.init(16, &Device::flex()).save(dir, StorageType::F32).unwrap();
    checkpoint(dir)
}

#[test]
fn of_every_language_model() {
    let device = backend().device().unwrap();
    let mut families = BTreeSet::new();
    for checkpoint in folders(Kind::LanguageModel) {
        let name = checkpoint.place().display().to_string();
        let model = LanguageModel::load(&checkpoint, &device).unwrap();
        let shape = vec![3, 24, model.d_model()];
        let count = shape.iter().product::<usize>();
        let input = HostTensor { values: (0..count).map(|i| (i as f32 * 0.7).sin()).collect(), shape };
        let lengths = [24, 16, 7];
        check(&name, &input, &lengths, |batch| model.encode(batch));
        // And what the decoder makes of padded memory.
        let ids = PaddedIds::from_rows(&vec![[2_u32, 5, 9, 11]; lengths.len()], 0, &device).ids;
        let one = PaddedIds::from_rows(&[[2_u32, 5, 9, 11]], 0, &device).ids;
        check(&name, &input, &lengths, |batch| {
            let rows = batch.lengths().len();
            let ids = if rows == 1 { one.clone() } else { ids.clone() };
            let logits = model.decode(&model.encode(batch), ids);
            PaddedBatch::new(logits, vec![4; rows])
        });
        families.insert(family(&checkpoint));
    }
    for known in llm::model_types() {
        assert!(families.contains(known), "{known} has no folder");
    }
}
