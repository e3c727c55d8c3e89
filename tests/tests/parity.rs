//! Encoders and language models against transformers: every folder under `fixtures/parity`, and every sub-folder of
//! the one that the environment variable `SLM_PARITY_DIR` names.
//!
//! The bound is the largest absolute error relative to the root mean square of the reference, over real
//! positions. `SLM_BACKEND` chooses the backend. Token ids must be identical. Where a folder has `alone.safetensors`,
//! the rows of the padded batch are compared with what the reference makes of each row alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that prints a line a folder"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::tensor::Int;
use safetensors::SafeTensors;
use slm_core::Backend;
use slm_core::models::checkpoint::{CONFIG_FILE, Checkpoint, Layout};
use slm_core::models::decode::{DecodeConfig, Strategy, generate};
use slm_core::models::encoder::SpeechEncoder;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds, Watch};
use slm_tests::recogniser::{is_recogniser, recogniser_errors};
use slm_tests::{
    HostTensor, Kind, all_positions, backend, checkpoint, fixtures, read_tensors, relative_error, sub_folders,
};

/// In f32 on a CPU the order of sums explains 1e-5; an error of 1e-3 is a bug.
const BOUND_CPU: f64 = 1e-4;
/// GPU kernels sum in other orders and some use lower precision inside.
const BOUND_GPU: f64 = 1e-3;

type Tensors = BTreeMap<String, HostTensor>;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// The errors of a model's outputs, by output.
type Errors = Vec<(&'static str, f64)>;

/// The errors of an encoder.
fn encoder_errors(dir: &Path, io: &Tensors, device: &Device) -> Errors {
    let model = SpeechEncoder::load(&checkpoint(dir), device).unwrap_or_else(|error| panic!("{error}"));
    let input = io.get("input_features").or_else(|| io.get("input_values")).expect("an input");
    // A waveform is a row of frames of width 1.
    let mut shape = input.shape.clone();
    shape.resize(3, 1);
    let input = HostTensor { shape, ..input.clone() };
    // Whisper's are [B, M, T].
    let input = if matches!(model, SpeechEncoder::Whisper(_)) { input.transposed() } else { input };
    let lengths = lengths(io, &input);
    let features = PaddedBatch::new(input.to_device(device), lengths.clone());
    let states = model.forward(&features);
    if let Some(mask) = io.get("output_mask") {
        assert_eq!(states.lengths(), mask.row_lengths(), "lengths of the output");
    }
    let alone = dir.join("alone.safetensors");
    let alone = alone.exists().then(|| read_tensors(&alone));
    let is_padded: Vec<bool> = lengths.iter().map(|&length| length < input.shape[1]).collect();
    if let Some(alone) = &alone {
        assert!(is_padded.contains(&true), "no row is padded");
        assert_eq!(states.lengths(), alone["output_mask"].row_lengths(), "lengths of the rows alone");
    } else if is_padded.contains(&true) {
        // A convolution of the reference reads what the blocks left in a row's padding: its rows depend on their batch.
        let depends = match &model {
            SpeechEncoder::Wav2Vec2Bert(model) => model.config().add_adapter,
            SpeechEncoder::Wav2Vec2Conformer(_) => true,
            _ => false,
        };
        assert!(!depends, "rows are padded, and there is no `alone.safetensors`");
    }
    // A padded row is compared with its row in the batch only where there is no better reference.
    let in_batch = |row: usize, t: usize| t < states.lengths()[row] && (alone.is_none() || !is_padded[row]);
    let in_row = |row: usize, t: usize| t < states.lengths()[row];
    let logits = model.ctc_logits(&states).map(values);
    let found = [("last_hidden_state", Some(values(states.values()))), ("logits", logits)];
    let mut errors = Errors::new();
    for (name, found) in found {
        if let Some(expected) = io.get(name) {
            let found = found.as_ref().expect("a CTC head");
            errors.push((name, relative_error(found, expected, in_batch)));
        }
        if let (Some(expected), Some(found)) = (alone.as_ref().and_then(|alone| alone.get(name)), &found) {
            errors.push((name, relative_error(found, expected, in_row)));
        }
    }
    errors
}

/// The length of each row of `input`: as the mask says, or all of it.
fn lengths(io: &Tensors, input: &HostTensor) -> Vec<usize> {
    let mask = io.get("attention_mask").map(HostTensor::row_lengths);
    mask.unwrap_or_else(|| vec![input.shape[1]; input.shape[0]])
}

/// The errors of a language model; ids are compared exactly.
fn llm_errors(dir: &Path, io: &Tensors, device: &Device) -> Errors {
    let model = LanguageModel::load(&checkpoint(dir), device).unwrap_or_else(|error| panic!("{error}"));
    if matches!(model, LanguageModel::Causal(_) | LanguageModel::GemmaText(_)) {
        return causal_errors(&model, io, device);
    }
    let input = io.get("input_ids").or_else(|| io.get("inputs_embeds")).expect("an input");
    let lengths = lengths(io, input);
    let keep = |row: usize, t: usize| t < lengths[row];
    let from_embeddings = io
        .get("inputs_embeds")
        .map(|input| model.encode(&PaddedBatch::new(input.to_device(device), lengths.clone())));
    let from_ids = io.get("input_ids").map(|input| {
        let rows: Vec<Vec<u32>> =
            lengths.iter().enumerate().map(|(row, &n)| input.id_row(row)[..n].to_vec()).collect();
        model.encode(&model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, device)))
    });
    let memory = from_ids.or_else(|| from_embeddings.clone()).expect("an input");

    let mut errors = Errors::new();
    if let Some(expected) = io.get("encoder_last_hidden_state") {
        let error = relative_error(&values(memory.values()), expected, keep);
        errors.push(("encoder_last_hidden_state", error));
    }
    if let Some(inputs) = io.get("decoder_input_ids") {
        let rows: Vec<Vec<u32>> = (0..lengths.len()).map(|row| inputs.id_row(row)).collect();
        let ids = PaddedIds::from_rows(&rows, model.ids().pad, device).ids;
        if let Some(expected) = io.get("logits") {
            let logits = model.decode(&memory, ids.clone());
            errors.push(("logits", relative_error(&values(logits), expected, |_, _| true)));
            // Texts begin with the start token, which need not be the first id of the reference's inputs.
            let begun = |row: &Vec<u32>| [&[model.ids().decoder_start], &row[1..]].concat();
            let begun: Vec<Vec<u32>> = rows.iter().map(begun).collect();
            let ids = PaddedIds::from_rows(&begun, model.ids().pad, device).ids;
            errors.push(("cached logits", cached_error(&model, &memory, &ids)));
        }
        if let (Some(expected), Some(memory)) = (io.get("embeds_logits"), &from_embeddings) {
            let logits = model.decode(memory, ids);
            errors.push(("embeds_logits", relative_error(&values(logits), expected, |_, _| true)));
        }
    }
    for (name, strategy) in
        [("greedy_ids", Strategy::Greedy), ("beam4_ids", Strategy::Beam { size: 4, length_penalty: 1.0 })]
    {
        if let Some(expected) = io.get(name) {
            check_ids(name, &model, &memory, strategy, expected);
        }
    }
    errors
}

/// The largest gap between the logits of cached steps and those of all positions at once.
fn cached_error(model: &LanguageModel, memory: &PaddedBatch, ids: &Tensor<2, Int>) -> f64 {
    let at_once = model.decode(memory, ids.clone());
    let shape = at_once.dims().to_vec();
    let at_once = HostTensor { shape, values: values(at_once) };
    relative_error(&values(cached_logits(model, memory, ids)), &at_once, |_, _| true)
}

/// Logits after each of the decoder's input ids, a token at a time through the cache.
fn cached_logits(model: &LanguageModel, memory: &PaddedBatch, ids: &Tensor<2, Int>) -> Tensor<3> {
    let mut drafts = model.begin(memory, &Watch::default());
    let [batch, length] = ids.dims();
    let steps = (1..length).map(|t| drafts.state.step(ids.clone().slice([0..batch, t..t + 1])));
    let logits: Vec<Tensor<3>> =
        [drafts.first].into_iter().chain(steps).map(|at| at.unsqueeze_dim(1)).collect();
    Tensor::cat(logits, 1)
}

/// The errors of a decoder-only model: of ids whose rows have their padding before or after them, and of embeddings.
fn causal_errors(model: &LanguageModel, io: &Tensors, device: &Device) -> Errors {
    let mut errors = Errors::new();
    let inputs = [("", "input_ids"), ("right.", "right.input_ids"), ("inputs_embeds.", "inputs_embeds")];
    for (prefix, input) in inputs {
        let Some(input) = io.get(input) else { continue };
        let mask = &io[&format!("{prefix}attention_mask")];
        let (time, lengths) = (mask.shape[1], mask.row_lengths());
        let starts = mask.row_starts();
        let memory = if input.shape.len() == 3 {
            let width = input.shape[2];
            let rows = input.values.chunks(time * width).zip(&starts).zip(&lengths);
            let rows: Vec<&[f32]> =
                rows.map(|((row, start), length)| &row[start * width..(start + length) * width]).collect();
            PaddedBatch::from_rows(&rows, width, device)
        } else {
            let row = |row: usize| input.id_row(row)[starts[row]..starts[row] + lengths[row]].to_vec();
            let rows: Vec<Vec<u32>> = (0..lengths.len()).map(row).collect();
            model.embed(&PaddedIds::from_rows(&rows, model.ids().pad, device))
        };
        let (states, logits) = all_positions(model, &memory).unwrap();
        for (name, found) in [("last_hidden_state", states), ("logits", logits)] {
            let expected = io[&format!("{prefix}{name}")].turned(&starts);
            let keep = |row: usize, t: usize| t < lengths[row];
            errors.push((name, relative_error(&values(found), &expected, keep)));
        }
        for (name, strategy) in
            [("greedy_ids", Strategy::Greedy), ("beam4_ids", Strategy::Beam { size: 4, length_penalty: 1.0 })]
        {
            if let Some(expected) = io.get(&format!("{prefix}{name}")) {
                errors.push(("cached logits", causal_ids(name, model, &memory, strategy, expected)));
            }
        }
    }
    errors
}

/// Compares what is generated with the ids of the reference, which was made with the end ruled out, and gives the
/// largest gap between the logits of cached steps and those of all positions at once.
fn causal_ids(
    name: &str,
    model: &LanguageModel,
    memory: &PaddedBatch,
    strategy: Strategy,
    expected: &HostTensor,
) -> f64 {
    let steps = expected.shape[1];
    let mut config = DecodeConfig::default();
    config.strategy = strategy;
    config.max_new_tokens = steps;
    config.min_new_tokens = steps;
    let mut inputs = Vec::new();
    for (row, hypothesis) in generate(model, memory, &config).unwrap().iter().enumerate() {
        assert_eq!(hypothesis.ids, expected.id_row(row), "{name} of row {row}");
        inputs.push([&[model.ids().decoder_start], &hypothesis.ids[..steps - 1]].concat());
    }
    cached_error(model, memory, &PaddedIds::from_rows(&inputs, 0, &memory.values().device()).ids)
}

/// Generates and compares with the ids of the reference: after the start id the hypothesis, its end if it has one,
/// padding. Greedy references that never end were made with the end token ruled out.
fn check_ids(
    name: &str,
    model: &LanguageModel,
    memory: &PaddedBatch,
    strategy: Strategy,
    expected: &HostTensor,
) {
    let steps = expected.shape[1] - 1;
    let is_end = |id: &u32| model.ends().contains(id);
    let ends = (0..expected.shape[0]).any(|row| expected.id_row(row)[1..].iter().any(is_end));
    let min_new_tokens = if strategy == Strategy::Greedy && !ends { steps } else { 0 };
    let mut config = DecodeConfig::default();
    config.strategy = strategy;
    config.max_new_tokens = steps;
    config.min_new_tokens = min_new_tokens;
    for (row, hypothesis) in generate(model, memory, &config).unwrap().iter().enumerate() {
        assert_eq!(expected.id_row(row)[0], model.ids().decoder_start, "{name} of row {row} starts");
        let mut wanted = expected.id_row(row)[1..].to_vec();
        if let Some(end) = wanted.iter().position(is_end) {
            wanted.truncate(end);
        }
        assert_eq!(hypothesis.ids, wanted, "{name} of row {row}");
    }
}

/// The errors of the model in `dir`, or what is wrong with it.
fn errors(dir: &Path, device: &Device) -> Result<Errors, String> {
    let compare = || {
        let io = read_tensors(&dir.join("io.safetensors"));
        match Kind::of(&checkpoint(dir)) {
            Kind::Encoder if is_recogniser(&io) => recogniser_errors(dir, &io, device),
            Kind::Encoder => encoder_errors(dir, &io, device),
            Kind::LanguageModel => llm_errors(dir, &io, device),
        }
    };
    // A folder that fails is told like any other, and does not hide those after it.
    let errors = catch_unwind(AssertUnwindSafe(compare)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })?;
    if errors.is_empty() { Err("nothing to compare with".to_owned()) } else { Ok(errors) }
}

fn is_model(dir: &Path) -> bool {
    Checkpoint::open(dir)
        .is_ok_and(|checkpoint| checkpoint.has(CONFIG_FILE) || checkpoint.layout() == Layout::Nemo)
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
    assert!(folders.len() >= 59, "only {} folders", folders.len());
    if let Some(dir) = std::env::var_os("SLM_PARITY_DIR").map(PathBuf::from) {
        // Cargo runs a test in its package; whoever names a folder stands in the repository's root.
        let from_root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&dir);
        let others = sub_folders(if dir.exists() { &dir } else { &from_root });
        for dir in others {
            if is_model(&dir) {
                folders.push(dir);
            } else {
                println!("{}: no model, as it has no {CONFIG_FILE}", dir.display());
            }
        }
    }
    let mut failed = Vec::new();
    for dir in folders {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let result = errors(&dir, &device);
        match result.map(|errors| errors.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()) {
            Ok((output, worst)) if worst <= bound => {
                println!("{name}: worst error {worst:.2e} ({output}) ok");
            }
            Ok((output, worst)) => {
                println!("{name}: worst error {worst:.2e} ({output}) NOT OK");
                failed.push(name);
            }
            Err(reason) => {
                println!("{name}: NOT OK: {reason}");
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "failed or over {bound:.0e}: {failed:?}");
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
