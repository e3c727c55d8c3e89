//! Utterances, as the encoder hears them, and what the language model is to answer.

use slm_core::models::adapter::AdapterShape;
use slm_core::models::features::Features;
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::prompt::PromptIds;

use super::examples::{Example, Examples};
use super::fresh::Fresh;
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

/// A corpus, ready to be learnt from.
pub struct Data {
    speech: Speech,
    /// What is learnt or judged by.
    pub(super) examples: Examples,
    /// Of each source which of them it has.
    pub(super) groups: Vec<Vec<usize>>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

/// What the encoder gives for each utterance.
enum Speech {
    /// It is on disk; measured is the number of rows that the adapter reads.
    Kept(EncodedCorpus),
    /// It is computed for every step.
    Fresh(Box<Fresh>),
}

/// What a step reads of the data.
pub struct Batch {
    /// The examples.
    pub(super) examples: Vec<usize>,
    /// What is said in each.
    pub(super) speech: Heard,
    /// What is to be answered to each, with the end token.
    pub(super) targets: Vec<Vec<u32>>,
}

/// Speech before or behind the encoder.
pub(super) enum Heard {
    /// Behind it.
    States(Vec<EncodedSpeech>),
    /// Before it.
    Features(Vec<Features>),
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
        let reduced = |speech: &EncodedSpeech| shape.reduction.apply(speech).origins.len();
        let speech = encoder.encode(&words.rows, &reduced, &note)?;
        let Words { rows, counts, examples } = words;
        Ok(Self::of(Speech::Kept(speech), examples, &counts, rows.longest()))
    }

    /// The utterances of `words`, to be encoded anew for every step; targets end with the id `end`.
    ///
    /// # Errors
    ///
    /// As [`Fresh::new`].
    pub(super) fn fresh(
        words: Words,
        parts: &Frozen,
        config: &AdapterStage,
        shape: &AdapterShape,
        end: u32,
    ) -> anyhow::Result<Self> {
        let Words { rows, counts, examples } = words;
        let (longest, augment) = (rows.longest(), config.augment.clone().unwrap_or_default());
        let fresh = Fresh::new(rows, parts, &augment, shape.reduction, config.train.seed, end)?;
        Ok(Self::of(Speech::Fresh(Box::new(fresh)), examples, &counts, longest))
    }

    fn of(speech: Speech, examples: Examples, counts: &[usize], longest: f64) -> Self {
        let groups = mixture::groups(counts, examples.iter().map(|example| example.speech));
        Self { speech, examples, groups, longest }
    }

    /// How many utterances there are.
    pub(super) fn utterances(&self) -> usize {
        match &self.speech {
            Speech::Kept(corpus) => corpus.len(),
            Speech::Fresh(fresh) => fresh.len(),
        }
    }

    /// A hash of all that the utterances depend on.
    pub(super) fn key(&self) -> &str {
        match &self.speech {
            Speech::Kept(corpus) => corpus.key(),
            Speech::Fresh(fresh) => fresh.key(),
        }
    }

    /// How many rows the adapter reads of an utterance.
    pub(super) fn length(&self, utterance: usize) -> usize {
        match &self.speech {
            Speech::Kept(corpus) => corpus.measured(utterance),
            Speech::Fresh(fresh) => fresh.length(utterance),
        }
    }
}

impl Source for Data {
    type Batch = Batch;

    fn load(&self, draw: Draw) -> anyhow::Result<Batch> {
        let (speech, targets) = match &self.speech {
            Speech::Kept(corpus) => {
                let examples = draw.items.iter().map(|&item| self.examples.get(item));
                let read =
                    examples.map(|example| Ok((corpus.read(example.speech)?, example.target.to_vec())));
                let (speech, targets) = read.collect::<anyhow::Result<Vec<_>>>()?.into_iter().unzip();
                (Heard::States(speech), targets)
            }
            Speech::Fresh(fresh) => {
                let (features, targets) = fresh.load(&draw, &self.examples)?;
                (Heard::Features(features), targets)
            }
        };
        Ok(Batch { examples: draw.items, speech, targets })
    }
}
