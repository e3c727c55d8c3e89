//! Suites: several tasks over several corpora in one go, from a TOML file.
//!
//! ```toml
//! bundle = "."
//! work = "work"
//!
//! [[corpus]]
//! name = "test"
//! synth = { split = "test", count = 200, seed = 1 }
//!
//! [[run]]
//! corpus = "test"
//! tasks = ["transcribe", "translate.german"]
//! ```
//!
//! `normaliser = "whisper-english"`, beside `work`, has texts compared as Whisper's evaluation does ([`Normaliser`]).
//!
//! Paths are relative to the file, those of audio to their manifest or, beside `work`, to `data_root`. A corpus is a
//! `manifest`, or is made again from its seed in `work`, where what is there already stays. With `recordings` it is made of
//! another corpus's utterances, for the task `recordings`:
//!
//! ```toml
//! [[corpus]]
//! name = "pairs"
//! recordings = { from = "test", count = 50, layout = { pairs = { gap = 0.5 } } }
//!
//! [[run]]
//! corpus = "pairs"
//! tasks = ["recordings"]
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::context::{ContextLists, PhraseContext};
use super::normalise::Normaliser;
use super::recordings::TASK as RECORDINGS;
use super::report::EvalRun;
use super::rows;
use super::tasks::EvalTask;
use crate::config;
use crate::data::corpus::{self, Split, Takes};
use crate::data::manifest::Utterance;
use crate::data::recordings::{self, Recordings};

/// A suite.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The bundle that is evaluated.
    pub bundle: PathBuf,
    /// Where corpora are made.
    pub work: PathBuf,
    /// The folder that holds the audio of manifests: relative paths begin there, and none may leave it.
    #[serde(default)]
    pub data_root: Option<PathBuf>,
    /// How texts are changed before their words are compared.
    #[serde(default)]
    pub normaliser: Normaliser,
    /// What is spoken.
    #[serde(rename = "corpus")]
    pub corpora: Vec<Corpus>,
    /// What is asked.
    #[serde(rename = "run")]
    pub runs: Vec<Run>,
}

/// Utterances with references.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Its name in the runs and in reports.
    pub name: String,
    /// A manifest that is there.
    #[serde(default)]
    pub manifest: Option<PathBuf>,
    /// How to make it.
    #[serde(default)]
    pub synth: Option<Synth>,
    /// How to make it of another corpus.
    #[serde(default)]
    pub recordings: Option<Recordings>,
}

/// A synthetic corpus.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synth {
    /// Which sentences and voices.
    pub split: Split,
    /// Utterances.
    pub count: u64,
    /// Seed of sentences and takes.
    pub seed: u64,
}

/// Tasks over a corpus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The corpus's name.
    pub corpus: String,
    /// The tasks' names; `all` for every one about single utterances, or `recordings` alone.
    pub tasks: Vec<String>,
    /// The first utterances only.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Phrases that may be said, for recognition.
    #[serde(default)]
    pub context: Option<ContextLists>,
}

/// A run, ready: its utterances and its tasks.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The corpus's name.
    pub corpus: String,
    /// What is spoken.
    pub utterances: Vec<Utterance>,
    /// What is asked.
    pub asked: Asked,
}

/// What is asked about a corpus.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Tasks about single utterances, through the model batch by batch.
    Tasks(Vec<EvalRun>),
    /// Transcripts of recordings, through the engine.
    Recordings,
}

impl Suite {
    /// Reads a suite; its paths are made relative to the current directory.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, unknown keys, and names that contradict each other, all of them named.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let mut suite: Self = config::read(path, &[])?;
        let base = path.parent().unwrap_or(Path::new(""));
        suite.bundle = base.join(&suite.bundle);
        suite.work = base.join(&suite.work);
        suite.data_root = suite.data_root.take().map(|root| base.join(root));
        for corpus in &mut suite.corpora {
            corpus.manifest = corpus.manifest.take().map(|manifest| base.join(manifest));
        }
        config::check("suite", &suite.problems())?;
        Ok(suite)
    }

    /// What contradicts each other, one text each.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for corpus in &self.corpora {
            let ways = [corpus.manifest.is_some(), corpus.synth.is_some(), corpus.recordings.is_some()];
            if ways.into_iter().filter(|way| *way).count() != 1 {
                problems.push(format!(
                    "corpus `{}` needs one of `manifest`, `synth` and `recordings`",
                    corpus.name
                ));
            }
            if let Some(recordings) = &corpus.recordings {
                problems.extend(self.recordings_problems(recordings));
            }
        }
        for run in &self.runs {
            if !self.corpora.iter().any(|corpus| corpus.name == run.corpus) {
                problems.push(format!("no corpus is named `{}`", run.corpus));
            }
            if let Err(error) = asked(&run.tasks) {
                problems.push(error.to_string());
            }
            if run.context.is_some() && run.tasks != ["transcribe"] {
                problems.push("`context` is for the task `transcribe`".to_owned());
            }
        }
        problems
    }

    /// Refuses what a bundle whose tasks have the keys `known` cannot be asked. Making corpora takes hours, so that it
    /// should be known before.
    ///
    /// # Errors
    ///
    /// All tasks that the bundle does not have.
    pub fn check_tasks(&self, known: &[&str]) -> anyhow::Result<()> {
        let mut missing: Vec<String> = Vec::new();
        for run in &self.runs {
            for task in asked(&run.tasks)?.unwrap_or_default() {
                let problem =
                    format!("the bundle has no task `{}`; it has {}", task.name(), known.join(", "));
                if !task.is_among(known.iter().copied()) && !missing.contains(&problem) {
                    missing.push(problem);
                }
            }
        }
        config::check("suite", &missing)
    }

    /// What is wrong with recordings, one text each.
    fn recordings_problems(&self, recordings: &Recordings) -> Vec<String> {
        let mut problems = recordings.layout.problems();
        let from = &recordings.from;
        match self.corpora.iter().find(|corpus| corpus.name == *from) {
            None => problems.push(format!("no corpus is named `{from}`")),
            Some(source) if source.recordings.is_some() => {
                problems.push(format!("corpus `{from}` is one of recordings, not of utterances"));
            }
            Some(_) => {}
        }
        if recordings.count == 0 {
            problems.push("`count` is 0, must be positive".to_owned());
        }
        problems
    }

    /// Keeps what is about one of `names`, each that of a corpus or of a task.
    ///
    /// # Errors
    ///
    /// A name of neither, with the known ones.
    pub fn keep_only(&mut self, names: &[String]) -> anyhow::Result<()> {
        let mut known: Vec<String> = Vec::new();
        for run in &mut self.runs {
            let each = match asked(&run.tasks)? {
                None => vec![RECORDINGS.to_owned()],
                Some(tasks) => tasks.iter().map(EvalTask::name).collect(),
            };
            known.push(run.corpus.clone());
            known.extend_from_slice(&each);
            if !names.contains(&run.corpus) {
                run.tasks = each.into_iter().filter(|task| names.contains(task)).collect();
            }
        }
        if let Some(name) = names.iter().find(|name| !known.contains(name)) {
            known.sort_unstable();
            known.dedup();
            anyhow::bail!("no corpus or task of the suite is named `{name}`; it has {}", known.join(", "));
        }
        self.runs.retain(|run| !run.tasks.is_empty());
        Ok(())
    }

    /// Makes and reads the corpora, and names the tasks of each run. `trained` tells whether a task is learnt by speech;
    /// `progress` gets the corpus that is made and the utterances that are done; `failed` each sentence that could not
    /// be spoken or read, which the others go on without.
    ///
    /// # Errors
    ///
    /// Manifests that cannot be read, before anything is made, and a synthesiser that is missing or fails.
    pub fn prepare(
        &self,
        trained: &dyn Fn(&EvalTask) -> bool,
        progress: &(dyn Fn(&str, usize) + Sync),
        failed: &mut dyn FnMut(String),
    ) -> anyhow::Result<Vec<Prepared>> {
        let corpora = self.corpora(progress, failed)?;
        self.runs
            .iter()
            .map(|run| {
                let mut utterances = corpora.get(run.corpus.as_str()).context("no such corpus")?.clone();
                utterances.truncate(run.limit.unwrap_or(usize::MAX));
                let ready = |task| EvalRun {
                    trained: trained(&task),
                    task,
                    context: run.context.map(PhraseContext::Drawn),
                    manifest: run.corpus.clone(),
                    normaliser: self.normaliser,
                };
                let asked = match asked(&run.tasks)? {
                    None => Asked::Recordings,
                    Some(tasks) => Asked::Tasks(tasks.into_iter().map(ready).collect()),
                };
                Ok(Prepared { corpus: run.corpus.clone(), utterances, asked })
            })
            .collect()
    }

    /// The utterances of every corpus that a run asks about, by its name: those of manifests first, as making the others
    /// takes long; recordings last, as they are made of the others.
    fn corpora(
        &self,
        progress: &(dyn Fn(&str, usize) + Sync),
        failed: &mut dyn FnMut(String),
    ) -> anyhow::Result<BTreeMap<&str, Vec<Utterance>>> {
        let mut corpora = BTreeMap::new();
        for corpus in self.needed() {
            if let Some(path) = &corpus.manifest {
                corpora.insert(corpus.name.as_str(), rows::read(path, self.data_root.as_deref())?);
            }
        }
        let cannot_make = |name: &str| format!("cannot make corpus `{name}`");
        for corpus in self.needed() {
            let Some(Synth { split, count, seed }) = corpus.synth else { continue };
            let out = self.work.join(&corpus.name);
            let tell = |done| progress(&corpus.name, done);
            let made = corpus::make(&out, split, count, seed, Takes::Augmented, &tell)
                .with_context(|| cannot_make(&corpus.name))?;
            for failure in made.failures {
                failed(format!("corpus `{}`: {failure}", corpus.name));
            }
            corpora.insert(corpus.name.as_str(), rows::read(&out.join(corpus::MANIFEST_NAME), None)?);
        }
        for corpus in self.needed() {
            let Some(settings) = &corpus.recordings else { continue };
            let source = corpora.get(settings.from.as_str()).context("no such corpus")?;
            let mut tell = |problem: String| failed(format!("corpus `{}`: {problem}", corpus.name));
            let source = rows::readable(source, &mut tell);
            let rows = recordings::make(&self.work.join(&corpus.name), settings, &source)
                .with_context(|| cannot_make(&corpus.name))?;
            corpora.insert(corpus.name.as_str(), rows);
        }
        Ok(corpora)
    }

    /// The corpora that a run asks about, and those that recordings are made of.
    fn needed(&self) -> impl Iterator<Item = &Corpus> {
        let is_asked = |corpus: &Corpus| self.runs.iter().any(|run| run.corpus == corpus.name);
        let is_source = move |name: &str| {
            let mut made = self.corpora.iter().filter(|corpus| is_asked(corpus));
            made.any(|corpus| corpus.recordings.as_ref().is_some_and(|recordings| recordings.from == name))
        };
        self.corpora.iter().filter(move |corpus| is_asked(corpus) || is_source(&corpus.name))
    }
}

/// The tasks of these names, `None` for that of recordings, which stands alone.
///
/// # Errors
///
/// As [`tasks`].
pub fn asked(names: &[String]) -> anyhow::Result<Option<Vec<EvalTask>>> {
    if names == [RECORDINGS] { Ok(None) } else { tasks(names).map(Some) }
}

/// The tasks of these names; `all` is every one.
///
/// # Errors
///
/// An unknown name, with the known ones.
pub fn tasks(names: &[String]) -> anyhow::Result<Vec<EvalTask>> {
    let mut tasks = Vec::new();
    for name in names {
        if name == ALL {
            tasks.extend(EvalTask::all());
        } else {
            let known = || {
                let names: Vec<String> = EvalTask::all().iter().map(EvalTask::name).collect();
                format!(
                    "unknown task `{name}`; tasks are {}, {ALL}, and {RECORDINGS} alone",
                    names.join(", ")
                )
            };
            tasks.push(EvalTask::from_name(name).with_context(known)?);
        }
    }
    Ok(tasks)
}

/// The name of every task together.
pub const ALL: &str = "all";

#[cfg(test)]
mod tests;
