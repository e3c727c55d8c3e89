//! Utterances, as the encoder hears them, and what the language model is to answer.

use rayon::prelude::*;
use serde::Serialize;
use slm_core::models::adapter::AdapterShape;
use slm_core::models::adapter::reduction::ReducedSpeech;
use slm_core::models::nn::EncodedSpeech;
use slm_core::models::prompt::PromptIds;

use super::prompts::Prompts;
use super::{AdapterStage, Frozen};
use crate::data::encoded::{CachedEncoder, EncodedCorpus};
use crate::data::groups::{Group, divided, groups, source_of};
use crate::data::manifest::{Audio, Utterance};
use crate::data::mixture::{Corpus, MixedRows};
use crate::data::pool::{Asked, Asker, Misfit};
use crate::failures;

/// A row under one task.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Example {
    /// The place of its speech, where that is what the task is about.
    pub(super) speech: Option<usize>,
    /// The words in the place of speech, where there is none.
    pub(super) words: Option<String>,
    /// The place of the task among those that are learnt.
    pub(super) task: usize,
    /// What fills the slots of the task's phrasings.
    pub(super) slots: Vec<String>,
    /// Tokens of its prompt in the first phrasing.
    pub(super) prompt_tokens: usize,
    /// What is to be answered, with the end token.
    pub(super) target: Vec<u32>,
}

/// The words of a manifest, whose audio is not yet encoded: what can be wrong with it is found before the long work.
pub(super) struct Words {
    /// Those whose speech an example is about.
    utterances: Vec<Utterance>,
    pub(super) examples: Vec<Example>,
    /// Of each source which examples it has.
    groups: Vec<Group>,
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
    /// What is drawn from together.
    pub(super) groups: Vec<Group>,
    /// Seconds of the longest utterance.
    pub(super) longest: f64,
}

impl Words {
    /// Asks the tasks about the rows of `corpus`.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read or do not fit a task, all of them named, or no example.
    pub(super) fn read(corpus: &Corpus, asker: &mut Asker, prompts: &mut Prompts) -> anyhow::Result<Self> {
        let pool = asker.pool();
        let audio = if pool.reads_text() { Audio::Optional } else { Audio::Required };
        let MixedRows { utterances, counts, .. } = corpus.read_with(audio)?;
        let names = corpus.names();
        let mut asked: Vec<(usize, Asked)> = Vec::new();
        for (row, utterance) in utterances.iter().enumerate() {
            let source = source_of(&counts, row).and_then(|source| names[source]);
            asked.extend(asker.ask(utterance, source).into_iter().map(|one| (row, one)));
        }
        prompts.learn(asker.tasks())?;
        let make = |(row, one): &(usize, Asked)| prompts.example(one.clone(), *row, &utterances[*row].text);
        let made: Vec<Result<Example, Misfit>> = asked.par_iter().map(make).collect();
        let (mut examples, mut rows) = (Vec::new(), Vec::new());
        for ((row, one), made) in asked.iter().zip(made) {
            match made {
                Ok(example) => {
                    asker.accept(one, &utterances[*row]);
                    examples.push(example);
                    rows.push(*row);
                }
                Err(misfit) => asker.reject(one, &utterances[*row], &misfit),
            }
        }
        asker.finish()?.into_iter().for_each(note);
        anyhow::ensure!(!examples.is_empty(), "invalid manifest `{corpus}`: no task has an example");
        let of_sources = groups(&counts, rows.into_iter());
        let weights: Vec<f64> = asker.tasks().iter().map(|task| pool.weight(task)).collect();
        let groups = divided(of_sources, |item| examples[item].task, &weights, pool.temperature);
        Ok(Self { utterances: heard(utterances, &mut examples), examples, groups })
    }

    /// What the language model reads where it is given the transcript of each example, in each phrasing; nothing of those
    /// that have no speech.
    ///
    /// # Errors
    ///
    /// All transcripts that cannot be put to it.
    pub(super) fn taught(&self, prompts: &Prompts) -> anyhow::Result<Vec<Vec<PromptIds>>> {
        let taught = self.examples.iter().map(|example| {
            let Some(row) = example.speech.map(|speech| &self.utterances[speech]) else {
                return Ok(Vec::new());
            };
            let taught = prompts.taught(example, &row.text);
            taught.map_err(|misfit| format!("`{}`: {misfit}", row.audio_filepath.display()))
        });
        failures::all("texts", taught)
    }
}

/// The utterances whose speech `examples` are about, which then have their places among them.
fn heard(utterances: Vec<Utterance>, examples: &mut [Example]) -> Vec<Utterance> {
    let mut places: Vec<Option<usize>> = vec![None; utterances.len()];
    for speech in examples.iter().filter_map(|example| example.speech) {
        places[speech] = Some(0);
    }
    for (place, slot) in places.iter_mut().flatten().enumerate() {
        *slot = place;
    }
    examples.iter_mut().for_each(|example| example.speech = example.speech.and_then(|speech| places[speech]));
    utterances.into_iter().zip(&places).filter(|(_, place)| place.is_some()).map(|(row, _)| row).collect()
}

/// Tells on stderr what happens before the run has a log.
fn note(text: String) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
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
        let encoder = CachedEncoder {
            dir: &config.cache,
            features: &parts.features,
            encoder: &parts.encoder,
            encoder_hash: &parts.encoder_hash,
            device: &parts.device,
        };
        let EncodedCorpus { speech, key } = encoder.encode(&words.utterances, &note)?;
        let reduced = speech.iter().map(|speech| shape.reduction.apply(speech)).collect();
        let Words { utterances, examples, groups } = words;
        let longest = utterances.iter().map(|row| row.duration).fold(0.0, f64::max);
        Ok(Self { speech, speech_key: key, reduced, examples, groups, longest })
    }
}
