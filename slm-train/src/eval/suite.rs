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
//! Paths are relative to the file. A corpus is a `manifest`, or is made again from its seed in `work`, where what is
//! there already stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::context::ContextLists;
use super::report::EvalRun;
use super::tasks::EvalTask;
use crate::config;
use crate::data::corpus::{self, Split, Takes};
use crate::data::manifest::{self, Utterance};

/// A suite.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The bundle that is evaluated.
    pub bundle: PathBuf,
    /// Where corpora are made.
    pub work: PathBuf,
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
    /// The tasks' names; `all` for every one.
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
    /// What is spoken.
    pub utterances: Vec<Utterance>,
    /// What is asked.
    pub tasks: Vec<EvalRun>,
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
            if corpus.manifest.is_some() == corpus.synth.is_some() {
                problems.push(format!("corpus `{}` needs one of `manifest` and `synth`", corpus.name));
            }
        }
        for run in &self.runs {
            if !self.corpora.iter().any(|corpus| corpus.name == run.corpus) {
                problems.push(format!("no corpus is named `{}`", run.corpus));
            }
            if let Err(error) = tasks(&run.tasks) {
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
            for task in tasks(&run.tasks)? {
                let problem =
                    format!("the bundle has no task `{}`; it has {}", task.name(), known.join(", "));
                if !task.is_among(known.iter().copied()) && !missing.contains(&problem) {
                    missing.push(problem);
                }
            }
        }
        config::check("suite", &missing)
    }

    /// Makes and reads the corpora, and names the tasks of each run. `trained` tells whether a task is learnt by speech;
    /// `progress` gets the corpus that is made and the utterances that are done; `failed` each sentence that could not
    /// be spoken, which the others go on without.
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
                let tasks = tasks(&run.tasks)?
                    .into_iter()
                    .map(|task| EvalRun {
                        trained: trained(&task),
                        task,
                        context: run.context,
                        manifest: run.corpus.clone(),
                    })
                    .collect();
                Ok(Prepared { utterances, tasks })
            })
            .collect()
    }

    /// The utterances of every corpus that a run asks about, by its name: those of manifests first, as making the others
    /// takes long.
    fn corpora(
        &self,
        progress: &(dyn Fn(&str, usize) + Sync),
        failed: &mut dyn FnMut(String),
    ) -> anyhow::Result<BTreeMap<&str, Vec<Utterance>>> {
        let mut corpora = BTreeMap::new();
        let asked =
            || self.corpora.iter().filter(|corpus| self.runs.iter().any(|run| run.corpus == corpus.name));
        for corpus in asked() {
            if let Some(path) = &corpus.manifest {
                corpora.insert(corpus.name.as_str(), manifest::read(path)?);
            }
        }
        for corpus in asked() {
            let Some(Synth { split, count, seed }) = corpus.synth else { continue };
            let out = self.work.join(&corpus.name);
            let tell = |done| progress(&corpus.name, done);
            let made = corpus::make(&out, split, count, seed, Takes::Augmented, &tell)
                .with_context(|| format!("cannot make corpus `{}`", corpus.name))?;
            for failure in made.failures {
                failed(format!("corpus `{}`: {failure}", corpus.name));
            }
            corpora.insert(corpus.name.as_str(), manifest::read(out.join(corpus::MANIFEST_NAME))?);
        }
        Ok(corpora)
    }
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
                format!("unknown task `{name}`; tasks are {}, {ALL}", names.join(", "))
            };
            tasks.push(EvalTask::from_name(name).with_context(known)?);
        }
    }
    Ok(tasks)
}

/// The name of every task together.
pub const ALL: &str = "all";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Suite> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("eval.toml");
        std::fs::write(&path, text)?;
        Suite::read(&path)
    }

    #[test]
    fn what_contradicts_is_named() {
        let suite = read(
            "bundle = \".\"\nwork = \"w\"\n[[corpus]]\nname = \"a\"\nmanifest = \"m.jsonl\"\n\
             [[run]]\ncorpus = \"a\"\ntasks = [\"transcribe\"]\ncontext = { phrases = 9, names = \"absent\" }\n",
        )
        .unwrap();
        assert!(suite.corpora[0].manifest.as_ref().unwrap().is_absolute());
        let error = read(
            "bundle = \".\"\nwork = \"w\"\n[[corpus]]\nname = \"a\"\n\
             [[run]]\ncorpus = \"b\"\ntasks = [\"sing\"]\n",
        )
        .unwrap_err();
        let text = format!("{error:#}");
        for part in
            ["needs one of `manifest`", "no corpus is named `b`", "unknown task `sing`; tasks are transcribe"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(read("bundle = 1").is_err());
    }

    #[test]
    fn what_a_bundle_cannot_be_asked_is_named() {
        let suite = |tasks: &str| {
            let corpus = "[[corpus]]\nname = \"a\"\nsynth = { split = \"test\", count = 1, seed = 1 }\n";
            read(&format!(
                "bundle = \".\"\nwork = \"w\"\n{corpus}[[run]]\ncorpus = \"a\"\ntasks = [{tasks}]\n"
            ))
            .unwrap()
        };
        let known = ["transcribe", "translate.german", "field.name"];
        suite(r#""transcribe", "field", "translate.german""#).check_tasks(&known).unwrap();
        let error = suite(r#""chat", "transcribe", "ask", "chat""#).check_tasks(&known).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("no task `chat`; it has transcribe, translate.german, field.name"), "{text}");
        assert!(text.contains("no task `ask`") && text.matches("`chat`").count() == 1, "{text}");
        assert!(suite(r#""all""#).check_tasks(&known).is_err());
    }
}
