//! Utterances, as the encoder hears them, and what the language model is to answer.

use slm_core::models::adapter::{AdapterShape, LengthReduction};
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::prompt::PromptIds;

use super::examples::{Example, Examples};
use super::prompts::Prompts;
use super::{AdapterStage, Frozen};
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::mixture::{self, Corpus};
use crate::data::rows::{Rows, RowsWriter};
use crate::failures;
use crate::training::{Draw, Source};

/// The words of a corpus, whose audio is not yet encoded: what can be wrong with it is found before the long work.
pub(super) struct Words {
    rows: Rows,
    /// Of each source how many of them it has.
    counts: Vec<usize>,
    examples: Examples,
}

/// A corpus, encoded: the encoder's outputs are on disk.
pub struct Data {
    /// Of each utterance what the encoder gives; measured is the number of rows that the adapter reads.
    pub(super) speech: EncodedCorpus,
    /// What is learnt or judged by.
    pub(super) examples: Examples,
    /// Of each source which of them it has.
    pub(super) groups: Vec<Vec<usize>>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

/// What a step reads of the data.
pub struct Batch {
    /// The examples.
    pub(super) examples: Vec<usize>,
    /// What the encoder gives for each.
    pub(super) speech: Vec<EncodedSpeech>,
}

impl Words {
    /// Reads `corpus`, row by row; targets end with the id `end`.
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
        let mut rows = RowsWriter::create(&config.cache)?;
        let (mut examples, mut bad) = (Examples::default(), Vec::new());
        let mut texts = 0;
        let counts = corpus.stream(&mut |row| {
            let speech = rows.len();
            for (task, trained) in config.tasks.iter().enumerate() {
                let Some(text) = trained.target(&row) else { continue };
                texts += 1;
                match parts.tokenizer.encode(text) {
                    Ok(mut target) => {
                        target.push(end);
                        examples.push(Example { speech, task, target: &target });
                    }
                    Err(error) => bad.push(format!("`{}`: {error}", row.audio_filepath.display())),
                }
            }
            rows.push(&row)
        })?;
        anyhow::ensure!(bad.is_empty(), failures::summary("texts", texts, &bad));
        anyhow::ensure!(!examples.is_empty(), "invalid manifest `{corpus}`: no utterance has a target");
        Ok(Self { rows: rows.finish()?, counts, examples })
    }

    /// What the language model reads where it is given the transcript of each example, in each phrasing.
    ///
    /// # Errors
    ///
    /// All transcripts that cannot be put to it.
    pub(super) fn taught(&self, prompts: &Prompts) -> anyhow::Result<Vec<Vec<PromptIds>>> {
        let taught = self.examples.iter().map(|example| {
            let row = self.rows.get(example.speech)?;
            let written = prompts.written(example.task, &row.text);
            written.map_err(|error| anyhow::anyhow!("`{}`: {error}", row.audio_filepath.display()))
        });
        failures::all("texts", taught)
    }
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
        let reduction: LengthReduction = shape.reduction;
        let reduced = |speech: &EncodedSpeech| reduction.apply(speech).origins.len();
        let speech = encoder.encode(&words.rows, &reduced, &note)?;
        let Words { rows, counts, examples } = words;
        let groups = mixture::groups(&counts, examples.iter().map(|example| example.speech));
        Ok(Self { speech, examples, groups, longest: rows.longest() })
    }

    /// What the encoder gives for the utterances of `examples`.
    ///
    /// # Errors
    ///
    /// Outputs that cannot be read from the disk.
    pub(super) fn read(&self, examples: &[usize]) -> anyhow::Result<Vec<EncodedSpeech>> {
        examples.iter().map(|&example| self.speech.read(self.examples.get(example).speech)).collect()
    }
}

impl Source for Data {
    type Batch = Batch;

    fn load(&self, draw: Draw) -> anyhow::Result<Batch> {
        let speech = self.read(&draw.items)?;
        Ok(Batch { examples: draw.items, speech })
    }
}
