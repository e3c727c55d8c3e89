//! The ids that mean something to a model itself.

/// The ids that mean something to the model itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenIds {
    /// Padding.
    pub pad: u32,
    /// The end of a sequence, of several the first.
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
