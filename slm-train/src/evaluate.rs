//! The verb `eval`: scores as JSON or as a table on stdout, and files with all that was found.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use slm_core::models::checkpoint::Bundle;
use slm_core::{Backend, BackendChoice, Model, OpenOptions, Request};
use slm_train::data::pool::{Order, TaskPool};
use slm_train::eval::context::{ContextLists, GivenPhrases, PhraseContext};
use slm_train::eval::hypotheses::{Hypothesis, HypothesisFiles};
use slm_train::eval::normalise::Normaliser;
use slm_train::eval::own::OwnTasks;
use slm_train::eval::recordings::{self, Listener, RecordingsReport};
use slm_train::eval::report::{self, EvalRun, Report, evaluate};
use slm_train::eval::rows;
use slm_train::eval::suite::{self, Asked, Prepared, Suite};
use slm_train::eval::table;
use slm_train::eval::tasks::EvalTask;
use slm_train::stopped::Stopped;

use crate::EXIT_STOPPED;
use crate::args::EvalArgs;
use crate::messages::to_stderr;
use crate::validate::named;

/// The file of all answers in the folder of a report.
const HYPOTHESES_NAME: &str = "hypotheses.jsonl";

pub(crate) fn run(args: &EvalArgs, backend: Backend) -> anyhow::Result<ExitCode> {
    backend.device()?;
    let mut suite = args.suite.as_deref().map(Suite::read).transpose()?;
    if let (Some(suite), false) = (&mut suite, args.only.is_empty()) {
        suite.keep_only(&args.only)?;
    }
    // One of the two is there, as the command line demands.
    let dir = args.bundle.clone().or_else(|| suite.as_ref().map(|suite| suite.bundle.clone()));
    let dir = dir.unwrap_or_default();
    let bundle = Bundle::open(&dir)?;
    let model = Model::open(&dir, &OpenOptions::new().backend(BackendChoice::Named(backend)))?;
    if let Some(suite) = &suite {
        let known: Vec<&str> = model.capabilities().tasks.iter().map(String::as_str).collect();
        suite.check_tasks(&known)?;
    }
    let mut failures = 0;
    let prepared = prepare(args, suite.as_ref(), &bundle, &mut failures)?;
    let runs = requests(&model, &prepared, args.beam)?;
    let files = HypothesisFiles::create(hypothesis_paths(args)?)?;
    let output = Output { name: suite.as_ref().map(|_| bundle.manifest().name.clone()), args };

    let suite_normaliser = suite.as_ref().map(|suite| suite.normaliser);
    let normaliser = args.normaliser.or(suite_normaliser).unwrap_or_default();
    let mut work = Work { files, output, results: Results::default(), normaliser, failures };
    work.evaluate_all(&model, &runs).map_err(|error| Stopped::because(error, "the evaluation stopped"))?;
    Ok(if work.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STOPPED) })
}

/// What is asked, and how.
enum Ready<'a> {
    /// A task over a manifest.
    Task(&'a Prepared, &'a EvalRun, Request),
    /// Transcripts of recordings.
    Recordings(&'a Prepared, Request),
}

/// What is spoken and asked. Sentences that cannot be spoken are told and counted.
fn prepare(
    args: &EvalArgs,
    suite: Option<&Suite>,
    bundle: &Bundle,
    failures: &mut usize,
) -> anyhow::Result<Vec<Prepared>> {
    let learnt = learnt(bundle);
    let trained = |task: &EvalTask| learnt.contains(&task.name());
    match (suite, &args.manifest) {
        (Some(suite), _) => {
            let mut suite = suite.clone();
            if let Some(work) = &args.work {
                suite.work.clone_from(work);
            }
            if let Some(root) = &args.data_root {
                suite.data_root = Some(root.clone());
            }
            suite.normaliser = args.normaliser.unwrap_or(suite.normaliser);
            let bar = ProgressBar::new_spinner();
            let progress = |name: &str, done: usize| bar.set_message(format!("{name}: {done} spoken"));
            let prepared = suite.prepare(&trained, &progress, &mut |failure| {
                *failures += 1;
                bar.suspend(|| to_stderr(&format!("error: {failure}")));
            })?;
            bar.finish_and_clear();
            Ok(prepared)
        }
        (None, Some(path)) => Ok(vec![of_manifest(args, path, order(bundle), &trained)?]),
        (None, None) => anyhow::bail!("`eval` needs `--manifest` or `--suite`"),
    }
}

/// What is asked about the manifest of the command line.
fn of_manifest(
    args: &EvalArgs,
    path: &Path,
    order: Order,
    trained: &dyn Fn(&EvalTask) -> bool,
) -> anyhow::Result<Prepared> {
    let pool = args.tasks.as_deref().map(|file| TaskPool::read(file, order)).transpose()?;
    // What is wrong with a name is told before files are read.
    let tasks = if pool.is_some() { None } else { suite::asked(std::slice::from_ref(&args.task))? };
    let drawn = |&phrases: &usize| -> anyhow::Result<PhraseContext> {
        Ok(PhraseContext::Drawn(ContextLists { phrases, ..ContextLists::default() }))
    };
    let given = |file: &PathBuf| GivenPhrases::read(file).map(PhraseContext::Given);
    let lists = args.phrases.iter().map(drawn).chain(args.phrases_file.iter().map(given));
    let lists: Vec<PhraseContext> = lists.collect::<anyhow::Result<_>>()?;

    let (source, path) = named(path, pool.as_ref());
    let corpus = path.display().to_string();
    let mut utterances = rows::read(&path, args.data_root.as_deref())?;
    utterances.truncate(args.limit.unwrap_or(usize::MAX));
    let tasks = match &pool {
        Some(pool) => {
            let only = Some(args.task.as_str()).filter(|name| *name != suite::ALL);
            let own = OwnTasks::of(pool, only, &utterances, source.as_deref())
                .with_context(|| format!("cannot ask tasks about manifest `{corpus}`"))?;
            own.notes.iter().for_each(|note| to_stderr(note));
            Some(own.tasks.into_iter().map(EvalTask::Own).collect())
        }
        None => tasks,
    };
    let run = |task: EvalTask, context: Option<PhraseContext>| EvalRun {
        trained: trained(&task),
        task,
        context,
        manifest: corpus.clone(),
        normaliser: args.normaliser.unwrap_or_default(),
    };
    let asked = match tasks {
        None => Asked::Recordings,
        Some(tasks) => {
            let lists = if tasks.contains(&EvalTask::Transcribe) { lists } else { Vec::new() };
            let with_phrases = lists.into_iter().map(|list| run(EvalTask::Transcribe, Some(list)));
            Asked::Tasks(tasks.into_iter().map(|task| run(task, None)).chain(with_phrases).collect())
        }
    };
    Ok(Prepared { corpus, utterances, asked })
}

/// Where the words of an instruction stand in a bundle.
fn order(bundle: &Bundle) -> Order {
    let template = bundle.manifest().templates.get("instruction").and_then(|phrasings| phrasings.first());
    let places = template.and_then(|text| text.find("{instruction}").zip(text.find("{speech}")));
    match places {
        Some((words, speech)) if words < speech => Order::InstructionFirst,
        _ => Order::SpeechFirst,
    }
}

/// How each task is asked for. What a task cannot be asked for is told before the first one is.
fn requests<'a>(
    model: &Model,
    prepared: &'a [Prepared],
    beams: Option<usize>,
) -> anyhow::Result<Vec<Ready<'a>>> {
    let mut ready = Vec::new();
    for one in prepared {
        match &one.asked {
            Asked::Tasks(runs) => {
                for run in runs {
                    let request = report::request(model.speech_model(), &one.utterances, run, beams)?;
                    ready.push(Ready::Task(one, run, request));
                }
            }
            Asked::Recordings => {
                recordings::check(&one.corpus, &one.utterances)?;
                ready.push(Ready::Recordings(one, recordings::request(model, beams)?));
            }
        }
    }
    Ok(ready)
}

/// Where the answers go. The folder of a report is made.
fn hypothesis_paths(args: &EvalArgs) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = args.hypotheses.iter().cloned().collect();
    if let Some(out) = &args.out {
        fs::create_dir_all(out).with_context(|| format!("cannot create `{}`", out.display()))?;
        paths.push(out.join(HYPOTHESES_NAME));
    }
    Ok(paths)
}

/// The work on all tasks of all runs, and what came of it.
struct Work<'a> {
    files: HypothesisFiles,
    output: Output<'a>,
    results: Results,
    /// For recordings.
    normaliser: Normaliser,
    /// Cases without an answer.
    failures: usize,
}

/// The scores so far.
#[derive(Default)]
struct Results {
    tasks: Vec<Report>,
    recordings: Vec<RecordingsReport>,
}

impl Work<'_> {
    /// All tasks of all runs, with a bar each. Answers and reports are written as they come; cases that fail are told and
    /// counted.
    fn evaluate_all(&mut self, model: &Model, runs: &[Ready<'_>]) -> anyhow::Result<()> {
        // One for all recordings: it remembers their utterances.
        let mut listener = None;
        let mut written = Ok(());
        for ready in runs {
            match ready {
                Ready::Task(one, run, request) => {
                    let bar = bar(run.task.cases(&one.utterances).len(), run.name())?;
                    let mut on_answers = |answers: &[Hypothesis]| self.note(answers, &bar);
                    let (report, _) =
                        evaluate(model.speech_model(), &one.utterances, run, request, &mut on_answers)?;
                    bar.finish_and_clear();
                    self.results.tasks.push(report);
                }
                Ready::Recordings(one, request) => {
                    let listener = listener
                        .get_or_insert_with(|| Listener::new(model, request.clone(), self.normaliser));
                    let bar = bar(one.utterances.len(), one.corpus.clone())?;
                    let mut on_answer = |answer: &Hypothesis| self.note(std::slice::from_ref(answer), &bar);
                    let report = listener.evaluate(&one.corpus, &one.utterances, &mut on_answer)?;
                    bar.finish_and_clear();
                    self.results.recordings.push(report);
                }
            }
            // With the scores of what is done so far; the last time decides.
            written = self.output.write(&self.results);
        }
        self.output.print(&self.results)?;
        written.and(std::mem::take(&mut self.files).finish())
    }

    /// Keeps answers, and tells of those that failed.
    fn note(&mut self, answers: &[Hypothesis], bar: &ProgressBar) {
        self.files.add(answers);
        for error in answers.iter().filter_map(|answer| answer.error.as_ref()) {
            self.failures += 1;
            bar.suspend(|| to_stderr(&format!("error: {error}")));
        }
        bar.inc(answers.len() as u64);
    }
}

/// A bar of so many cases.
fn bar(cases: usize, name: String) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(cases as u64).with_message(name);
    bar.set_style(ProgressStyle::with_template("{msg} {bar:24} {pos}/{len} left {eta_precise}")?);
    Ok(bar)
}

/// Where the scores go.
struct Output<'a> {
    /// The bundle's name, for a suite.
    name: Option<String>,
    args: &'a EvalArgs,
}

impl Output<'_> {
    fn json(&self, results: &Results) -> anyhow::Result<serde_json::Value> {
        let Results { tasks, recordings } = results;
        Ok(match (&self.name, tasks.as_slice(), recordings.as_slice()) {
            (None, [], [report]) => serde_json::to_value(report)?,
            (None, [report], _) => serde_json::to_value(report)?,
            (None, tasks, _) => serde_json::to_value(tasks)?,
            (Some(name), tasks, []) => json!({"bundle": name, "results": tasks}),
            (Some(name), tasks, recordings) => {
                json!({"bundle": name, "results": tasks, "recordings": recordings})
            }
        })
    }

    fn markdown(results: &Results) -> String {
        let mut parts = Vec::new();
        if !results.tasks.is_empty() {
            parts.push(table::markdown(&results.tasks));
        }
        if !results.recordings.is_empty() {
            parts.push(recordings::markdown(&results.recordings));
        }
        parts.join("\n\n")
    }

    /// Writes `report.json` and `report.md`, where a folder is asked for.
    fn write(&self, results: &Results) -> anyhow::Result<()> {
        let Some(out) = &self.args.out else { return Ok(()) };
        let json = serde_json::to_string_pretty(&self.json(results)?)?;
        write(&out.join("report.json"), &format!("{json}\n"))?;
        write(&out.join("report.md"), &format!("{}\n", Self::markdown(results)))
    }

    fn print(&self, results: &Results) -> anyhow::Result<()> {
        let text = if self.args.json {
            serde_json::to_string_pretty(&self.json(results)?)?
        } else {
            Self::markdown(results)
        };
        writeln!(std::io::stdout().lock(), "{text}").context("cannot write to stdout")
    }
}

/// The names of the tasks that the bundle's adapter has learnt by speech, as its training record tells.
fn learnt(bundle: &Bundle) -> Vec<String> {
    let tasks = bundle.manifest().training.as_ref().and_then(|training| training.get("tasks"));
    let names = tasks.and_then(|tasks| tasks.as_array()).into_iter().flatten();
    names.filter_map(|name| Some(name.as_str()?.replace('-', "."))).collect()
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
