//! Utterances, as the encoder hears them, and what the language model is to answer.

use std::path::Path;

use slm_core::adapter::AdapterShape;
use slm_core::adapter::reduction::ReducedSpeech;
use slm_core::encoder::EncodedSpeech;

use super::{AdapterStage, Frozen};
use crate::data::{encoded, manifest};

/// One utterance under one task.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// The place of the utterance.
    pub(super) speech: usize,
    /// The place of the task among those of the stage.
    pub(super) task: usize,
    /// What is to be answered, with the end token.
    pub(super) target: Vec<u32>,
}

/// A manifest, encoded.
pub(super) struct Data {
    /// Of each utterance what the encoder gives.
    pub(super) speech: Vec<EncodedSpeech>,
    /// The same, shortened.
    pub(super) reduced: Vec<ReducedSpeech>,
    /// What was said, in the language model's tokens.
    pub(super) transcripts: Vec<Vec<u32>>,
    /// What is learnt or judged by.
    pub(super) examples: Vec<Example>,
}

impl Data {
    /// Reads `manifest` and encodes its utterances.
    ///
    /// # Errors
    ///
    /// Audio or text that cannot be read, or no utterance with a target.
    pub(super) fn load(
        manifest: &Path,
        parts: &Frozen,
        config: &AdapterStage,
        shape: &AdapterShape,
    ) -> anyhow::Result<Self> {
        let utterances = manifest::read(manifest)?;
        let note = |text: String| {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        let speech = encoded::load_or_compute(
            &config.cache,
            &utterances,
            &parts.features,
            &parts.encoder,
            &parts.encoder_hash,
            &parts.device,
            &note,
        )?;
        let eos = parts.llm.ids().eos;
        let mut examples = Vec::new();
        for (index, utterance) in utterances.iter().enumerate() {
            for (task, trained) in config.tasks.iter().enumerate() {
                let Some(text) = trained.target(utterance) else { continue };
                let mut target = parts.tokenizer.encode(text)?;
                target.push(eos);
                examples.push(Example { speech: index, task, target });
            }
        }
        anyhow::ensure!(
            !examples.is_empty(),
            "invalid manifest `{}`: no utterance has a target",
            manifest.display()
        );
        let reduced = speech.iter().map(|speech| shape.reduction.apply(speech)).collect();
        let transcripts = utterances
            .iter()
            .map(|utterance| parts.tokenizer.encode(&utterance.text))
            .collect::<Result<_, _>>()?;
        Ok(Self { speech, reduced, transcripts, examples })
    }
}
