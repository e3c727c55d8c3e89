//! Encoders and language models against transformers: every folder under `fixtures/parity`, and every sub-folder of
//! the one that the environment variable `SLM_PARITY_DIR` names.
//!
//! The bound is the largest absolute error relative to the root mean square of the reference, over real
//! positions. `SLM_BACKEND` chooses the backend. Token ids must be identical.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that prints a line a folder")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use safetensors::SafeTensors;
use slm_core::backend::Backend;
use slm_core::batch::{PaddedBatch, PaddedIds};
use slm_core::decode::{DecodeConfig, Strategy, generate};
use slm_core::encoder::{self, SpeechEncoder};
use slm_core::llm::{self, LanguageModel};
use slm_tests::{HostTensor, backend, fixtures, read_tensors, relative_error};

/// In f32 on a CPU the order of sums explains 1e-5; an error of 1e-3 is a bug.
const BOUND_CPU: f64 = 1e-4;
/// GPU kernels sum in other orders and some use lower precision inside.
const BOUND_GPU: f64 = 1e-3;

type Tensors = BTreeMap<String, HostTensor>;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// How many states of a row to compare. With a length adapter, the reference's convolution reads what the blocks
/// left in a row's padding, and attention carries it to every state of the row; ours gives what the row alone
/// gives, so that only rows without padding can be compared.
fn comparable(model: &SpeechEncoder, states: usize, padded: bool) -> usize {
    match model {
        SpeechEncoder::Wav2Vec2Bert(model) if padded && model.config().add_adapter => 0,
        _ => states,
    }
}

/// The worst errors of an encoder, by output.
fn encoder_errors(dir: &Path, io: &Tensors, device: &Device) -> Vec<(&'static str, f64)> {
    let model = SpeechEncoder::load(dir, device).unwrap();
    let input = io.get("input_features").or_else(|| io.get("input_values")).unwrap();
    // A waveform is a row of frames of width 1.
    let mut shape = input.shape.clone();
    shape.resize(3, 1);
    let input = HostTensor { shape, ..input.clone() };
    let mask = io.get("attention_mask").map(HostTensor::row_lengths);
    let lengths = mask.unwrap_or_else(|| vec![input.shape[1]; input.shape[0]]);
    let features = PaddedBatch::new(input.to_device(device), lengths.clone());
    let states = model.forward(&features);
    if let Some(mask) = io.get("output_mask") {
        assert_eq!(states.lengths(), mask.row_lengths(), "{}: lengths of the output", dir.display());
    }
    let counts: Vec<usize> = lengths
        .iter()
        .zip(states.lengths())
        .map(|(&length, &frames)| comparable(&model, frames, length < input.shape[1]))
        .collect();
    let keep = |row: usize, t: usize| t < counts[row];
    let mut errors =
        vec![("last_hidden_state", relative_error(&values(states.values()), &io["last_hidden_state"], keep))];
    if let Some(logits) = io.get("logits") {
        errors.push(("logits", relative_error(&values(model.ctc_logits(&states).unwrap()), logits, keep)));
    }
    errors
}

/// The worst errors of a language model, by output; ids are compared exactly.
fn llm_errors(dir: &Path, io: &Tensors, device: &Device) -> Vec<(&'static str, f64)> {
    let model = LanguageModel::load(dir, device).unwrap();
    let pad = model.ids().pad;
    let lengths = io["attention_mask"].row_lengths();
    let rows: Vec<Vec<u32>> =
        lengths.iter().enumerate().map(|(row, &n)| io["input_ids"].id_row(row)[..n].to_vec()).collect();
    let memory = model.encode(&model.embed(&PaddedIds::from_rows(&rows, pad, device)));
    let keep = |row: usize, t: usize| t < lengths[row];
    let expected = &io["encoder_last_hidden_state"];
    let mut errors =
        vec![("encoder_last_hidden_state", relative_error(&values(memory.values()), expected, keep))];

    let inputs = &io["decoder_input_ids"];
    let decoder_rows: Vec<Vec<u32>> = (0..rows.len()).map(|row| inputs.id_row(row)).collect();
    let decoder_ids = PaddedIds::from_rows(&decoder_rows, pad, device).ids;
    let logits = model.decode(&memory, decoder_ids.clone());
    errors.push(("logits", relative_error(&values(logits), &io["logits"], |_, _| true)));

    // The same logits again, a token at a time through the cache.
    let mut cache = model.start(&memory);
    let [batch, length] = decoder_ids.dims();
    let steps: Vec<Tensor<3>> = (0..length)
        .map(|t| {
            let ids = decoder_ids.clone().slice([0..batch, t..t + 1]);
            model.step(ids, &mut cache).unsqueeze_dim(1)
        })
        .collect();
    errors
        .push(("cached logits", relative_error(&values(Tensor::cat(steps, 1)), &io["logits"], |_, _| true)));

    if let Some(expected) = io.get("embeds_logits") {
        let inputs = PaddedBatch::new(io["inputs_embeds"].to_device(device), lengths.clone());
        let logits = model.decode(&model.encode(&inputs), decoder_ids);
        errors.push(("embeds_logits", relative_error(&values(logits), expected, |_, _| true)));
    }
    if let Some(expected) = io.get("greedy_ids") {
        let steps = expected.shape[1] - 1;
        let config = DecodeConfig { max_new_tokens: steps, min_new_tokens: steps, ..DecodeConfig::default() };
        for (row, hypothesis) in generate(&model, &memory, &config).unwrap().iter().enumerate() {
            assert_eq!(
                hypothesis.ids,
                expected.id_row(row)[1..],
                "{}: greedy ids of row {row}",
                dir.display()
            );
        }
    }
    if let Some(expected) = io.get("beam4_ids") {
        let strategy = Strategy::Beam { size: 4, length_penalty: 1.0 };
        let config =
            DecodeConfig { strategy, max_new_tokens: expected.shape[1] - 1, ..DecodeConfig::default() };
        for (row, hypothesis) in generate(&model, &memory, &config).unwrap().iter().enumerate() {
            // After the start id: the hypothesis, its end if it has one, padding.
            let mut wanted = expected.id_row(row)[1..].to_vec();
            if let Some(end) = wanted.iter().position(|&id| id == model.ids().eos) {
                wanted.truncate(end);
            }
            assert_eq!(hypothesis.ids, wanted, "{}: beam ids of row {row}", dir.display());
        }
    }
    errors
}

fn sub_folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_folder_matches_transformers() {
    let backend = backend();
    let device = backend.device().unwrap();
    let bound = match backend {
        Backend::Flex | Backend::NdArray | Backend::TchCpu => BOUND_CPU,
        _ => BOUND_GPU,
    };
    let mut folders = sub_folders(&fixtures().join("parity"));
    folders.extend(std::env::var_os("SLM_PARITY_DIR").into_iter().flat_map(|dir| sub_folders(dir.as_ref())));
    assert!(!folders.is_empty());
    let mut failed = Vec::new();
    for dir in folders {
        let config: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.join("config.json")).unwrap()).unwrap();
        let io = read_tensors(&dir.join("io.safetensors"));
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let errors = match config["model_type"].as_str() {
            Some(family) if encoder::MODEL_TYPES.contains(&family) => encoder_errors(&dir, &io, &device),
            Some(family) if llm::MODEL_TYPES.contains(&family) => llm_errors(&dir, &io, &device),
            other => panic!("{name}: unknown model type {other:?}"),
        };
        let (output, worst) = errors.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let ok = worst <= bound;
        println!("{name}: worst error {worst:.2e} ({output}) {}", if ok { "ok" } else { "NOT OK" });
        if !ok {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "over {bound:.0e}: {failed:?}");
}

/// Writes the tensors of `from` to `to` in two shards with an index.
fn shard(from: &Path, to: &Path) {
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut shards = [Vec::new(), Vec::new()];
    let mut weight_map = BTreeMap::new();
    for (index, (name, view)) in file.tensors().into_iter().enumerate() {
        weight_map.insert(name.clone(), format!("model-0000{}-of-00002.safetensors", index % 2 + 1));
        shards[index % 2].push((name, view));
    }
    for (index, shard) in shards.into_iter().enumerate() {
        let path = to.join(format!("model-0000{}-of-00002.safetensors", index + 1));
        safetensors::serialize_to_file(shard, None, &path).unwrap();
    }
    let index = serde_json::json!({"metadata": {}, "weight_map": weight_map});
    std::fs::write(to.join("model.safetensors.index.json"), index.to_string()).unwrap();
    std::fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
}

#[test]
fn shards_load_as_one_file_does() {
    let device = backend().device().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    for name in ["t5_v11_gated_untied", "w2v_bert_ctc_adapter"] {
        let (whole, sharded) = (fixtures().join("parity").join(name), scratch.path().join(name));
        std::fs::create_dir(&sharded).unwrap();
        shard(&whole, &sharded);
        let io = read_tensors(&whole.join("io.safetensors"));
        let errors = |dir: &Path| {
            if name.starts_with("t5") {
                llm_errors(dir, &io, &device)
            } else {
                encoder_errors(dir, &io, &device)
            }
        };
        assert_eq!(errors(&sharded), errors(&whole), "{name}");
    }
}
