//! LoRA adapters of PEFT: what models say with them, and what is told of those that do not fit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use slm_core::models::checkpoint::{ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE};
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::llm::{CausalLm, LanguageModel, Lora, LoraError};
use slm_core::models::nn::PaddedIds;
use slm_core::models::nn::weights::{ComputeType, Placement};
use slm_tests::{HostTensor, backend, checkpoint, fixtures, read_tensors, relative_error};

/// In f32 the order of sums explains 1e-5; a wrong scale moves the logits by more than their size.
const BOUND: f64 = 1e-4;

fn base(folder: &str) -> CausalLm {
    let device = backend().device().unwrap();
    CausalLm::load(&checkpoint(&fixtures().join("parity").join(folder)), &device).unwrap()
}

fn adapter(folder: &str) -> PathBuf {
    fixtures().join("lora").join(folder)
}

/// Rows of ids, padded at their end, and where each began.
fn rows(io: &std::collections::BTreeMap<String, HostTensor>) -> (Vec<Vec<u32>>, Vec<usize>) {
    let mask = &io["attention_mask"];
    let starts = mask.row_starts();
    let lengths = mask.row_lengths();
    let row = |row: usize| io["input_ids"].id_row(row)[starts[row]..starts[row] + lengths[row]].to_vec();
    ((0..starts.len()).map(row).collect(), starts)
}

#[test]
fn models_say_with_an_adapter_what_peft_says() {
    let device = backend().device().unwrap();
    for (folder, name) in [
        ("llama_tied", "queries_values"),
        ("qwen2_untied", "rank_stabilised"),
        ("granite_tied", "some_layers"),
    ] {
        let io = read_tensors(&fixtures().join("parity").join(folder).join("io.safetensors"));
        let expected = read_tensors(&adapter(name).join("io.safetensors"));
        let lora = Lora::load(&checkpoint(&adapter(name))).unwrap();
        let plain = base(folder);
        let (rows, starts) = rows(&io);
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let ids = PaddedIds::from_rows(&rows, 0, &device);
        let error = |model: &LanguageModel| {
            let LanguageModel::Causal(causal) = model else { panic!("{folder}") };
            let states = causal.states(&model.embed(&ids));
            let found = causal.logits(states.values()).try_into_vec_as::<f32>().unwrap();
            relative_error(&found, &expected["logits"].turned(&starts), |row, t| t < lengths[row])
        };
        let model = LanguageModel::Causal(plain.clone().with_lora(&lora).unwrap());
        let found = error(&model);
        assert!(found < BOUND, "{name}: {found}");
        // The model itself is another one.
        assert!(error(&LanguageModel::Causal(plain)) > 0.1);

        let steps = expected["greedy_ids"].shape[1];
        let mut config = DecodeConfig::default();
        config.max_new_tokens = steps;
        config.min_new_tokens = steps;
        let texts = generate(&model, &model.encode(&model.embed(&ids)), &config).unwrap();
        for (row, text) in texts.iter().enumerate() {
            assert_eq!(text.ids, expected["greedy_ids"].id_row(row), "{name}");
        }
    }
}

#[test]
fn an_adapter_is_merged_in_the_type_of_the_model() {
    let device = backend().device().unwrap();
    if ComputeType::F16.check(&device).is_err() {
        return;
    }
    let io = read_tensors(&fixtures().join("parity/llama_tied/io.safetensors"));
    let expected = read_tensors(&adapter("queries_values").join("io.safetensors"));
    let placement = Placement::new(&device).with_compute(ComputeType::F16);
    let model = CausalLm::load(&checkpoint(&fixtures().join("parity/llama_tied")), placement).unwrap();
    let lora = Lora::load(&checkpoint(&adapter("queries_values"))).unwrap();
    let model = LanguageModel::Causal(model.with_lora(&lora).unwrap());
    let LanguageModel::Causal(causal) = &model else { panic!() };
    let (rows, starts) = rows(&io);
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    let states = causal.states(&model.embed(&PaddedIds::from_rows(&rows, 0, &device)));
    let found = causal.logits(states.values()).try_into_vec_as::<f32>().unwrap();
    let error = relative_error(&found, &expected["logits"].turned(&starts), |row, t| t < lengths[row]);
    assert!(error > 1e-5 && error < 0.1, "{error}");
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
        Ok(lora) => base("llama_tied").with_lora(&lora).unwrap_err().to_string(),
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let keep = |text: String| text;
    let layer = "base_model.model.model.layers.0.self_attn";
    let rank = message(|text| text.replace("\"r\": 4", "\"r\": 8"), same);
    assert!(rank.contains(&format!("`{layer}.q_proj.lora_A.weight` has rank 4, `r` is 8")), "{rank}");
    assert!(rank.contains("(made for `parity/llama_tied`)"), "{rank}");

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
        ("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"q_proj\": 3}", "`alpha_pattern` is not empty"),
    ] {
        let found = message(|text| text.replace(from, to), same);
        assert!(found.contains("adapter_config.json`") && found.contains(expected), "{found}");
    }
    // Names that a training program writes by itself.
    let (_dir, place) =
        changed("queries_values", keep, |name| Some(name.replace(".weight", ".default.weight")));
    base("llama_tied").with_lora(&load(&place).unwrap()).unwrap();
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let lora = load(&adapter("queries_values")).unwrap();
    let error = base("qwen3_tied").with_lora(&lora).unwrap_err().to_string();
    assert!(error.contains("q_proj.lora_A.weight` is [4, 48], the model needs [4, 40]"), "{error}");
    // One that has fewer layers than the model.
    let lora = load(&adapter("rank_stabilised")).unwrap();
    let error = base("llama_tied").with_lora(&lora).unwrap_err().to_string();
    assert!(error.contains("(made for `parity/qwen2_untied`)"), "{error}");
    let missing = |name: &str| load(&fixtures().join("parity").join(name)).unwrap_err().to_string();
    assert!(missing("llama_tied").contains("adapter_config.json"));
}
