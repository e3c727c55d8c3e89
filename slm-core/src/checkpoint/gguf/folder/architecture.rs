//! The kinds of models that files hold, a line each.

use serde_json::{Map, Value};

use super::change::Change;
use super::fields::Fields;
use super::{decoder, gemma3, t5};
use crate::checkpoint::gguf::tokenizer::Spelling;

/// How files of one kind are seen as folders.
#[derive(Debug)]
pub(super) struct Architecture {
    /// What the file calls it; its keys begin with that.
    pub(super) name: &'static str,
    /// What `config.json` would say.
    pub(super) config: fn(&mut Fields<'_>) -> Map<String, Value>,
    /// The name that transformers has for a tensor.
    pub(super) name_of: fn(&Fields<'_>, &str) -> Option<String>,
    /// What was done to a tensor on the way into the file.
    pub(super) change: fn(&mut Fields<'_>, &str) -> Change,
    /// How a vocabulary of SentencePiece is to be read.
    pub(super) spelling: Spelling,
}

static ARCHITECTURES: [Architecture; 6] = [
    Architecture {
        name: "llama",
        config: decoder::llama,
        name_of: decoder::name_of,
        change: decoder::paired_rows,
        spelling: Spelling::Scores,
    },
    Architecture {
        name: "qwen2",
        config: decoder::qwen2,
        name_of: decoder::name_of,
        change: Change::none,
        spelling: Spelling::Scores,
    },
    Architecture {
        name: "qwen3",
        config: decoder::qwen3,
        name_of: decoder::name_of,
        change: Change::none,
        spelling: Spelling::Scores,
    },
    Architecture {
        name: "granite",
        config: decoder::granite,
        name_of: decoder::name_of,
        change: decoder::paired_rows,
        spelling: Spelling::Scores,
    },
    Architecture {
        name: "gemma3",
        config: gemma3::config,
        name_of: gemma3::name_of,
        change: gemma3::change,
        spelling: Spelling::Order,
    },
    Architecture {
        name: "t5",
        config: t5::config,
        name_of: t5::name_of,
        change: Change::none,
        spelling: Spelling::Scores,
    },
];

/// The kind that files call `name`.
pub(super) fn named(name: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|architecture| architecture.name == name)
}

/// All names, for messages.
pub(super) fn known() -> String {
    let names: Vec<&str> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
    names.join(", ")
}
