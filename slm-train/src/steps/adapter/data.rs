//! Utterances, as the encoder hears them, and what the language model is to answer.

use slm_core::models::adapter::AdapterShape;
use slm_core::models::features::Features;
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::prompt::SpeechRows;

use super::examples::Examples;
use super::fresh::Fresh;
use super::tried::Tried;
use super::words::Words;
use super::{AdapterStage, Frozen};
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::groups::Group;
use crate::data::manifest::Utterance;
use crate::data::rows::Rows;
use crate::steps::note;
use crate::training::{Draw, Source};

/// A corpus, ready to be learnt from.
pub struct Data {
    speech: Speech,
    /// What is learnt or judged by.
    pub(super) examples: Examples,
    /// What is drawn from together.
    pub(super) groups: Vec<Group>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

/// What the encoder gives for each utterance.
enum Speech {
    /// It is on disk; measured is the number of rows that the adapter reads.
    Kept { corpus: EncodedCorpus, rows: Rows },
    /// It is computed for every step.
    Fresh(Box<Fresh>),
    /// Of a few utterances it is on disk, for a dry run.
    Tried(Box<Tried>),
}

/// What a step reads of the data.
pub struct Batch {
    /// Examples with speech.
    pub(super) spoken: Part,
    /// What is said in each of them.
    pub(super) speech: Heard,
    /// Examples with words in the place of speech, which are read without the adapter.
    pub(super) written: Part,
}

/// Some of the examples of a batch.
pub(super) struct Part {
    /// Their places.
    pub(super) examples: Vec<usize>,
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

impl Batch {
    /// Tokens that are to be answered.
    pub(super) fn tokens(&self) -> usize {
        [&self.spoken, &self.written].into_iter().flat_map(|part| &part.targets).map(Vec::len).sum()
    }
}

impl Part {
    /// Whether no example is of this kind.
    pub(super) fn is_empty(&self) -> bool {
        self.examples.is_empty()
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
        rows_of: &SpeechRows,
    ) -> anyhow::Result<Self> {
        let encoder = CachedEncoder {
            dir: &config.cache,
            features: &parts.features,
            encoder: &parts.encoder,
            encoder_hash: &parts.encoder_hash,
            layers: shape.encoder_layers.len() + 1,
            device: &parts.device,
        };
        let reduced = |speech: &EncodedSpeech| Ok(rows_of.of(speech)?.origins.len());
        let Words { rows, examples, groups } = words;
        let (corpus, longest) = (encoder.encode(&rows, &reduced, &|text| note(&text))?, rows.longest());
        Ok(Self { speech: Speech::Kept { corpus, rows }, examples, groups, longest })
    }

    /// The utterances of `words` for a dry run, which encodes a few of them, and those of its steps.
    ///
    /// # Errors
    ///
    /// As [`Tried::new`].
    pub(super) fn tried(
        words: Words,
        parts: &Frozen,
        config: &AdapterStage,
        shape: &AdapterShape,
        rows_of: &SpeechRows,
    ) -> anyhow::Result<Self> {
        let reduced = |speech: &EncodedSpeech| Ok(rows_of.of(speech)?.origins.len());
        let Words { rows, examples, groups } = words;
        let (longest, layers) = (rows.longest(), shape.encoder_layers.len() + 1);
        let tried = Tried::new(rows, parts, &config.cache, layers, &reduced)?;
        Ok(Self { speech: Speech::Tried(Box::new(tried)), examples, groups, longest })
    }

    /// The utterances of `words` for a dry run, which takes no steps with them.
    pub(super) fn untouched(words: Words, parts: &Frozen, config: &AdapterStage) -> Self {
        let Words { rows, examples, groups } = words;
        let longest = rows.longest();
        let tried = Tried::untouched(rows, parts, &config.cache, 1);
        Self { speech: Speech::Tried(Box::new(tried)), examples, groups, longest }
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
        let Words { rows, examples, groups } = words;
        let longest = rows.longest();
        let fresh = Fresh::new(rows, parts, config, shape.reduction, end)?;
        Ok(Self { speech: Speech::Fresh(Box::new(fresh)), examples, groups, longest })
    }

    /// The corpus as a dry run has it.
    pub(super) fn as_tried(&self) -> Option<&Tried> {
        match &self.speech {
            Speech::Tried(tried) => Some(tried),
            Speech::Kept { .. } | Speech::Fresh(_) => None,
        }
    }

    /// How many utterances there are.
    pub(super) fn utterances(&self) -> usize {
        match &self.speech {
            Speech::Kept { corpus, .. } => corpus.len(),
            Speech::Fresh(fresh) => fresh.len(),
            Speech::Tried(tried) => tried.len(),
        }
    }

    /// A hash of all that the utterances depend on, for which a dry run has no use.
    pub(super) fn key(&self) -> &str {
        match &self.speech {
            Speech::Kept { corpus, .. } => corpus.key(),
            Speech::Fresh(fresh) => fresh.key(),
            Speech::Tried(_) => "",
        }
    }

    /// The row of an utterance.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read again.
    pub(super) fn row(&self, utterance: usize) -> anyhow::Result<Utterance> {
        match &self.speech {
            Speech::Kept { rows, .. } => rows.get(utterance),
            Speech::Fresh(fresh) => fresh.row(utterance),
            Speech::Tried(tried) => tried.row(utterance),
        }
    }

    /// The recording of an utterance.
    ///
    /// # Errors
    ///
    /// As [`Self::row`].
    pub(super) fn recording(&self, utterance: usize) -> anyhow::Result<String> {
        Ok(self.row(utterance)?.audio_filepath.display().to_string())
    }

    /// How many rows the adapter reads of an utterance.
    pub(super) fn length(&self, utterance: usize) -> usize {
        match &self.speech {
            Speech::Kept { corpus, .. } => corpus.measured(utterance),
            Speech::Fresh(fresh) => fresh.length(utterance),
            Speech::Tried(tried) => tried.length(utterance),
        }
    }
}

impl Source for Data {
    type Batch = Batch;

    fn load(&self, draw: Draw) -> anyhow::Result<Batch> {
        let Draw { step, epoch, items } = draw;
        let (spoken, written): (Vec<usize>, Vec<usize>) =
            items.into_iter().partition(|&item| self.examples.get(item).speech.is_some());
        let targets = |items: &[usize]| -> Vec<Vec<u32>> {
            items.iter().map(|&item| self.examples.get(item).target.to_vec()).collect()
        };
        let written = Part { targets: targets(&written), examples: written };
        let places = spoken.iter().filter_map(|&item| self.examples.get(item).speech);
        let (speech, targets) = match &self.speech {
            Speech::Kept { corpus, .. } => {
                let states = places.map(|place| corpus.read(place)).collect::<anyhow::Result<_>>()?;
                (Heard::States(states), targets(&spoken))
            }
            Speech::Tried(tried) => {
                let states = places.map(|place| tried.read(place)).collect::<anyhow::Result<_>>()?;
                (Heard::States(states), targets(&spoken))
            }
            Speech::Fresh(fresh) => {
                let draw = Draw { step, epoch, items: spoken.clone() };
                let (features, targets) = fresh.load(&draw, &self.examples)?;
                (Heard::Features(features), targets)
            }
        };
        Ok(Batch { spoken: Part { examples: spoken, targets }, speech, written })
    }
}
