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

    /// The ids that all of `prompts` begin with, before their first places; of each at least one id or place is left.
    pub fn common_beginning(prompts: &[Self]) -> &[u32] {
        let first = |prompt: &Self| prompt.parts.first().map_or(0, Vec::len);
        let free = |prompt: &Self| {
            if prompt.parts.len() > 1 { first(prompt) } else { first(prompt).saturating_sub(1) }
        };
        let Some((one, others)) = prompts.split_first() else { return &[] };
        let Some(ids) = one.parts.first() else { return &[] };
        let common = others.iter().fold(free(one), |common, other| {
            let same = other
                .parts
                .first()
                .map_or(0, |other| ids.iter().zip(other).take_while(|(one, other)| one == other).count());
            common.min(same).min(free(other))
        });
        &ids[..common]
    }

    /// The same without its first `count` ids.
    #[must_use]
    pub fn behind(&self, count: usize) -> Self {
        let mut parts = self.parts.clone();
        if let Some(first) = parts.first_mut() {
            first.drain(..count.min(first.len()));
        }
        Self { parts }
    }

    /// The same ids without a place.
    #[must_use]
    pub fn without_places(&self) -> Self {
        Self { parts: vec![self.parts.concat()] }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_share_what_they_all_begin_with() {
        let prompt = |parts: &[&[u32]]| PromptIds::new(parts.iter().map(|part| part.to_vec()).collect());
        let all = [prompt(&[&[1, 2, 3], &[9]]), prompt(&[&[1, 2, 4, 5], &[]]), prompt(&[&[1, 2], &[9]])];
        assert_eq!(PromptIds::common_beginning(&all), [1, 2]);
        assert_eq!(all[1].behind(2), prompt(&[&[4, 5], &[]]));
        assert_eq!(all[2].behind(2), prompt(&[&[], &[9]]));
        // A prompt without places keeps an id.
        assert_eq!(PromptIds::common_beginning(&[prompt(&[&[1, 2]]), prompt(&[&[1, 2]])]), [1]);
        assert_eq!(PromptIds::common_beginning(&all[..1]), [1, 2, 3]);
        assert!(PromptIds::common_beginning(&[]).is_empty());
    }
}
