//! Asks the tasks of a pool about rows, one after the other.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::TaskPool;
use super::error::Misfit;
use super::fields::{Fields, View};
use super::learnt::LearntTask;
use super::task::{Medium, PoolTask, RowLanguages, Unfit};
use crate::data::manifest::Utterance;
use crate::failures;

/// Characters of a text that a message shows.
const SHOWN_CHARS: usize = 60;

/// A task and what it asks about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The place of the task in [`Asker::tasks`].
    pub task: usize,
    /// What fills the slots of its phrasings, see [`LearntTask::instruction`].
    pub slots: Vec<String>,
    /// What is to be answered.
    pub target: String,
}

/// What a task of the pool found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TaskCount {
    /// Examples.
    pub examples: usize,
    /// Seconds of speech that they are about.
    pub seconds: f64,
    /// Examples of each language, or pair of languages.
    pub languages: BTreeMap<String, usize>,
    /// Rows that do not fit it, by the reason.
    pub unfit: BTreeMap<String, usize>,
}

/// Asks the tasks of a pool.
pub struct Asker<'p> {
    pool: &'p TaskPool,
    tasks: Vec<LearntTask>,
    places: HashMap<(usize, Medium, RowLanguages), usize>,
    counts: Vec<TaskCount>,
    refused: Vec<String>,
}

impl<'p> Asker<'p> {
    /// An asker that has read no row.
    pub fn new(pool: &'p TaskPool) -> Self {
        let counts = vec![TaskCount::default(); pool.tasks.len()];
        let mut asker = Self { pool, tasks: Vec::new(), places: HashMap::new(), counts, refused: Vec::new() };
        // Those that are the same for all rows are known before one is read.
        for (entry, task) in pool.tasks.iter().enumerate() {
            if !task.tells_languages() {
                for medium in task.media() {
                    asker.place(entry, *medium, RowLanguages::default());
                }
            }
        }
        asker
    }

    /// The pool.
    pub fn pool(&self) -> &'p TaskPool {
        self.pool
    }

    /// The tasks that are learnt, so far: a task of the pool that tells a language is one of them for each language.
    pub fn tasks(&self) -> &[LearntTask] {
        &self.tasks
    }

    /// What each task of the pool found.
    pub fn counts(&self) -> &[TaskCount] {
        &self.counts
    }

    /// All that is asked about a row of the source `source`, in the order of the pool. Whether the language model can be
    /// asked so is for the caller to say: [`Self::accept`], [`Self::reject`].
    pub fn ask(&mut self, row: &Utterance, source: Option<&str>) -> Vec<Asked> {
        let mut asked = Vec::new();
        let mut fields = None;
        for (entry, task) in self.pool.tasks.iter().enumerate() {
            if !task.takes(row, source) {
                continue;
            }
            let fields = fields.get_or_insert_with(|| Fields::of(row));
            let views = match fields.views(task.each.as_deref()) {
                Ok(views) => views,
                Err(misfit) => {
                    self.unfit(entry, row, &misfit);
                    continue;
                }
            };
            for view in views {
                for medium in task.media() {
                    match self.one(entry, task, *medium, row, view) {
                        Ok(one) => asked.push(one),
                        Err(misfit) => self.unfit(entry, row, &misfit),
                    }
                }
            }
        }
        asked
    }

    fn one(
        &mut self,
        entry: usize,
        task: &PoolTask,
        medium: Medium,
        row: &Utterance,
        view: View,
    ) -> Result<Asked, Misfit> {
        match medium {
            Medium::Speech if !row.has_audio() => return Err(Misfit::NoAudio),
            Medium::Text if row.text.trim().is_empty() => return Err(view.absent("text")),
            Medium::Speech | Medium::Text => {}
        }
        let target = view.words(&task.target)?;
        let languages = task.told(row, view, &self.pool.languages)?;
        let place = self.place(entry, medium, languages);
        let slots = self.tasks[place].slots.iter().map(|slot| view.words(slot));
        Ok(Asked { task: place, slots: slots.collect::<Result<_, _>>()?, target })
    }

    /// The place of a learnt task, which is made where it is new.
    fn place(&mut self, entry: usize, medium: Medium, languages: RowLanguages) -> usize {
        let (pool, tasks) = (self.pool, &mut self.tasks);
        *self.places.entry((entry, medium, languages)).or_insert_with_key(|(_, _, languages)| {
            tasks.push(LearntTask::new(&pool.tasks[entry], entry, medium, languages));
            tasks.len() - 1
        })
    }

    /// Counts an example.
    pub fn accept(&mut self, asked: &Asked, row: &Utterance) {
        let LearntTask { entry, medium, .. } = self.tasks[asked.task];
        let count = &mut self.counts[entry];
        count.examples += 1;
        count.seconds += if medium == Medium::Speech { row.duration } else { 0.0 };
        *count.languages.entry(row.languages()).or_default() += 1;
    }

    /// Counts what was asked about a row that turned out not to fit.
    pub fn reject(&mut self, asked: &Asked, row: &Utterance, misfit: &Misfit) {
        self.unfit(self.tasks[asked.task].entry, row, misfit);
    }

    fn unfit(&mut self, entry: usize, row: &Utterance, misfit: &Misfit) {
        *self.counts[entry].unfit.entry(misfit.reason()).or_default() += 1;
        let task = &self.pool.tasks[entry];
        if task.unfit == Unfit::Refuse {
            self.refused.push(format!(
                "{} does not fit task `{}` ({}): {misfit}",
                shown(row),
                task.name,
                task.line
            ));
        }
    }

    /// Ends the reading of a corpus, and gives a line for every task that skipped rows of it.
    ///
    /// # Errors
    ///
    /// All rows that do not fit a task that skips none.
    pub fn finish(&mut self) -> anyhow::Result<Vec<String>> {
        let counts = std::mem::replace(&mut self.counts, vec![TaskCount::default(); self.pool.tasks.len()]);
        let refused = std::mem::take(&mut self.refused);
        if !refused.is_empty() {
            let examples: usize = counts.iter().map(|count| count.examples).sum();
            anyhow::bail!(failures::summary("examples", examples + refused.len(), &refused));
        }
        let skipped = self.pool.tasks.iter().zip(&counts).filter(|(_, count)| !count.unfit.is_empty());
        let line = |(task, count): (&PoolTask, &TaskCount)| {
            let reasons = count.unfit.iter().map(|(reason, rows)| format!("{rows} ({reason})"));
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            format!("task `{}`: {} examples; left out: {reasons}", task.name, count.examples)
        };
        Ok(skipped.map(line).collect())
    }
}

/// A row in messages: by its audio, or where it has none by its text.
fn shown(row: &Utterance) -> String {
    if row.has_audio() {
        return format!("`{}`", row.audio_filepath.display());
    }
    let text: String = row.text.escape_debug().take(SHOWN_CHARS).collect();
    format!("the text `{text}`")
}
