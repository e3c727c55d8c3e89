//! LoRA adapters of PEFT: what models say with them, and what is told of those that do not fit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::module::ModuleVisitor;
use burn::prelude::*;
use safetensors::SafeTensors;
use slm_core::Model;
use slm_core::models::checkpoint::{ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE};
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::llm::{Attachment, LanguageModel, Lora, LoraError};
use slm_core::models::nn::weights::{ComputeType, Placement};
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_tests::{HostTensor, all_positions, backend, checkpoint, fixtures, read_tensors, relative_error};

/// In f32 the order of sums explains 1e-5; a wrong scale moves the logits by more than their size.
const BOUND: f64 = 1e-4;

const ADAPTERS: [(&str, &str); 10] = [
    ("llama_tied", "queries_values"),
    ("qwen2_untied", "rank_stabilised"),
    ("granite_tied", "some_layers"),
    ("llama_tied", "patterns"),
    ("llama_tied", "tied_head"),
    ("t5_v11_gated_untied", "t5_all"),
    ("t5_v10_relu_tied", "t5_tied"),
    ("umt5", "umt5_values"),
    ("t5gemma", "t5gemma_all"),
    ("t5gemma2", "t5gemma2_some"),
];

type Tensors = BTreeMap<String, HostTensor>;

fn base(folder: &str) -> LanguageModel {
    let device = backend().device().unwrap();
    LanguageModel::load(&checkpoint(&fixtures().join("parity").join(folder)), &device).unwrap()
}

fn adapter(folder: &str) -> PathBuf {
    fixtures().join("lora").join(folder)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().unwrap()
}

/// What a model reads of a folder's inputs, and where each row began there.
fn memory(model: &LanguageModel, io: &Tensors) -> (PaddedBatch, Vec<usize>) {
    let mask = &io["attention_mask"];
    let (starts, lengths) = (mask.row_starts(), mask.row_lengths());
    let row = |row: usize| io["input_ids"].id_row(row)[starts[row]..starts[row] + lengths[row]].to_vec();
    let rows: Vec<Vec<u32>> = (0..starts.len()).map(row).collect();
    let ids = PaddedIds::from_rows(&rows, model.ids().pad, &backend().device().unwrap());
    (model.encode(&model.embed(&ids)), starts)
}

/// The logits for a folder's inputs, and of which positions they count.
fn logits(model: &LanguageModel, io: &Tensors) -> Vec<f32> {
    let (memory, _) = memory(model, io);
    if let Some((_, logits)) = all_positions(model, &memory) {
        return values(logits);
    }
    let ids = &io["decoder_input_ids"];
    let rows: Vec<Vec<u32>> = (0..ids.shape[0]).map(|row| ids.id_row(row)).collect();
    let ids = PaddedIds::from_rows(&rows, model.ids().pad, &backend().device().unwrap());
    values(model.decode(&memory, ids.ids))
}

/// How far logits are from those that PEFT gives.
fn error(model: &LanguageModel, io: &Tensors, expected: &HostTensor) -> f64 {
    let found = logits(model, io);
    if matches!(model, LanguageModel::Causal(_)) {
        let (starts, lengths) = (io["attention_mask"].row_starts(), io["attention_mask"].row_lengths());
        return relative_error(&found, &expected.turned(&starts), |row, t| t < lengths[row]);
    }
    relative_error(&found, expected, |_, _| true)
}

fn greedy(model: &LanguageModel, io: &Tensors, steps: usize) -> Vec<Vec<u32>> {
    let mut config = DecodeConfig::default();
    config.max_new_tokens = steps;
    config.min_new_tokens = steps;
    let (memory, _) = memory(model, io);
    generate(model, &memory, &config).unwrap().into_iter().map(|text| text.ids).collect()
}

#[test]
fn models_say_with_an_adapter_what_peft_says() {
    for (folder, name) in ADAPTERS {
        let io = read_tensors(&fixtures().join("parity").join(folder).join("io.safetensors"));
        let expected = read_tensors(&adapter(name).join("io.safetensors"));
        let lora = Lora::load(&checkpoint(&adapter(name))).unwrap();
        let plain = base(folder);
        let before = logits(&plain, &io);
        for attachment in [Attachment::Apart, Attachment::Merged] {
            let model = plain.with_lora(&lora, attachment).unwrap();
            let found = error(&model, &io, &expected["logits"]);
            assert!(found < BOUND, "{name}, {attachment:?}: {found}");
            let steps = expected["greedy_ids"].shape[1];
            for (row, ids) in greedy(&model, &io, steps).into_iter().enumerate() {
                assert_eq!(ids, expected["greedy_ids"].id_row(row), "{name}, {attachment:?}");
            }
        }
        // The model itself is another one, and stays bit for bit what it was.
        assert!(error(&plain, &io, &expected["logits"]) > 0.05, "{name}");
        assert_eq!(logits(&plain, &io), before, "{name}");
    }
}

/// Two adapters at once are both added, in whatever order.
#[test]
fn an_adapter_of_a_model_with_another_one_is_added_to_it() {
    let io = read_tensors(&fixtures().join("parity/llama_tied/io.safetensors"));
    let load = |name: &str| Lora::load(&checkpoint(&adapter(name))).unwrap();
    let (one, other) = (load("queries_values"), load("tied_head"));
    let both = |first: &Lora, second: &Lora, attachment| {
        let model = base("llama_tied").with_lora(first, attachment).unwrap();
        logits(&model.with_lora(second, attachment).unwrap(), &io)
    };
    let expected = both(&one, &other, Attachment::Merged);
    let shape = vec![expected.len()];
    let expected = HostTensor { shape, values: expected };
    let found = both(&other, &one, Attachment::Apart);
    let far = logits(&base("llama_tied").with_lora(&one, Attachment::Apart).unwrap(), &io);
    let size = |found: &[f32]| {
        let gaps = found.iter().zip(&expected.values).map(|(a, b)| f64::from((a - b).abs()));
        gaps.fold(0.0, f64::max)
    };
    assert!(size(&found) < 1e-3, "{}", size(&found));
    assert!(size(&far) > 0.1, "{}", size(&far));
}

#[test]
fn an_adapter_is_merged_in_the_type_of_the_model_and_kept_apart_in_f32() {
    let device = backend().device().unwrap();
    if ComputeType::F16.check(&device).is_err() {
        return;
    }
    let io = read_tensors(&fixtures().join("parity/llama_tied/io.safetensors"));
    let expected = read_tensors(&adapter("queries_values").join("io.safetensors"));
    let placement = Placement::new(&device).with_compute(ComputeType::F16);
    let model = LanguageModel::load(&checkpoint(&fixtures().join("parity/llama_tied")), placement).unwrap();
    let lora = Lora::load(&checkpoint(&adapter("queries_values"))).unwrap();
    for attachment in [Attachment::Apart, Attachment::Merged] {
        let model = model.with_lora(&lora, attachment).unwrap();
        let error = error(&model, &io, &expected["logits"]);
        assert!(error > 1e-5 && error < 0.1, "{attachment:?}: {error}");
    }
}

/// Blocks of few bits stay blocks: the thin matrices are applied with them, also those of a head that is the embedding, and of
/// several adapters at once.
#[test]
fn beside_few_bits_an_adapter_is_what_it_is_beside_the_same_values_in_f32() {
    let device = backend().device().unwrap();
    if ComputeType::Q8_0.check(&device).is_err() {
        return;
    }
    for (folder, names) in [
        ("qwen2_untied", &["rank_stabilised"][..]),
        ("t5_v11_gated_untied", &["t5_all"]),
        ("t5_v10_relu_tied", &["t5_tied", "t5_tied"]),
    ] {
        let place = fixtures().join("parity").join(folder);
        let io = read_tensors(&place.join("io.safetensors"));
        // The same values in f32: those of the folder that has them in blocks.
        let dir = tempfile::tempdir().unwrap();
        let blocks = dir.path().join("blocks");
        let stored = Model::quantization(&place, ComputeType::Q8_0).unwrap();
        stored.write(&blocks, |_| ControlFlow::Continue(())).unwrap();
        let load = |compute| {
            let placement = Placement::new(&device).with_compute(compute);
            LanguageModel::load(&checkpoint(&blocks), placement).unwrap()
        };
        let adapted = |base: LanguageModel, attachment| {
            names.iter().fold(base, |model, name| {
                let lora = Lora::load(&checkpoint(&adapter(name))).unwrap();
                model.with_lora(&lora, attachment).unwrap()
            })
        };
        let (few, full) = (load(ComputeType::Mixed), load(ComputeType::F32));
        let before = logits(&few, &io);
        let expected = logits(&adapted(full, Attachment::Apart), &io);
        for attachment in [Attachment::Apart, Attachment::Merged] {
            let model = adapted(few.clone(), attachment);
            // A tied model has a head more, by the same blocks.
            assert!(blocks_of(&model) >= blocks_of(&few), "{folder}, {attachment:?}");
            let found = logits(&model, &io);
            let near = cosine(&found, &expected);
            // As far as activations in eight bits are from floats.
            assert!(near > 0.99, "{folder}, {attachment:?}: {near}");
            assert!(cosine(&before, &expected) < near - 0.01, "{folder}: the adapter changes nothing");
        }
        assert_eq!(logits(&few, &io), before, "{folder}");
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// How many matrices of a module are in blocks.
fn blocks_of(model: &LanguageModel) -> usize {
    struct Count(usize);
    impl ModuleVisitor for Count {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0 += usize::from(name == "few_bits" && container == "Reparameterization");
        }
    }
    let mut count = Count(0);
    model.visit(&mut count);
    count.0
}

/// A copy of an adapter with another config and other tensors.
fn changed(
    name: &str,
    config: impl Fn(String) -> String,
    rename: impl Fn(&str) -> Option<String>,
) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(adapter(name).join(ADAPTER_CONFIG_FILE)).unwrap();
    std::fs::write(dir.path().join(ADAPTER_CONFIG_FILE), config(text)).unwrap();
    let bytes = std::fs::read(adapter(name).join(ADAPTER_WEIGHTS_FILE)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().filter_map(|(name, view)| Some((rename(&name)?, view)));
    let path = dir.path().join(ADAPTER_WEIGHTS_FILE);
    safetensors::serialize_to_file(tensors, None, &path).unwrap();
    let place = dir.path().to_owned();
    (dir, place)
}

fn load(place: &Path) -> Result<Lora, LoraError> {
    Lora::load(&checkpoint(place))
}

#[expect(clippy::unnecessary_wraps, reason = "one of the ways to rename, which may also leave out")]
fn same(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// The message of an adapter that does not load, or does not fit the model that it was made for.
fn message(config: impl Fn(String) -> String, rename: impl Fn(&str) -> Option<String>) -> String {
    let (_dir, place) = changed("queries_values", config, rename);
    match load(&place) {
        Err(error) => error.to_string(),
        Ok(lora) => base("llama_tied").with_lora(&lora, Attachment::Apart).unwrap_err().to_string(),
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let keep = |text: String| text;
    let layer = "base_model.model.model.layers.0.self_attn";
    let rank = message(|text| text.replace("\"r\": 4", "\"r\": 8"), same);
    assert!(rank.contains(&format!("`{layer}.q_proj.lora_A.weight` has rank 4, `r` is 8")), "{rank}");
    assert!(rank.contains("(made for `parity/llama_tied`)"), "{rank}");

    let rank =
        message(|text| text.replace("\"rank_pattern\": {}", "\"rank_pattern\": {\"v_proj\": 8}"), same);
    assert!(
        rank.contains(&format!("`{layer}.v_proj.lora_A.weight` has rank 4, `rank_pattern` is 8")),
        "{rank}"
    );
    assert!(!rank.contains("q_proj"), "{rank}");

    let target = message(|text| text.replace("\"q_proj\"", "\"q_proj\", \"query\""), same);
    assert!(
        target.ends_with("`target_modules` has `query`, the model has no linear map of this name"),
        "{target}"
    );

    let place =
        message(keep, |name| Some(name.replace("layers.0.self_attn.q_proj", "layers.9.self_attn.q_proj")));
    assert!(
        place.contains("layers.9.self_attn.q_proj.lora_A.weight` is for a linear map that the model"),
        "{place}"
    );
    assert!(place.contains("there are no matrices for `model.layers.0.self_attn.q_proj`"), "{place}");

    let half =
        message(keep, |name| (!name.contains("layers.0.self_attn.q_proj.lora_B")).then(|| name.to_owned()));
    assert!(half.ends_with(&format!("`{layer}.q_proj.lora_B.weight` is missing")), "{half}");

    let unread = message(keep, |name| Some(name.replace("lora_A", "lora_embedding_A")));
    assert!(
        unread.contains(&format!("`{layer}.q_proj.lora_embedding_A.weight` is no matrix of a LoRA")),
        "{unread}"
    );

    for (from, to, expected) in [
        ("\"LORA\"", "\"IA3\"", "`peft_type` is `IA3`, must be `LORA`"),
        ("\"bias\": \"none\"", "\"bias\": \"all\"", "`bias` is `all`, must be `none`"),
        ("\"use_dora\": false", "\"use_dora\": true", "`use_dora` is true, must be false"),
        (
            "\"rank_pattern\": {}",
            "\"rank_pattern\": {\"(q_proj\": 3}",
            "`(q_proj` is no pattern that is known",
        ),
        ("\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 0}", "`rank_pattern` has a rank of 0"),
    ] {
        let found = message(|text| text.replace(from, to), same);
        assert!(found.contains("adapter_config.json`") && found.contains(expected), "{found}");
    }
    // Names that a training program writes by itself.
    let (_dir, place) =
        changed("queries_values", keep, |name| Some(name.replace(".weight", ".default.weight")));
    base("llama_tied").with_lora(&load(&place).unwrap(), Attachment::Apart).unwrap();
}

/// What else an adapter's file may have: names of a larger model that was in memory, and the matrices of its base.
#[test]
fn an_adapter_of_a_larger_model_is_known_by_its_names() {
    let expected = read_tensors(&adapter("tied_head").join("io.safetensors"));
    let io = read_tensors(&fixtures().join("parity/llama_tied/io.safetensors"));
    let model = base("llama_tied");
    let prefixes: [fn(&str) -> Option<String>; 2] = [
        |name| {
            Some(
                name.replace("model.model.layers", "model.language_model.model.layers")
                    .replace("model.lm_head", "model.language_model.lm_head"),
            )
        },
        |name| Some(name.replace("model.model.layers", "model.model.language_model.layers")),
    ];
    for rename in prefixes {
        let (_dir, place) = changed("tied_head", |text| text, rename);
        let model = model.with_lora(&load(&place).unwrap(), Attachment::Apart).unwrap();
        let error = error(&model, &io, &expected["logits"]);
        assert!(error < BOUND, "{error}");
    }
    // The head that the adapter was trained beside is that of another model.
    let other = base_with("llama_tied", "model.embed_tokens.weight", |value| value * 1.1);
    let lora = load(&adapter("tied_head")).unwrap();
    let error = other.with_lora(&lora, Attachment::Apart).unwrap_err().to_string();
    assert!(
        error.ends_with("`base_model.model.lm_head.base_layer.weight` has other values than the model"),
        "{error}"
    );
}

/// A folder that transformers 5 wrote of a model with an adapter in it: the maps have other names, and the adapter's
/// matrices lie beside them.
#[test]
fn a_model_that_was_saved_with_an_adapter_in_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let source = fixtures().join("parity/llama_tied");
    std::fs::copy(source.join("config.json"), dir.path().join("config.json")).unwrap();
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let thin = std::fs::read(adapter("queries_values").join(ADAPTER_WEIGHTS_FILE)).unwrap();
    let (model, thin) = (SafeTensors::deserialize(&bytes).unwrap(), SafeTensors::deserialize(&thin).unwrap());
    let mapped = |name: &str| name.ends_with("q_proj.weight") || name.ends_with("v_proj.weight");
    let tensors = model
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            (if mapped(&name) { name.replace(".weight", ".base_layer.weight") } else { name }, view)
        })
        .chain(thin.tensors().into_iter().map(|(name, view)| {
            (name.replace("base_model.model.", "").replace(".weight", ".default.weight"), view)
        }));
    safetensors::serialize_to_file(tensors, None, &dir.path().join("model.safetensors")).unwrap();
    std::fs::copy(adapter("queries_values").join(ADAPTER_CONFIG_FILE), dir.path().join(ADAPTER_CONFIG_FILE))
        .unwrap();

    let io = read_tensors(&source.join("io.safetensors"));
    let expected = read_tensors(&adapter("queries_values").join("io.safetensors"));
    let folder = checkpoint(dir.path());
    let model = LanguageModel::load(&folder, &backend().device().unwrap()).unwrap();
    assert!(error(&model, &io, &io["logits"]) < BOUND);
    let model = model.with_lora(&Lora::load(&folder).unwrap(), Attachment::Apart).unwrap();
    assert!(error(&model, &io, &expected["logits"]) < BOUND);
}

/// A model one tensor of which was changed.
fn base_with(folder: &str, tensor: &str, change: impl Fn(f32) -> f32) -> LanguageModel {
    let dir = tempfile::tempdir().unwrap();
    let source = fixtures().join("parity").join(folder);
    std::fs::copy(source.join("config.json"), dir.path().join("config.json")).unwrap();
    let mut bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let (start, end) = {
        let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let (start, end) = metadata.info(tensor).unwrap().data_offsets;
        (8 + header + start, 8 + header + end)
    };
    for value in bytes[start..end].chunks_exact_mut(4) {
        let changed = change(f32::from_le_bytes(value.try_into().unwrap()));
        value.copy_from_slice(&changed.to_le_bytes());
    }
    std::fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    LanguageModel::load(&checkpoint(dir.path()), &backend().device().unwrap()).unwrap()
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let lora = load(&adapter("queries_values")).unwrap();
    let error = base("qwen3_tied").with_lora(&lora, Attachment::Apart).unwrap_err().to_string();
    assert!(error.contains("q_proj.lora_A.weight` is [4, 48], the model needs [4, 40]"), "{error}");
    // One that has fewer layers than the model.
    let lora = load(&adapter("rank_stabilised")).unwrap();
    let error = base("llama_tied").with_lora(&lora, Attachment::Apart).unwrap_err().to_string();
    assert!(error.contains("(made for `parity/qwen2_untied`)"), "{error}");
    let missing = |name: &str| load(&fixtures().join("parity").join(name)).unwrap_err().to_string();
    assert!(missing("llama_tied").contains("adapter_config.json"));
}
