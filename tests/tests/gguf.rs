//! GGUF files: tensors, configs and tokenizers are those of transformers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use slm_core::models::checkpoint::gguf::GgufFolder;
use slm_core::models::checkpoint::hash::sha256;
use slm_tests::fixtures;
use tokenizers::Tokenizer;

/// The folders that `make_gguf.py` writes or reads.
const FOLDERS: [&str; 9] =
    ["gemma3", "granite", "llama_k", "llama_mixed", "llama_pieces", "qwen2", "qwen3", "t5", "t5_plain"];

/// Where the file of SmolLM2 is, which `scripts/fetch-smollm2.sh` fetches.
const SMOLLM2: &str = "SLM_SMOLLM2";

/// What transformers reads from a file.
#[derive(Deserialize)]
struct Golden {
    config: Map<String, Value>,
    tensors: std::collections::BTreeMap<String, GoldenTensor>,
    texts: Vec<GoldenText>,
    #[serde(default)]
    chats: Vec<GoldenChat>,
}

#[derive(Deserialize)]
struct GoldenTensor {
    shape: Vec<usize>,
    sha256: String,
}

#[derive(Deserialize)]
struct GoldenText {
    text: String,
    ids: Vec<u32>,
    ids_with_special: Vec<u32>,
    decoded: Option<String>,
}

#[derive(Deserialize)]
struct GoldenChat {
    text: String,
    ids: Vec<u32>,
}

fn folder(name: &str) -> PathBuf {
    fixtures().join("gguf").join(name)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn golden(name: &str) -> Golden {
    read(&folder(name).join("golden.json"))
}

fn open(name: &str) -> GgufFolder {
    GgufFolder::open(&folder(name).join("model.gguf")).unwrap()
}

fn tokenizer(gguf: &GgufFolder) -> Tokenizer {
    let definition = gguf.read("tokenizer.json").unwrap().unwrap();
    Tokenizer::from_bytes(definition.to_string()).unwrap()
}

/// Every tensor of the model is in the file, and the file has no other.
fn check_tensors(gguf: &GgufFolder, golden: &Golden, place: &str) {
    for (name, expected) in &golden.tensors {
        let tensor = gguf.tensor(name).unwrap();
        assert_eq!(tensor.shape(), expected.shape, "{place}: {name}");
        let bytes: Vec<u8> = tensor.dequantize().iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(sha256(&bytes), expected.sha256, "{place}: {name}");
    }
    let names: Vec<&String> = gguf.tensors().map(|(name, ..)| name).collect();
    assert_eq!(names, golden.tensors.keys().collect::<Vec<_>>(), "{place}");
}

fn check_texts(tokenizer: &Tokenizer, golden: &Golden, place: &str) {
    assert!(golden.texts.len() > 5);
    for GoldenText { text, ids, ids_with_special, decoded } in &golden.texts {
        let found = tokenizer.encode(text.as_str(), false).unwrap();
        assert_eq!(found.get_ids(), ids, "{place}: {text:?}");
        let found = tokenizer.encode(text.as_str(), true).unwrap();
        assert_eq!(found.get_ids(), ids_with_special, "{place}: {text:?}");
        if let Some(decoded) = decoded {
            assert_eq!(tokenizer.decode(ids, true).unwrap(), *decoded, "{place}: {text:?}");
        }
    }
    for GoldenChat { text, ids } in &golden.chats {
        assert_eq!(tokenizer.encode(text.as_str(), false).unwrap().get_ids(), ids, "{place}: {text:?}");
    }
}

/// Numbers may differ as far as they did in f32.
fn is_same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            found.iter().all(|(key, value)| is_same(value, expected.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Number(_), Value::Number(_)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= 1e-7 * expected.abs()
        }
        _ => found == expected,
    }
}

fn check_config(gguf: &GgufFolder, golden: &Golden, but: &[&str], place: &str) {
    let found = gguf.read("config.json").unwrap().unwrap();
    let found = found.as_object().unwrap();
    for (key, value) in found {
        // transformers does not know the classes, nor the width of Qwen2's heads.
        let is_told = golden.config.contains_key(key) && key != "architectures";
        if is_told && !but.contains(&key.as_str()) {
            assert!(
                is_same(value, &golden.config[key]),
                "{place}: {key} is {value}, not {}",
                golden.config[key]
            );
        }
    }
    for key in ["model_type", "vocab_size", "tie_word_embeddings", "eos_token_id"] {
        assert!(found.contains_key(key), "{place}: {key}");
    }
}

#[test]
fn tensors_are_bit_for_bit_those_of_the_reference() {
    for name in FOLDERS {
        check_tensors(&open(name), &golden(name), name);
    }
}

#[test]
fn configs_are_those_of_transformers() {
    for name in FOLDERS {
        // Where transformers is mistaken about a file, see the documentation of the fixtures.
        let but: &[&str] = match name {
            "gemma3" => &["query_pre_attn_scalar"],
            "t5" => &["feed_forward_proj", "tie_word_embeddings"],
            _ => &[],
        };
        check_config(&open(name), &golden(name), but, name);
    }
    let config = |name| open(name).read("config.json").unwrap().unwrap();
    assert_eq!(config("gemma3")["query_pre_attn_scalar"], 32);
    assert_eq!(config("t5")["feed_forward_proj"], "gated-gelu");
    assert_eq!(config("t5")["tie_word_embeddings"], false);
}

#[test]
fn ids_are_those_of_the_reference() {
    for name in FOLDERS {
        check_texts(&tokenizer(&open(name)), &golden(name), name);
    }
    for name in ["gemma3", "llama_k", "llama_mixed", "qwen2", "qwen3", "t5"] {
        #[derive(Deserialize)]
        struct Texts {
            chats: Vec<GoldenChat>,
        }
        let Texts { chats } = read(&folder(name).join("texts.json"));
        let tokenizer = tokenizer(&open(name));
        for GoldenChat { text, ids } in chats {
            assert_eq!(tokenizer.encode(text, false).unwrap().get_ids(), ids, "{name}");
        }
    }
}

#[test]
fn settings_have_the_template_and_the_special_tokens() {
    let settings = open("llama_mixed").read("tokenizer_config.json").unwrap().unwrap();
    assert!(settings["chat_template"].as_str().unwrap().starts_with("{%- for m in messages -%}"));
    assert_eq!(settings["eos_token"], "<|im_end|>");
    assert_eq!((&settings["add_bos_token"], &settings["add_eos_token"]), (&false.into(), &false.into()));
    let settings = open("t5").read("tokenizer_config.json").unwrap().unwrap();
    assert_eq!((&settings["add_bos_token"], &settings["add_eos_token"]), (&false.into(), &true.into()));
    assert!(settings.get("chat_template").is_none());
    assert!(open("t5").read("generation_config.json").unwrap().is_none());
}

#[test]
fn smollm2_is_read_as_transformers_reads_it() {
    let Some(path) = std::env::var_os(SMOLLM2) else {
        eprintln!("skipped: `{SMOLLM2}` is not set; `scripts/fetch-smollm2.sh` tells how to set it");
        return;
    };
    let gguf = GgufFolder::open(Path::new(&path)).unwrap();
    let golden: Golden = read(&fixtures().join("gguf/smollm2.json"));
    check_config(&gguf, &golden, &[], "smollm2");
    check_texts(&tokenizer(&gguf), &golden, "smollm2");
    check_tensors(&gguf, &golden, "smollm2");
}
