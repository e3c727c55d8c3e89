//! What the language model answers to held-out speech while the adapter is trained.

use slm_core::models::adapter::Adapter;
use slm_core::models::decode;
use slm_core::models::nn::PaddedBatch;
use slm_core::models::prompt::{PromptIds, embed_prompts};

use super::AdapterJob;
use super::data::Example;
use crate::steps::sampling::sampling;
use crate::training::Sample;

impl AdapterJob {
    /// The answers to the first `count` held-out examples, each asked for in the first phrasing of its task.
    pub(super) fn answers_to_held_out(&self, adapter: &Adapter, count: usize) -> anyhow::Result<Vec<Sample>> {
        let examples = &self.dev.examples[..count.min(self.dev.examples.len())];
        let reduced: Vec<_> = examples.iter().map(|example| &self.dev.reduced[example.speech]).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|speech| speech.rows.as_slice()).collect();
        let width = reduced.first().map_or(1, |speech| speech.width);
        let speech = adapter.forward(&PaddedBatch::from_rows(&rows, width, &self.device));
        let prompts: Vec<PromptIds> = examples
            .iter()
            .filter_map(|example| self.prompts.spoken(example.task).first().cloned())
            .collect();
        let memory = self.llm.encode(&embed_prompts(&self.llm, &prompts, &[speech], &self.device));
        let answers = decode::generate(&self.llm, &memory, &sampling(&self.tokenizer))?;
        let text = |ids: &[u32]| self.tokenizer.decode(ids);
        examples
            .iter()
            .zip(answers)
            .map(|(Example { speech, target, .. }, answer)| {
                let example = self.dev.names[*speech].clone();
                Ok(Sample { example, reference: text(target)?, text: text(&answer.ids)? })
            })
            .collect()
    }
}
