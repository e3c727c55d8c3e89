//! Decoder-only models in GGUF files: logits, ids, prompts and texts are those of transformers.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::path::Path;

use burn::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::decode::{DecodeConfig, generate};
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::PaddedIds;
use slm_core::models::text::TextTokenizer;
use slm_core::models::text::chat::{ChatEnd, ChatMessage, ChatTemplate};
use slm_tests::{all_positions, checkpoint, fixtures, read_tensors};

/// The folders with inputs and outputs.
const FOLDERS: [&str; 5] = ["gemma3", "llama_k", "llama_mixed", "qwen2", "qwen3"];
/// The largest difference of logits, by their root mean square.
const TOLERANCE: f32 = 1e-4;
/// Where the file of SmolLM2 is, which `scripts/fetch-smollm2.sh` fetches.
const SMOLLM2: &str = "SLM_SMOLLM2";

#[test]
fn logits_and_ids_are_those_of_the_reference() {
    let device = Device::flex();
    for name in FOLDERS {
        let folder = fixtures().join("gguf").join(name);
        let model = LanguageModel::load(&checkpoint(&folder.join("model.gguf")), &device).unwrap();
        let io = read_tensors(&folder.join("io.safetensors"));
        let (inputs, logits, ids) = (&io["input_ids"], &io["logits"], &io["greedy_ids"]);
        let (time, rows) = (inputs.shape[1], logits.values.len() / inputs.shape[0]);
        // Each row alone; its padding stands before it.
        for (row, length) in io["attention_mask"].row_lengths().into_iter().enumerate() {
            let tokens = PaddedIds::from_rows(&[&inputs.id_row(row)[time - length..]], 0, &device);
            let memory = model.embed(&tokens);
            let (_, found) = all_positions(&model, &memory).unwrap();
            let found = found.try_into_vec_as::<f32>().unwrap();
            let expected = &logits.values[(row + 1) * rows - found.len()..(row + 1) * rows];
            let square: f32 = expected.iter().map(|value| value * value).sum();
            let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let gap = largest / (square / expected.len() as f32).sqrt();
            assert!(gap < TOLERANCE, "{name}, row {row}: {gap}");
            let mut config = DecodeConfig::default();
            (config.max_new_tokens, config.min_new_tokens) = (ids.shape[1], ids.shape[1]);
            let texts = generate(&model, &memory, &config).unwrap();
            assert_eq!(texts[0].ids, ids.id_row(row), "{name}, row {row}");
        }
    }
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Map<String, Value>>,
    text: String,
    ids: Vec<u32>,
    #[serde(default)]
    greedy: Vec<u32>,
}

#[derive(Deserialize)]
struct Chats {
    chats: Vec<Chat>,
}

fn chats(path: &Path) -> Vec<Chat> {
    let Chats { chats } = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    chats
}

/// The prompt of a conversation is the one of the reference.
fn check_prompt(model: &Checkpoint, chat: &Chat) {
    let template = ChatTemplate::find(model).unwrap().unwrap();
    let messages: Vec<ChatMessage> =
        chat.messages.iter().map(|message| message.clone().into_iter().collect()).collect();
    let text = template.render(&messages, ChatEnd::Answer, &Map::new()).unwrap();
    assert_eq!(text, chat.text);
    let tokenizer = TextTokenizer::from_checkpoint(model).unwrap();
    assert_eq!(tokenizer.encode(&text).unwrap(), chat.ids);
}

#[test]
fn prompts_are_those_of_the_reference() {
    for name in FOLDERS {
        let folder = fixtures().join("gguf").join(name);
        let model = checkpoint(&folder.join("model.gguf"));
        for chat in chats(&folder.join("texts.json")) {
            check_prompt(&model, &chat);
        }
    }
}

#[test]
fn smollm2_writes_what_it_writes_in_transformers() {
    let Some(path) = std::env::var_os(SMOLLM2) else {
        eprintln!("skipped: `{SMOLLM2}` is not set; `scripts/fetch-smollm2.sh` tells how to set it");
        return;
    };
    let device = Device::flex();
    let files = checkpoint(Path::new(&path));
    let model = LanguageModel::load(&files, &device).unwrap();
    let chats = chats(&fixtures().join("gguf/smollm2.json"));
    // Three of them are not at their end by then.
    assert_eq!(chats.iter().filter(|chat| chat.greedy.len() == 64).count(), 3);
    for chat in chats {
        check_prompt(&files, &chat);
        let memory = model.embed(&PaddedIds::from_rows(&[&chat.ids], 0, &device));
        let mut config = DecodeConfig::default();
        config.max_new_tokens = 64;
        let texts = generate(&model, &memory, &config).unwrap();
        // transformers keeps the end, and writes nothing after it.
        let is_end = |id: &u32| model.ends().contains(id);
        let expected: Vec<u32> = chat.greedy.iter().copied().take_while(|id| !is_end(id)).collect();
        assert_eq!(texts[0].ids, expected, "{}", chat.text);
    }
}
