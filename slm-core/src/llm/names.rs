//! How files name the tensors of a decoder-only model: its own, those of a larger model that it is a part of, and those of
//! adapters for either.
//!
//! Reference: transformers 5.23.0, `GraniteSpeechForConditionalGeneration`; of what has another name in files that came from
//! its modules in memory, `GraniteSpeechModel`.

use super::lora::Lora;

/// The names of the head and of the embedding in a file of the model alone.
pub(super) const HEAD: &str = "lm_head.weight";
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";
/// What published files put before the names of the language model's tensors.
const PREFIX: &str = "language_model.";

/// How files name the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// As those of a language model alone.
    Alone,
    /// The whole language model behind a prefix.
    Published,
    /// Without its head, which lies beside it.
    InMemory,
}

impl Names {
    /// Those of files of which `has` tells whether names begin so.
    pub(super) fn of(has: impl Fn(&str) -> bool) -> Self {
        if has(&format!("model.{PREFIX}")) {
            Self::InMemory
        } else if has(PREFIX) {
            Self::Published
        } else {
            Self::Alone
        }
    }

    /// Those of an adapter, which may be one of a larger model.
    pub(super) fn of_adapter(adapter: &Lora) -> Self {
        Self::of(|prefix| adapter.paths().any(|map| map.starts_with(prefix)))
    }

    /// Whether an adapter of these names has matrices for the head.
    pub(super) fn have_head(self, adapter: &Lora) -> bool {
        let head = self.name(HEAD);
        adapter.paths().any(|map| head.strip_suffix(".weight") == Some(map))
    }

    /// The name in the file of the tensor at `path`.
    pub(super) fn name(self, path: &str) -> String {
        match (self, path.strip_prefix("model.")) {
            (Self::InMemory, Some(rest)) => format!("model.{PREFIX}{rest}"),
            (Self::InMemory, None) | (Self::Alone, _) => path.to_owned(),
            (Self::Published, _) => format!("{PREFIX}{path}"),
        }
    }
}
