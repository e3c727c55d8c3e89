//! The ids that mean something to a model itself.

use serde::Deserialize;

/// One id or a list, as files have it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

impl OneOrMany {
    pub(super) fn ids(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

/// The ids that mean something to the model itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenIds {
    /// Padding.
    pub pad: u32,
    /// The end of a sequence that the model reads, of several the first. What ends a text that it writes may be others,
    /// see [`LanguageModel::ends`](super::LanguageModel::ends).
    pub eos: u32,
    /// What the decoder starts from.
    pub decoder_start: u32,
}

impl TokenIds {
    /// The ids that a vocabulary of `rows` lacks, one text each; `start` is what the config calls the last one.
    pub(super) fn problems(&self, rows: usize, start: &str) -> Vec<String> {
        [("pad_token_id", self.pad), ("eos_token_id", self.eos), (start, self.decoder_start)]
            .into_iter()
            .filter(|(_, id)| *id as usize >= rows)
            .map(|(name, id)| format!("`{name}` {id}, vocabulary has {rows}"))
            .collect()
    }
}
