//! A corpus behind the frozen encoder: its utterances and their variants.

use slm_core::models::nn::EncodedSpeech;
use slm_core::models::text::TextTokenizer;

use super::CtcLayersStage;
use crate::data::augment::SpecAugment;
use crate::data::encoded::{CachedEncoder, EncodedCorpus, Variants};
use crate::data::groups::{Group, groups};
use crate::data::mixture::{Corpus, MixedRows};
use crate::data::rows::Rows;
use crate::data::vocabulary;
use crate::steps::loss::states_needed;
use crate::steps::note;
use crate::training::{Draw, Source, rng_for};

/// The stream of random numbers that masks draw from.
const MASK_STREAM: u64 = 0x6d61_736b;

/// A corpus behind the frozen encoder.
pub(super) struct Speech {
    pub(super) corpus: EncodedCorpus,
    /// The row of the corpus of each item that can be learnt from: an utterance, or a variant of it.
    pub(super) rows: Vec<usize>,
    /// Of every utterance.
    labels: Vec<Vec<u32>>,
    texts: Vec<String>,
    /// The recording of each utterance, for samples.
    pub(super) names: Vec<String>,
    /// Of each source which of them it has.
    pub(super) groups: Vec<Group>,
    masks: SpecAugment,
    seed: u64,
}

/// What a step reads of the data.
pub(super) struct Batch {
    pub(super) states: Vec<EncodedSpeech>,
    pub(super) labels: Vec<Vec<u32>>,
}

impl Speech {
    /// Loads a manifest; utterances with more labels than states are left out, as CTC cannot align them.
    pub(super) fn load(
        corpus: &Corpus,
        config: &CtcLayersStage,
        tokenizer: &TextTokenizer,
        encoder: CachedEncoder<'_>,
        variants: Option<Variants>,
    ) -> anyhow::Result<Self> {
        let MixedRows { utterances, counts } = corpus.read(&|text| note(&text))?;
        let texts = utterances.iter().map(|row| (row.audio_filepath.as_path(), row.text.as_str()));
        let labels = vocabulary::encode_all(tokenizer, texts)?;
        let kept = Rows::keep(&config.cache, &utterances)?;
        let reduced = |speech: &EncodedSpeech| Ok(config.model.reduced(speech.len()));
        let encoded = encoder.encode_variants(&kept, variants, &reduced, &|text| note(&text))?;
        let is_usable = |&row: &usize| {
            let labels = &labels[row % utterances.len()];
            !labels.is_empty() && states_needed(labels) <= encoded.measured(row)
        };
        let rows: Vec<usize> = (0..encoded.len()).filter(is_usable).collect();
        anyhow::ensure!(!rows.is_empty(), "invalid manifest `{corpus}`: no usable utterance");
        Ok(Self {
            groups: groups(&counts, rows.iter().map(|&row| row % utterances.len())),
            names: utterances.iter().map(|row| row.audio_filepath.display().to_string()).collect(),
            texts: utterances.into_iter().map(|row| row.text).collect(),
            labels,
            corpus: encoded,
            rows,
            masks: config.spec_augment,
            seed: config.train.seed,
        })
    }

    /// The states of the layers for each item.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.rows.iter().map(|&row| self.corpus.measured(row)).collect()
    }

    /// The utterance of an item.
    pub(super) fn utterance(&self, item: usize) -> usize {
        self.rows[item] % self.labels.len()
    }

    /// The texts of all items.
    pub(super) fn item_texts(&self) -> Vec<String> {
        (0..self.rows.len()).map(|item| self.texts[self.utterance(item)].clone()).collect()
    }

    /// The labels of all items.
    pub(super) fn item_labels(&self) -> Vec<&[u32]> {
        (0..self.rows.len()).map(|item| self.labels[self.utterance(item)].as_slice()).collect()
    }

    /// What the frozen encoder gives for the items `items`.
    pub(super) fn states(&self, items: &[usize]) -> anyhow::Result<Vec<EncodedSpeech>> {
        items.iter().map(|&item| self.corpus.read(self.rows[item])).collect()
    }
}

impl Source for Speech {
    type Batch = Batch;

    fn load(&self, draw: Draw) -> anyhow::Result<Batch> {
        let mut states = self.states(&draw.items)?;
        let mut rng = rng_for(self.seed, MASK_STREAM, draw.step);
        for speech in &mut states {
            self.masks.apply(&mut speech.states, speech.width, &mut rng);
        }
        let labels = draw.items.iter().map(|&item| self.labels[self.utterance(item)].clone());
        Ok(Batch { states, labels: labels.collect() })
    }
}
