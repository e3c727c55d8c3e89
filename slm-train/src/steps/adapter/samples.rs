//! What the language model answers to held-out speech while the adapter is trained.

use slm_core::models::decode;
use slm_core::models::prompt::{PromptIds, adapter_input, embed_prompts};

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
        let states = self.states(&batch)?;
        let reduced = states.iter().map(|speech| self.rows.of(speech)).collect::<Result<Vec<_>, _>>()?;
        if reduced.is_empty() {
            return Ok(Vec::new());
        }
        let speech = model.adapter.forward(&adapter_input(&reduced, &self.llm, &self.device));
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
