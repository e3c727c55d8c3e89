//! What a step puts to the models, and what the language model says to it.
//!
//! Shapes: `B` examples, `L` target positions, `V` vocabulary.

use burn::prelude::*;
use slm_core::models::adapter::ReducedSpeech;
use slm_core::models::llm::{LanguageModel, SharedPrompt};
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::models::prompt::{PromptIds, embed_prompts};

use crate::steps::loss::shift_right;

/// Ids that prompts have to begin with for these to be read apart.
const WORTHWHILE: usize = 8;

/// What is put to the adapter and the language model for some examples.
#[derive(Debug, Clone)]
pub struct StepInput {
    /// What the adapter reads of each; nothing where all have words in the place of speech.
    pub speech: Vec<ReducedSpeech>,
    /// The phrasing of each.
    pub(super) phrasings: Vec<usize>,
    /// What the language model reads of each, cut where the adapter's output stands.
    pub prompts: Vec<PromptIds>,
    /// What it is to answer, with the end token.
    pub targets: Vec<Vec<u32>>,
}

/// What all prompts of a step begin with, as a frozen language model reads it.
pub(super) struct Beginning {
    read: SharedPrompt,
}

impl Beginning {
    /// Reads it with `llm`, which is on `device`; `None` where there is little to gain.
    pub(super) fn read(llm: &LanguageModel, prompts: &[PromptIds], device: &Device) -> Option<Self> {
        let ids = PromptIds::common_beginning(prompts);
        if ids.len() < WORTHWHILE {
            return None;
        }
        let read = llm.read_shared(&PaddedIds::from_rows(&[ids], llm.ids().pad, device))?;
        Some(Self { read })
    }
}

/// `[B, L, V]`: what `llm`, which is on `device`, says to prompts, with `speech` in their places, when `targets` are given to it
/// so far. There are no logits of a prompt's own positions, so that nothing is learnt from them. `beginning` is what
/// was read of these prompts before.
pub(super) fn logits(
    llm: &LanguageModel,
    beginning: Option<&Beginning>,
    prompts: &[PromptIds],
    speech: &[PaddedBatch],
    targets: &[Vec<u32>],
    device: &Device,
) -> Tensor<3> {
    let ids = llm.ids();
    let decoder_inputs = shift_right(targets, ids.decoder_start);
    let decoder_inputs = PaddedIds::from_rows(&decoder_inputs, ids.pad, device).ids;
    let Some(Beginning { read }) = beginning else {
        return llm.decode(&llm.encode(&embed_prompts(llm, prompts, speech, device)), decoder_inputs);
    };
    let rest: Vec<PromptIds> = prompts.iter().map(|prompt| prompt.behind(read.len())).collect();
    llm.decode_behind(read, &llm.encode(&embed_prompts(llm, &rest, speech, device)), decoder_inputs)
}
