//! How a text is cut before its pieces are looked for, in byte-level vocabularies.

use serde_json::{Value, json};

/// Llama 3's pattern, and that of the vocabularies made like its.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen's, with each digit alone.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's since Nemo, which knows upper and lower case.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The steps that `tokenizer.ggml.pre` asks for. An unknown name means GPT-2's, as in transformers.
pub(super) fn steps(pre: &str) -> Value {
    let pattern = match pre {
        "llama3" | "llama-v3" | "llama-bpe" | "falcon3" | "smaug-bpe" | "dbrx" => LLAMA3,
        "qwen2" | "deepseek-r1-qwen" | "megrez" => QWEN2,
        "tekken" => TEKKEN,
        // Granite's: transformers does not read these files. Each digit is alone, then it is GPT-2's.
        "refact" => {
            let digits = json!({"type": "Digits", "individual_digits": true});
            return json!({"type": "Sequence", "pretokenizers": [digits, bytes(true)]});
        }
        _ => return bytes(true),
    };
    let split =
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    json!({"type": "Sequence", "pretokenizers": [split, bytes(false)]})
}

/// Characters to bytes; GPT-2's pattern is part of that step.
fn bytes(has_pattern: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": has_pattern})
}
