//! What `slm-cli fetch` takes of repositories that people use, by lists of their files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "common/hub.rs"]
mod hub;

use hub::Hub;

/// The answer of the hub for a repository.
macro_rules! listing {
    ($name:literal) => {
        include_str!(concat!("listings/", $name, ".json"))
    };
}

/// Fetches the repository with these arguments more and compares what came.
fn assert_taken(listing: &str, args: &[&str], expected: &[&str]) {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.host(listing);
    let out = dir.path().join("model");
    let (code, stderr) = hub.fetch(&out, args);
    assert_eq!(code, 0, "{stderr}");
    hub.assert_whole(&out, expected);
}

/// What `fetch` says where it takes nothing.
fn refusal(listing: &str, args: &[&str]) -> String {
    let (hub, dir) = (Hub::new(), tempfile::tempdir().unwrap());
    hub.host(listing);
    let out = dir.path().join("model");
    let (code, stderr) = hub.fetch(&out, args);
    assert_eq!(code, 2, "{stderr}");
    assert!(!out.exists() && hub.requests().len() == 1, "only the listing is asked for");
    stderr
}

#[test]
fn whisper_comes_once_and_in_safetensors() {
    let needed = [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_taken(listing!("openai--whisper-base"), &[], &needed);
    assert_taken(listing!("openai--whisper-large-v3"), &[], &needed);
}

#[test]
fn granite_speech_comes_with_all_shards_and_its_template() {
    let needed = [
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
        "preprocessor_config.json",
        "processor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_taken(listing!("ibm-granite--granite-4.0-1b-speech"), &[], &needed);
    // Its template lies in `tokenizer_config.json`, and it has a LoRA adapter.
    let adapter = ["adapter_config.json", "adapter_model.safetensors"];
    let mut older = [&needed[..1], &adapter, &needed[2..]].concat();
    older.sort_unstable();
    assert_taken(listing!("ibm-granite--granite-speech-3.3-2b"), &[], &older);
}

#[test]
fn encoders_come_without_the_copies_of_other_programs() {
    assert_taken(
        listing!("nvidia--parakeet-ctc-0.6b"),
        &[],
        &[
            "README.md",
            "config.json",
            "model.safetensors",
            "processor_config.json",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ],
    );
    assert_taken(
        listing!("facebook--w2v-bert-2.0"),
        &[],
        &["README.md", "config.json", "model.safetensors", "preprocessor_config.json"],
    );
    assert_taken(
        listing!("facebook--wav2vec2-conformer-rel-pos-large-960h-ft"),
        &[],
        &[
            "README.md",
            "config.json",
            "preprocessor_config.json",
            "pytorch_model.bin",
            "special_tokens_map.json",
            "tokenizer_config.json",
            "vocab.json",
        ],
    );
}

#[test]
fn archives_come_where_there_is_nothing_else_or_they_are_asked_for() {
    let needed = [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "processor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    let canary = listing!("nvidia--canary-1b-v2");
    assert_taken(canary, &[], &needed);
    assert_taken(canary, &["--file", "canary-1b-v2.nemo"], &["README.md", "canary-1b-v2.nemo"]);
    assert_taken(listing!("nvidia--canary-1b-flash"), &[], &["README.md", "canary-1b-flash.nemo"]);
    assert_taken(
        listing!("nvidia--canary-qwen-2.5b"),
        &[],
        &["README.md", "config.json", "generation_config.json", "model.safetensors"],
    );
}

#[test]
fn language_models_come_in_one_form() {
    assert_taken(
        listing!("Qwen--Qwen3-0.6B"),
        &[],
        &[
            "LICENSE",
            "README.md",
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ],
    );
    let one = ["LICENSE", "Qwen3-0.6B-Q8_0.gguf", "README.md"];
    assert_taken(listing!("Qwen--Qwen3-0.6B-GGUF"), &[], &one);
}

#[test]
fn of_several_quantizations_one_is_named() {
    let several = listing!("bartowski--Qwen_Qwen3-0.6B-GGUF");
    let text = refusal(several, &[]);
    assert!(text.starts_with("error: `owner/model` has several models: "), "{text}");
    assert!(text.contains("Qwen_Qwen3-0.6B-Q4_K_M.gguf (0.0 MB)") && !text.contains("imatrix"), "{text}");
    assert!(text.contains("\nhint: `--file NAME` takes one"), "{text}");
    let named = ["--file", "Qwen_Qwen3-0.6B-Q8_0.gguf"];
    assert_taken(several, &named, &["Qwen_Qwen3-0.6B-Q8_0.gguf", "README.md"]);
    let text = refusal(several, &["--file", "Qwen3-0.6B-Q8_0.gguf"]);
    assert!(text.contains("no model in a file `Qwen3-0.6B-Q8_0.gguf`; there are Qwen_Qwen3"), "{text}");
    let text = refusal(listing!("Qwen--Qwen3-0.6B"), &["--file", "model.safetensors"]);
    assert!(text.contains("no file of it holds a model alone"), "{text}");
}
