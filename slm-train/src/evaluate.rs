//! The verb `eval`: scores as JSON or as a table on stdout, and files with all that was found.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use slm_core::Request;
use slm_core::models::checkpoint::Bundle;
use slm_core::models::speech::SpeechModel;
use slm_train::data::manifest;
use slm_train::eval::hypotheses::{Hypothesis, HypothesisFiles};
use slm_train::eval::report::{self, EvalRun, Report, evaluate};
use slm_train::eval::suite::{self, Prepared, Suite};
use slm_train::eval::table;
use slm_train::eval::tasks::EvalTask;
use slm_train::stopped::Stopped;

use crate::EXIT_STOPPED;
use crate::args::EvalArgs;
use crate::messages::to_stderr;

/// The file of all answers in the folder of a report.
const HYPOTHESES_NAME: &str = "hypotheses.jsonl";

pub(crate) fn run(args: &EvalArgs, device: &Device) -> anyhow::Result<ExitCode> {
    let suite = args.suite.as_deref().map(Suite::read).transpose()?;
    // One of the two is there, as the command line demands.
    let dir = args.bundle.clone().or_else(|| suite.as_ref().map(|suite| suite.bundle.clone()));
    let bundle = Bundle::open(&dir.unwrap_or_default())?;
    let model = SpeechModel::load(&bundle, device)?;
    if let Some(suite) = &suite {
        let known: Vec<&str> = model.parts().templates.keys().collect();
        suite.check_tasks(&known)?;
    }
    let mut failures = 0;
    let prepared = prepare(args, suite.as_ref(), &learnt(&bundle), &mut failures)?;
    let runs = requests(&model, &prepared, args.beam)?;
    let files = HypothesisFiles::create(hypothesis_paths(args)?)?;
    let output = Output { name: suite.map(|_| bundle.manifest().name.clone()), args };

    evaluate_all(&model, &runs, files, &output, &mut failures)
        .map_err(|error| Stopped::because(error, "the evaluation stopped"))?;
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STOPPED) })
}

/// A task over a manifest, and how it is asked for.
type Asked<'a> = (&'a Prepared, &'a EvalRun, Request);

/// What is spoken and asked. Sentences that cannot be spoken are told and counted.
fn prepare(
    args: &EvalArgs,
    suite: Option<&Suite>,
    learnt: &[String],
    failures: &mut usize,
) -> anyhow::Result<Vec<Prepared>> {
    let trained = |task: &EvalTask| learnt.contains(&task.name());
    match (suite, &args.manifest) {
        (Some(suite), _) => {
            let mut suite = suite.clone();
            if let Some(work) = &args.work {
                suite.work.clone_from(work);
            }
            let bar = ProgressBar::new_spinner();
            let progress = |name: &str, done: usize| bar.set_message(format!("{name}: {done} spoken"));
            let prepared = suite.prepare(&trained, &progress, &mut |failure| {
                *failures += 1;
                bar.suspend(|| to_stderr(&format!("error: {failure}")));
            })?;
            bar.finish_and_clear();
            Ok(prepared)
        }
        (None, Some(path)) => {
            let tasks = suite::tasks(std::slice::from_ref(&args.task))?;
            let mut utterances = manifest::read(path)?;
            utterances.truncate(args.limit.unwrap_or(usize::MAX));
            let manifest = path.display().to_string();
            let run = |task: EvalTask| EvalRun {
                trained: trained(&task),
                task,
                context: None,
                manifest: manifest.clone(),
            };
            Ok(vec![Prepared { utterances, tasks: tasks.into_iter().map(run).collect() }])
        }
        (None, None) => anyhow::bail!("`eval` needs `--manifest` or `--suite`"),
    }
}

/// How each task is asked for. What a task cannot be asked for is told before the first one is.
fn requests<'a>(
    model: &SpeechModel,
    prepared: &'a [Prepared],
    beams: Option<usize>,
) -> anyhow::Result<Vec<Asked<'a>>> {
    let all = prepared.iter().flat_map(|one| one.tasks.iter().map(move |run| (one, run)));
    all.map(|(one, run)| Ok((one, run, report::request(model, &one.utterances, run, beams)?))).collect()
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

/// All tasks of all runs, with a bar each. Answers and reports are written as they come; cases that fail are told and
/// counted.
fn evaluate_all(
    model: &SpeechModel,
    runs: &[Asked<'_>],
    mut files: HypothesisFiles,
    output: &Output<'_>,
    failures: &mut usize,
) -> anyhow::Result<()> {
    let mut reports = Vec::new();
    let mut written = Ok(());
    for (Prepared { utterances, .. }, run, request) in runs {
        let bar = ProgressBar::new(run.task.cases(utterances).len() as u64).with_message(run.name());
        bar.set_style(ProgressStyle::with_template("{msg} {bar:24} {pos}/{len} left {eta_precise}")?);
        let mut on_answers = |answers: &[Hypothesis]| {
            files.add(answers);
            for error in answers.iter().filter_map(|answer| answer.error.as_ref()) {
                *failures += 1;
                bar.suspend(|| to_stderr(&format!("error: {error}")));
            }
            bar.inc(answers.len() as u64);
        };
        let (report, _) = evaluate(model, utterances, run, request, &mut on_answers)?;
        bar.finish_and_clear();
        reports.push(report);
        // With the scores of what is done so far; the last time decides.
        written = output.write(&reports);
    }
    output.print(&reports)?;
    written.and(files.finish())
}

/// Where the scores go.
struct Output<'a> {
    /// The bundle's name, for a suite.
    name: Option<String>,
    args: &'a EvalArgs,
}

impl Output<'_> {
    fn json(&self, reports: &[Report]) -> anyhow::Result<serde_json::Value> {
        Ok(match (&self.name, reports) {
            (None, [report]) => serde_json::to_value(report)?,
            (None, reports) => serde_json::to_value(reports)?,
            (Some(name), reports) => json!({"bundle": name, "results": reports}),
        })
    }

    /// Writes `report.json` and `report.md`, where a folder is asked for.
    fn write(&self, reports: &[Report]) -> anyhow::Result<()> {
        let Some(out) = &self.args.out else { return Ok(()) };
        let json = serde_json::to_string_pretty(&self.json(reports)?)?;
        write(&out.join("report.json"), &format!("{json}\n"))?;
        write(&out.join("report.md"), &format!("{}\n", table::markdown(reports)))
    }

    fn print(&self, reports: &[Report]) -> anyhow::Result<()> {
        let text = if self.args.json {
            serde_json::to_string_pretty(&self.json(reports)?)?
        } else {
            table::markdown(reports)
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
