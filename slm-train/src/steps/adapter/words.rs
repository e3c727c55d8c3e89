//! The words of a corpus: what its tasks ask about every row, before any audio is heard.

use std::mem;
use std::path::Path;

use rayon::prelude::*;
use slm_core::models::text::TextTokenizer;

use super::examples::{Examples, NewExample};
use super::prompts::Prompts;
use crate::data::groups::{self, Group};
use crate::data::manifest::{Audio, Utterance};
use crate::data::mixture::Corpus;
use crate::data::pool::{Asked, Asker, Misfit};
use crate::data::rows::{Rows, RowsWriter};
use crate::failures;
use crate::steps::note;

/// Rows whose texts become ids together, by all threads.
const CHUNK: usize = 1 << 10;

/// The words of a corpus, whose audio is not yet encoded: what can be wrong with it is found before the long work.
pub(super) struct Words {
    /// Those whose speech an example is about.
    pub(super) rows: Rows,
    pub(super) examples: Examples,
    /// What is drawn from together.
    pub(super) groups: Vec<Group>,
}

/// Rows that become examples.
struct Reader {
    rows: RowsWriter,
    examples: Examples,
    /// The source of each example.
    sources: Vec<u32>,
    waiting: Vec<Waiting>,
}

/// A row, and what is asked about it.
struct Waiting {
    source: usize,
    row: Utterance,
    asked: Vec<Asked>,
}

impl Words {
    /// Asks the tasks about the rows of `corpus`, which are kept in the folder `dir`.
    ///
    /// # Errors
    ///
    /// Rows that cannot be read or do not fit a task, all of them named, or no example.
    pub(super) fn read(
        corpus: &Corpus,
        dir: &Path,
        asker: &mut Asker,
        prompts: &mut Prompts,
    ) -> anyhow::Result<Self> {
        let pool = asker.pool();
        let audio = if pool.reads_text() { Audio::Optional } else { Audio::Required };
        let names = corpus.names();
        let mut reader = Reader {
            rows: RowsWriter::create(dir)?,
            examples: Examples::default(),
            sources: Vec::new(),
            waiting: Vec::with_capacity(CHUNK),
        };
        let mut take = |source: usize, row: Utterance| {
            let asked = asker.ask(&row, names[source]);
            if !asked.is_empty() {
                reader.waiting.push(Waiting { source, row, asked });
            }
            if reader.waiting.len() < CHUNK { Ok(()) } else { reader.make(asker, prompts) }
        };
        let counts = corpus.stream(audio, &mut take, &|text| note(&text))?;
        reader.make(asker, prompts)?;
        asker.finish()?.iter().for_each(|text| note(text));

        let Reader { rows, examples, sources, .. } = reader;
        anyhow::ensure!(!examples.is_empty(), "invalid manifest `{corpus}`: no task has an example");
        let of_sources = groups::of_sources(counts.len(), sources.into_iter().map(|source| source as usize));
        let weights: Vec<f64> = asker.tasks().iter().map(|task| pool.weight(task)).collect();
        let task = |item: usize| examples.get(item).task;
        let groups = groups::divided(of_sources, task, &weights, pool.temperature);
        Ok(Self { rows: rows.finish()?, examples, groups })
    }

    /// Sees whether the language model can be given the transcript of each example that has speech, in each phrasing.
    ///
    /// # Errors
    ///
    /// All transcripts that cannot be put to it.
    pub(super) fn check_taught(&self, prompts: &Prompts) -> anyhow::Result<()> {
        let check = |index: usize| -> anyhow::Result<()> {
            let example = self.examples.get(index);
            let Some(speech) = example.speech else { return Ok(()) };
            let row = self.rows.get(speech)?;
            let taught = prompts.taught(&example, &row.text).map(drop);
            taught.map_err(|misfit| anyhow::anyhow!("`{}`: {misfit}", row.audio_filepath.display()))
        };
        let checked: Vec<_> = (0..self.examples.len()).into_par_iter().map(check).collect();
        failures::all("texts", checked).map(drop)
    }

    /// Sees whether the transcript of each utterance can be written with the pieces of `labels`.
    ///
    /// # Errors
    ///
    /// All texts that cannot.
    pub(super) fn check_transcripts(&self, labels: &TextTokenizer) -> anyhow::Result<()> {
        let check = |place: usize| -> anyhow::Result<()> {
            let row = self.rows.get(place)?;
            let ids = labels.encode(&row.text).map(drop);
            ids.map_err(|error| anyhow::anyhow!("`{}`: {error}", row.audio_filepath.display()))
        };
        let checked: Vec<_> = (0..self.rows.len()).into_par_iter().map(check).collect();
        failures::all("texts", checked).map(drop)
    }
}

impl Reader {
    /// Makes examples of the rows that wait.
    fn make(&mut self, asker: &mut Asker, prompts: &mut Prompts) -> anyhow::Result<()> {
        prompts.learn(asker.tasks())?;
        let waiting = mem::take(&mut self.waiting);
        let make = |one: &Waiting| -> Vec<Result<NewExample, Misfit>> {
            one.asked.iter().map(|asked| prompts.example(asked, &one.row.text)).collect()
        };
        let made: Vec<_> = waiting.par_iter().map(make).collect();
        for (Waiting { source, row, asked }, made) in waiting.iter().zip(made) {
            let mut is_heard = false;
            for (asked, made) in asked.iter().zip(made) {
                match made {
                    Ok(example) => {
                        asker.accept(asked, row);
                        let speech = example.words.is_none().then(|| self.rows.len());
                        is_heard |= speech.is_some();
                        self.examples.push(speech, example);
                        self.sources.push(*source as u32);
                    }
                    Err(misfit) => asker.reject(asked, row, &misfit),
                }
            }
            if is_heard {
                self.rows.push(row)?;
            }
        }
        Ok(())
    }
}
