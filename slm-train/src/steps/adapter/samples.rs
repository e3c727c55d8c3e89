//! What the language model answers to held-out speech while the adapter is trained.

use slm_core::models::decode;
use slm_core::models::nn::PaddedBatch;
use slm_core::models::prompt::{PromptIds, embed_prompts};

use super::examples::Example;
use super::{AdapterJob, Trained};
use crate::steps::sampling::sampling;
use crate::training::{Draw, Sample, Source};

impl AdapterJob {
    /// The answers to the first `count` held-out examples with speech, each asked for in the first phrasing of its task.
    pub(super) fn answers_to_held_out(&self, model: &Trained, count: usize) -> anyhow::Result<Vec<Sample>> {
        let is_spoken = |item: &usize| self.dev.examples.get(*item).speech.is_some();
        let items: Vec<usize> = (0..self.dev.examples.len()).filter(is_spoken).take(count).collect();
        let examples: Vec<Example> = items.iter().map(|&item| self.dev.examples.get(item)).collect();
        let batch = self.dev.load(Draw { step: 0, epoch: 0, items })?;
        let reduced: Vec<_> =
            self.states(&batch)?.iter().map(|speech| self.shape.reduction.apply(speech)).collect();
        let rows: Vec<&[f32]> = reduced.iter().map(|speech| speech.rows.as_slice()).collect();
        let Some(width) = reduced.first().map(|speech| speech.width) else { return Ok(Vec::new()) };
        let speech = model.adapter.forward(&PaddedBatch::from_rows(&rows, width, &self.device));
        let prompts: Vec<PromptIds> =
            examples.iter().map(|example| self.prompts.prompt(example, 0)).collect();
        let llm = model.beside(&self.llm);
        let memory = llm.encode(&embed_prompts(&llm, &prompts, &[speech], &self.device));
        let answers = decode::generate(&llm, &memory, &sampling(&self.tokenizer))?;
        let text = |ids: &[u32]| self.tokenizer.decode(ids);
        let sample = |(example, answer): (Example, decode::Hypothesis)| {
            let recording = example.speech.map(|speech| self.dev.recording(speech)).transpose()?;
            Ok(Sample {
                example: recording.unwrap_or_default(),
                reference: text(example.target)?,
                text: text(&answer.ids)?,
            })
        };
        examples.into_iter().zip(answers).map(sample).collect()
    }
}
