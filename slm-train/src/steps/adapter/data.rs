//! Utterances, as the encoder hears them, and what the language model is to answer.

use std::path::Path;

use slm_core::models::adapter::AdapterShape;
use slm_core::models::adapter::reduction::ReducedSpeech;
use slm_core::models::nn::EncodedSpeech;

use super::{AdapterStage, Frozen};
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::manifest::{self, Utterance};
use crate::data::vocabulary::encode_all;

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

/// The words of a manifest, whose audio is not yet encoded: what can be wrong with it is found before the long work.
pub(super) struct Words {
    utterances: Vec<Utterance>,
    transcripts: Vec<Vec<u32>>,
    examples: Vec<Example>,
}

/// A manifest, encoded.
pub(super) struct Data {
    /// Of each utterance what the encoder gives.
    pub(super) speech: Vec<EncodedSpeech>,
    /// A hash of all that these depend on.
    pub(super) speech_key: String,
    /// The same, shortened.
    pub(super) reduced: Vec<ReducedSpeech>,
    /// What was said, in the language model's tokens.
    pub(super) transcripts: Vec<Vec<u32>>,
    /// What is learnt or judged by.
    pub(super) examples: Vec<Example>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

impl Words {
    /// Reads `manifest`.
    ///
    /// # Errors
    ///
    /// Rows or texts that cannot be read, all of them named, or no utterance with a target.
    pub(super) fn read(manifest: &Path, parts: &Frozen, config: &AdapterStage) -> anyhow::Result<Self> {
        let utterances = manifest::read(manifest)?;
        let transcripts = encode(parts, utterances.iter().map(|row| (row, row.text.as_str())))?;
        let eos = parts.llm.ids().eos;
        let mut examples = Vec::new();
        for (task, trained) in config.tasks.iter().enumerate() {
            let asked: Vec<(usize, &str)> = utterances
                .iter()
                .enumerate()
                .filter_map(|(speech, row)| Some((speech, trained.target(row)?)))
                .collect();
            let targets = encode(parts, asked.iter().map(|&(speech, text)| (&utterances[speech], text)))?;
            examples.extend(asked.iter().zip(targets).map(|(&(speech, _), mut target)| {
                target.push(eos);
                Example { speech, task, target }
            }));
        }
        // In the order of the utterances, and of an utterance in that of the tasks.
        examples.sort_by_key(|example| example.speech);
        anyhow::ensure!(
            !examples.is_empty(),
            "invalid manifest `{}`: no utterance has a target",
            manifest.display()
        );
        Ok(Self { utterances, transcripts, examples })
    }
}

/// The ids of texts that belong to utterances.
fn encode<'a>(
    parts: &Frozen,
    rows: impl Iterator<Item = (&'a Utterance, &'a str)>,
) -> anyhow::Result<Vec<Vec<u32>>> {
    encode_all(&parts.tokenizer, rows.map(|(row, text)| (row.audio_filepath.as_path(), text)))
}

impl Data {
    /// Encodes the utterances of `words`, but for those that are kept from before.
    ///
    /// # Errors
    ///
    /// As [`CachedEncoder::encode`].
    pub(super) fn encode(
        words: Words,
        parts: &Frozen,
        config: &AdapterStage,
        shape: &AdapterShape,
    ) -> anyhow::Result<Self> {
        let note = |text: String| {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        let encoder = CachedEncoder {
            dir: &config.cache,
            features: &parts.features,
            encoder: &parts.encoder,
            encoder_hash: &parts.encoder_hash,
            device: &parts.device,
        };
        let EncodedCorpus { speech, key } = encoder.encode(&words.utterances, &note)?;
        let reduced = speech.iter().map(|speech| shape.reduction.apply(speech)).collect();
        let Words { utterances, transcripts, examples } = words;
        let longest = utterances.iter().map(|row| row.duration).fold(0.0, f64::max);
        Ok(Self { speech, speech_key: key, reduced, transcripts, examples, longest })
    }
}
