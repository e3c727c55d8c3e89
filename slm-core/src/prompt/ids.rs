//! The ids of a prompt with places that speech takes, and the embeddings that a language model reads.
//!
//! Shapes: `B` prompts, `T` embeddings of speech, `S` positions, `D` the language model's width.

use burn::prelude::*;

use crate::llm::LanguageModel;
use crate::nn::{PaddedBatch, PaddedIds};
use crate::text::chat::ChatPrompt;

/// The ids of a prompt, cut where speech stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PromptIds {
    parts: Vec<Vec<u32>>,
}

impl PromptIds {
    /// The ids before the first place, between two, and after the last: one part more than places, empty ones among them.
    pub fn new(parts: Vec<Vec<u32>>) -> Self {
        Self { parts }
    }

    /// The ids between the places of speech.
    pub fn parts(&self) -> &[Vec<u32>] {
        &self.parts
    }

    /// The number of ids, places aside.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// Whether it has no ids.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&ChatPrompt> for PromptIds {
    fn from(prompt: &ChatPrompt) -> Self {
        Self::new(prompt.parts().into_iter().map(<[u32]>::to_vec).collect())
    }
}

/// Embeds prompts for `llm`, with speech in their places: of each place the speech of all rows, `[B, T, D]`, to
/// `[B, S, D]`. `device` is that of the language model; speech may be on the same with autodiff.
///
/// # Panics
///
/// If there is no prompt, or one has neither an id nor speech.
pub fn embed_prompts(
    llm: &LanguageModel,
    prompts: &[PromptIds],
    speech: &[PaddedBatch],
    device: &Device,
) -> PaddedBatch {
    let pad = llm.ids().pad;
    let mut pieces: Vec<(Tensor<3>, Vec<usize>)> = Vec::new();
    for number in 0..=speech.len() {
        let of = |prompt: &PromptIds| prompt.parts.get(number).cloned().unwrap_or_default();
        let mut rows: Vec<Vec<u32>> = prompts.iter().map(of).collect();
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        if lengths.iter().any(|&length| length > 0) {
            // A row without ids here holds padding, of which nothing is taken.
            rows.iter_mut().filter(|row| row.is_empty()).for_each(|row| row.push(pad));
            pieces.push((llm.embed(&PaddedIds::from_rows(&rows, pad, device)).values(), lengths));
        }
        if let Some(speech) = speech.get(number) {
            pieces.push((speech.values(), speech.lengths().to_vec()));
        }
    }
    let pieces: Vec<(Tensor<3>, &[usize])> =
        pieces.iter().map(|(values, lengths)| (values.clone(), lengths.as_slice())).collect();
    PaddedBatch::of_pieces(&pieces)
}
