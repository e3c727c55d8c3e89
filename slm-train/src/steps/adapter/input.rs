//! What a step puts to the models.

use slm_core::models::adapter::reduction::ReducedSpeech;
use slm_core::models::prompt::PromptIds;

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
