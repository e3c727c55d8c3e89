//! A pool of tasks, read from a TOML file: what an adapter learns, in whose words it is asked, and on which rows.
//!
//! `docs/tasks.md` is the description for people. A [`TaskPool`] is the file. An [`Asker`] goes through rows with it: a task
//! takes a row by its source and its languages, fills the fields of its phrasings from the row, and a field of the row is
//! the answer. A [`LearntTask`] is a task with the names of its languages in its words. Its [`Phrasing`]s become prompts
//! ([`PromptWriter`]) and the templates of the bundle ([`TaskPool::templates`]), so that both say the same.

mod asker;
mod error;
mod fields;
mod file;
mod languages;
mod learnt;
mod phrasing;
mod prompts;
mod summary;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::Spanned;

pub use asker::{Asked, Asker, TaskCount};
pub use error::{Line, Misfit, PoolError, PoolProblem};
use learnt::INSTRUCTION;
pub use learnt::LearntTask;
pub use phrasing::{Order, Phrasing};
pub use prompts::PromptWriter;
pub use summary::{Found, FoundTask, TaskSummary};
pub use task::{Medium, Metric, PoolTask, Reads, Unfit};

use file::{PoolFile, TaskEntry};
use languages::{LANGUAGE, Languages, TARGET_LANGUAGE};
use phrasing::is_name;

/// A pool of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPool {
    /// What is learnt.
    pub tasks: Vec<PoolTask>,
    /// Above 1, tasks with few examples have a larger share than their examples: `n` of them count as `n^(1 / temperature)`.
    pub temperature: f64,
    languages: Languages,
    /// Phrasings of tasks that are not learnt, for the bundle.
    zero_shot: BTreeMap<String, Vec<Phrasing>>,
    /// The phrasing of the user's own words.
    free: Phrasing,
}

impl TaskPool {
    /// Reads the pool at `path`; phrasings that do not say where the speech stands have it where `order` says.
    ///
    /// # Errors
    ///
    /// [`PoolError`] with all that is wrong, line by line.
    pub fn read(path: &Path, order: Order) -> Result<Self, PoolError> {
        let text =
            fs::read_to_string(path).map_err(|source| PoolError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, order)
    }

    /// As [`Self::read`], of the content of `path`.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(path: &Path, text: &str, order: Order) -> Result<Self, PoolError> {
        let mut reader = Reader { path, text, order, problems: Vec::new() };
        let pool = match toml::from_str::<PoolFile>(text) {
            Ok(file) => Some(reader.pool(file)),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                reader.problem(start, error.message().replace('\n', ", "));
                None
            }
        };
        if let Some(pool) = pool.filter(|_| reader.problems.is_empty()) {
            return Ok(pool);
        }
        let mut problems = reader.problems;
        problems.sort_by_key(|problem| problem.place.line);
        Err(PoolError::Invalid { path: path.to_owned(), problems })
    }

    /// Whether a task reads the text of rows, so that rows need no audio.
    pub fn reads_text(&self) -> bool {
        self.tasks.iter().any(|task| task.from != Reads::Speech)
    }

    /// A task that reads the text of rows.
    pub fn text_task(&self) -> Option<&PoolTask> {
        self.tasks.iter().find(|task| task.from != Reads::Speech)
    }

    /// Refuses a task that names a source which is not one of `known`.
    ///
    /// # Errors
    ///
    /// The task's line and the source.
    pub fn check_sources(&self, known: &[&str]) -> anyhow::Result<()> {
        self.unknown_sources(known).next().map_or(Ok(()), |problem| anyhow::bail!(problem))
    }

    /// The sources that tasks name and that are none of `known`, one text each.
    pub fn unknown_sources(&self, known: &[&str]) -> impl Iterator<Item = String> {
        self.tasks.iter().flat_map(move |task| {
            let unknown = task.sources.iter().filter(move |name| !known.contains(&name.as_str()));
            unknown.map(move |name| format!("{}: no source of the manifests is named `{name}`", task.line))
        })
    }

    /// The sources that tasks name.
    pub fn sources(&self) -> BTreeSet<&str> {
        self.tasks.iter().flat_map(|task| &task.sources).map(String::as_str).collect()
    }

    /// The phrasings that no engine can fill, as they name fields that requests do not have. They are learnt, and a bundle
    /// does not have them.
    pub fn only_learnt(&self) -> Vec<PoolProblem> {
        let mut notes = Vec::new();
        for task in self.tasks.iter().filter(|task| task.templates.is_none()) {
            for phrasing in &task.phrasings {
                if without_languages(phrasing).template().is_err() {
                    let text = format!("`{}` is learnt, and no template of a bundle", phrasing.text());
                    notes.push(PoolProblem { place: phrasing.line.clone(), text });
                }
            }
        }
        notes
    }

    /// The weight of a task that is learnt.
    pub fn weight(&self, task: &LearntTask) -> f64 {
        self.tasks[task.entry].weight
    }
}

/// A phrasing whose languages are told.
fn without_languages(phrasing: &Phrasing) -> Phrasing {
    phrasing.settled(|slot| matches!(slot, LANGUAGE | TARGET_LANGUAGE).then(String::new))
}

/// Turns what a file says into a pool, and gathers what is wrong.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    order: Order,
    problems: Vec<PoolProblem>,
}

impl Reader<'_> {
    fn line(&self, start: usize) -> Line {
        Line::of(self.path, self.text, start)
    }

    fn problem(&mut self, start: usize, text: String) {
        self.problems.push(PoolProblem { place: self.line(start), text });
    }

    fn pool(&mut self, file: PoolFile) -> TaskPool {
        if !(file.temperature.is_finite() && file.temperature > 0.0) {
            self.problem(0, format!("`temperature` is {}, must be above 0", file.temperature));
        }
        if file.tasks.is_empty() {
            self.problem(0, "no `[[task]]`".to_owned());
        }
        let own = file.languages.into_iter().map(|(code, name)| (code.to_lowercase(), name));
        let languages = Languages { own: own.collect() };
        let tasks: Vec<PoolTask> = file.tasks.into_iter().map(|entry| self.task(entry)).collect();
        let mut zero_shot = BTreeMap::new();
        for (name, texts) in file.zero_shot {
            if tasks.iter().any(|task| task.name == *name.get_ref()) {
                self.problem(name.span().start, format!("`{}` is a `[[task]]` too", name.get_ref()));
            }
            let phrasings = self.phrasings(&name, "zero_shot", texts);
            self.check_templates(&phrasings);
            zero_shot.insert(name.into_inner(), phrasings);
        }
        let free = Phrasing::of_slot(INSTRUCTION, self.order, self.line(0));
        TaskPool { tasks, temperature: file.temperature, languages, zero_shot, free }
    }

    fn task(&mut self, entry: TaskEntry) -> PoolTask {
        let TaskEntry { name, target, phrasings, templates, from, each, weight, unfit, metric, .. } = entry;
        let start = name.span().start;
        let bare = [LANGUAGE, TARGET_LANGUAGE]
            .iter()
            .fold(name.get_ref().clone(), |name, slot| name.replace(&format!("{{{slot}}}"), "x"));
        if !is_name(&bare) {
            let expected = "letters, digits, `_`, `-`, `.`, `{language}` and `{target_language}`";
            self.problem(start, format!("`name` is `{}`, it may have {expected}", name.get_ref()));
        }
        for (key, field) in [("target", Some(&target)), ("each", each.as_ref())] {
            if let Some(field) = field.filter(|field| !is_name(field.get_ref())) {
                let found = field.get_ref();
                self.problem(
                    field.span().start,
                    format!("`{key}` is `{found}`, expected the name of a field"),
                );
            }
        }
        if !(weight.is_finite() && weight > 0.0) {
            self.problem(start, format!("`weight` of `{}` is {weight}, must be above 0", name.get_ref()));
        }
        let phrasings = self.phrasings(&name, "phrasings", phrasings);
        let templates = templates.map(|texts| self.phrasings(&name, "templates", texts));
        self.check_templates(templates.as_deref().unwrap_or_default());
        PoolTask {
            line: self.line(start),
            name: name.into_inner(),
            phrasings,
            templates,
            from,
            weight,
            unfit,
            metric,
            target: target.into_inner(),
            each: each.map(Spanned::into_inner),
            language: entry.language.into_list(),
            target_language: entry.target_language.into_list(),
            sources: entry.sources.into_list(),
        }
    }

    fn phrasings(&mut self, name: &Spanned<String>, key: &str, texts: Vec<Spanned<String>>) -> Vec<Phrasing> {
        if texts.is_empty() {
            self.problem(name.span().start, format!("`{key}` of `{}` is empty", name.get_ref()));
        }
        let mut phrasings = Vec::new();
        for text in texts {
            let start = text.span().start;
            match Phrasing::parse(text.get_ref(), self.order, self.line(start)) {
                Ok(phrasing) => phrasings.push(phrasing),
                Err(problem) => self.problem(start, format!("phrasing `{}`: {problem}", text.get_ref())),
            }
        }
        phrasings
    }

    /// What a bundle is to have an engine must be able to fill.
    fn check_templates(&mut self, phrasings: &[Phrasing]) {
        for phrasing in phrasings {
            if let Err(error) = without_languages(phrasing).template() {
                self.problems.push(PoolProblem { place: phrasing.line.clone(), text: error.to_string() });
            }
        }
    }
}

#[cfg(test)]
mod tests;
