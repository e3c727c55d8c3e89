//! What a step puts to the models, and what the language model says to it.
//!
//! Shapes: `B` examples, `L` target positions, `V` vocabulary.

use burn::prelude::*;
use slm_core::models::adapter::ReducedSpeech;
use slm_core::models::llm::LanguageModel;
use slm_core::models::nn::{PaddedBatch, PaddedIds};
use slm_core::models::prompt::{PromptIds, embed_prompts};

use crate::steps::loss::shift_right;

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

/// `[B, L, V]`: what `llm`, which is on `device`, says to prompts, with `speech` in their places, when `targets` are given to it
/// so far. There are no logits of a prompt's own positions, so that nothing is learnt from them.
pub(super) fn logits(
    llm: &LanguageModel,
    prompts: &[PromptIds],
    speech: &[PaddedBatch],
    targets: &[Vec<u32>],
    device: &Device,
) -> Tensor<3> {
    let ids = llm.ids();
    let memory = llm.encode(&embed_prompts(llm, prompts, speech, device));
    let decoder_inputs = shift_right(targets, ids.decoder_start);
    llm.decode(&memory, PaddedIds::from_rows(&decoder_inputs, ids.pad, device).ids)
}
