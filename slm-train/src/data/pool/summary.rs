//! What the tasks of a pool find in data, for those who check it before a training.

use std::collections::BTreeSet;

use serde::Serialize;

use super::TaskPool;
use super::asker::{Asked, Asker, TaskCount};
use super::error::Misfit;
use super::learnt::LearntTask;
use super::prompts::PromptWriter;
use super::task::{Medium, Unfit};
use crate::data::manifest::Utterance;

/// The most rows that do not fit that are told.
const SHOWN: usize = 20;

/// Goes through rows with a pool.
pub struct TaskSummary<'a> {
    asker: Asker<'a>,
    writer: Option<&'a PromptWriter>,
    /// Of each task of the pool the longest prompt and the longest answer in tokens.
    longest: Vec<[usize; 2]>,
    /// What the language model cannot be asked.
    unrendered: BTreeSet<String>,
}

/// What a pool finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// A task of the pool each, in order.
    pub tasks: Vec<FoundTask>,
    /// Rows that do not fit a task which refuses such rows, a training would not begin with these.
    pub refused: usize,
    /// What is to be told: rows that do not fit, phrasings that no template can render.
    pub notes: Vec<String>,
}

/// What a task finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundTask {
    /// Its name in the pool.
    pub name: String,
    /// The names under which it is learnt, where it tells languages one for each.
    pub learnt: Vec<String>,
    /// Ways in which it is asked.
    pub phrasings: usize,
    /// What it found.
    #[serde(flatten)]
    pub count: TaskCount,
    /// Tokens of the longest prompt, speech aside, where a language model is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_prompt: Option<usize>,
    /// Tokens of the longest answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_target: Option<usize>,
}

impl<'a> TaskSummary<'a> {
    /// A summary of no row. `writer` counts tokens.
    pub fn new(pool: &'a TaskPool, writer: Option<&'a PromptWriter>) -> Self {
        let longest = vec![[0; 2]; pool.tasks.len()];
        Self { asker: Asker::new(pool), writer, longest, unrendered: BTreeSet::new() }
    }

    /// Adds a row of the source `source`.
    pub fn add(&mut self, row: &Utterance, source: Option<&str>) {
        for asked in self.asker.ask(row, source) {
            match self.measure(&asked, row) {
                Ok(()) => self.asker.accept(&asked, row),
                Err(misfit) => self.asker.reject(&asked, row, &misfit),
            }
        }
    }

    /// Puts what is asked to the language model.
    fn measure(&mut self, asked: &Asked, row: &Utterance) -> Result<(), Misfit> {
        let Some(writer) = self.writer else { return Ok(()) };
        let task = &self.asker.tasks()[asked.task];
        let words = (task.medium == Medium::Text).then_some(row.text.as_str());
        let mut longest = 0;
        for phrasing in &task.phrasings {
            match writer.prompt(task, phrasing, &asked.slots, words) {
                Ok(ids) => longest = longest.max(ids.len()),
                Err(error) => {
                    let place = &phrasing.line;
                    self.unrendered.insert(format!("{place}: `{}`: {error}", phrasing.text()));
                    return Err(error.into());
                }
            }
        }
        let answer = writer.answer(&asked.target)?.len();
        let [prompt, target] = &mut self.longest[task.entry];
        (*prompt, *target) = ((*prompt).max(longest), (*target).max(answer));
        Ok(())
    }

    /// What was found.
    pub fn finish(mut self) -> Found {
        let pool = self.asker.pool();
        let tasks = pool.tasks.iter().enumerate().map(|(entry, task)| {
            let learnt = self.asker.tasks().iter().filter(|one| one.entry == entry);
            let [prompt, target] = self.longest[entry];
            FoundTask {
                name: task.name.clone(),
                learnt: learnt.map(LearntTask::label).collect(),
                phrasings: task.phrasings.len(),
                count: self.asker.counts()[entry].clone(),
                longest_prompt: self.writer.map(|_| prompt),
                longest_target: self.writer.map(|_| target),
            }
        });
        let tasks: Vec<FoundTask> = tasks.collect();
        let unfit = |(found, task): (&FoundTask, &super::PoolTask)| match task.unfit {
            Unfit::Refuse => found.count.unfit.values().sum(),
            Unfit::Skip => 0,
        };
        let refused = tasks.iter().zip(&pool.tasks).map(unfit).sum();
        let mut notes: Vec<String> = self.unrendered.into_iter().take(SHOWN).collect();
        notes.extend(pool.only_learnt().iter().map(ToString::to_string));
        notes.extend(self.asker.finish().err().map(|error| error.to_string()));
        Found { tasks, refused, notes }
    }
}

impl FoundTask {
    /// A line for each thing that is known, for people.
    pub fn table(&self) -> String {
        let counts = |counts: &std::collections::BTreeMap<String, usize>| {
            counts.iter().map(|(name, rows)| format!("{name} ({rows})")).collect::<Vec<_>>().join(", ")
        };
        let mut lines = vec![
            ("learnt as", self.learnt.join(", ")),
            ("phrasings", self.phrasings.to_string()),
            ("examples", self.count.examples.to_string()),
            ("hours", format!("{:.2}", self.count.seconds / 3600.0)),
            ("languages", counts(&self.count.languages)),
        ];
        if !self.count.unfit.is_empty() {
            lines.push(("unfit", counts(&self.count.unfit)));
        }
        for (name, tokens) in
            [("longest prompt", self.longest_prompt), ("longest answer", self.longest_target)]
        {
            lines.extend(tokens.map(|tokens| (name, format!("{tokens} tokens"))));
        }
        let lines = lines.into_iter().map(|(name, value)| format!("\n  {name:14} {value}"));
        std::iter::once(format!("task {}", self.name)).chain(lines).collect()
    }
}
