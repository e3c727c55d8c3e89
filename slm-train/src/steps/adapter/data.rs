//! Utterances, as the encoder hears them, and what the language model is to answer.

use slm_core::models::adapter::AdapterShape;
use slm_core::models::adapter::reduction::ReducedSpeech;
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::prompt::PromptIds;
use slm_core::models::text::TextTokenizer;

use super::prompts::Prompts;
use super::{AdapterStage, Frozen};
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::manifest::Utterance;
use crate::data::mixture::{self, Corpus, MixedRows};
use crate::data::vocabulary::encode_all;
use crate::failures;

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
    /// Of each source how many of them it has.
    counts: Vec<usize>,
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
    /// What is learnt or judged by.
    pub(super) examples: Vec<Example>,
    /// Of each source which of them it has.
    pub(super) groups: Vec<Vec<usize>>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

impl Words {
    /// Reads `corpus`; targets end with the id `end`.
    ///
    /// # Errors
    ///
    /// Rows or texts that cannot be read, all of them named, or no utterance with a target.
    pub(super) fn read(
        corpus: &Corpus,
        parts: &Frozen,
        config: &AdapterStage,
        end: u32,
    ) -> anyhow::Result<Self> {
        let MixedRows { utterances, counts, .. } = corpus.read()?;
        let mut examples = Vec::new();
        for (task, trained) in config.tasks.iter().enumerate() {
            let asked: Vec<(usize, &str)> = utterances
                .iter()
                .enumerate()
                .filter_map(|(speech, row)| Some((speech, trained.target(row)?)))
                .collect();
            let targets = encode(parts, asked.iter().map(|&(speech, text)| (&utterances[speech], text)))?;
            examples.extend(asked.iter().zip(targets).map(|(&(speech, _), mut target)| {
                target.push(end);
                Example { speech, task, target }
            }));
        }
        // In the order of the utterances, and of an utterance in that of the tasks.
        examples.sort_by_key(|example| example.speech);
        anyhow::ensure!(!examples.is_empty(), "invalid manifest `{corpus}`: no utterance has a target");
        Ok(Self { utterances, counts, examples })
    }

    /// The ids of each utterance's transcript.
    ///
    /// # Errors
    ///
    /// All texts that cannot be written with the pieces of `labels`.
    pub(super) fn transcripts(&self, labels: &TextTokenizer) -> anyhow::Result<Vec<Vec<u32>>> {
        let rows = self.utterances.iter().map(|row| (row.audio_filepath.as_path(), row.text.as_str()));
        encode_all(labels, rows)
    }

    /// What the language model reads where it is given the transcript of each example, in each phrasing.
    ///
    /// # Errors
    ///
    /// All transcripts that cannot be put to it.
    pub(super) fn taught(&self, prompts: &Prompts) -> anyhow::Result<Vec<Vec<PromptIds>>> {
        let taught = self.examples.iter().map(|example| {
            let row = &self.utterances[example.speech];
            let written = prompts.written(example.task, &row.text);
            written.map_err(|error| format!("`{}`: {error}", row.audio_filepath.display()))
        });
        failures::all("texts", taught)
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
        let Words { utterances, counts, examples } = words;
        let groups = mixture::groups(&counts, examples.iter().map(|example| example.speech));
        let longest = utterances.iter().map(|row| row.duration).fold(0.0, f64::max);
        Ok(Self { speech, speech_key: key, reduced, examples, groups, longest })
    }
}
