//! The verb `eval`: scores as JSON or as a table on stdout, and files with all that was found.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use slm_core::bundle::Bundle;
use slm_core::task::{Request, SpeechModel, Task};
use slm_train::data::manifest;
use slm_train::eval::report::{EvalRun, Hypothesis, Report, evaluate};
use slm_train::eval::suite::{self, Prepared, Suite};
use slm_train::eval::table;
use slm_train::eval::tasks::EvalTask;

use crate::args::EvalArgs;

pub(crate) fn run(args: &EvalArgs, device: &Device) -> anyhow::Result<ExitCode> {
    let suite = args.suite.as_deref().map(Suite::read).transpose()?;
    // One of the two is there, as the command line demands.
    let dir = args.bundle.clone().or_else(|| suite.as_ref().map(|suite| suite.bundle.clone()));
    let bundle = Bundle::open(&dir.unwrap_or_default())?;
    let learnt = learnt(&bundle);
    let trained = |task: &EvalTask| learnt.contains(&task.name());
    let runs = match (&suite, &args.manifest) {
        (Some(suite), _) => {
            let mut suite = suite.clone();
            if let Some(work) = &args.work {
                suite.work.clone_from(work);
            }
            let bar = ProgressBar::new_spinner();
            let runs =
                suite.prepare(&trained, &|name, done| bar.set_message(format!("{name}: {done} spoken")))?;
            bar.finish_and_clear();
            runs
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
            vec![Prepared { utterances, tasks: tasks.into_iter().map(run).collect() }]
        }
        (None, None) => anyhow::bail!("`eval` needs `--manifest` or `--suite`"),
    };
    let model = SpeechModel::load(&bundle, device)?;
    let mut request = model.request(Task::Transcribe);
    if let Some(size) = args.beam {
        request.decode.strategy = request.decode.strategy.with_beams(size);
    }
    let (reports, hypotheses) = evaluate_all(&model, &runs, &request)?;

    let json = match (&suite, reports.as_slice()) {
        (None, [report]) => serde_json::to_value(report)?,
        (None, reports) => serde_json::to_value(reports)?,
        (Some(_), reports) => {
            json!({"bundle": bundle.manifest().name, "decoding": request.decode, "results": reports})
        }
    };
    if let Some(path) = &args.hypotheses {
        write_hypotheses(path, &hypotheses)?;
    }
    if let Some(out) = &args.out {
        fs::create_dir_all(out).with_context(|| format!("cannot create `{}`", out.display()))?;
        write_hypotheses(&out.join("hypotheses.jsonl"), &hypotheses)?;
        write(&out.join("report.json"), &format!("{}\n", serde_json::to_string_pretty(&json)?))?;
        write(&out.join("report.md"), &format!("{}\n", table::markdown(&reports)))?;
    }
    let text = if args.json { serde_json::to_string_pretty(&json)? } else { table::markdown(&reports) };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to stdout")?;
    Ok(ExitCode::SUCCESS)
}

/// All tasks of all runs, with a bar each.
fn evaluate_all(
    model: &SpeechModel,
    runs: &[Prepared],
    request: &Request,
) -> anyhow::Result<(Vec<Report>, Vec<Hypothesis>)> {
    let (mut reports, mut hypotheses) = (Vec::new(), Vec::new());
    for Prepared { utterances, tasks } in runs {
        for task in tasks {
            let count = task.task.cases(utterances).len() as u64;
            let bar = ProgressBar::new(count).with_message(task.name());
            bar.set_style(ProgressStyle::with_template("{msg} {bar:24} {pos}/{len} left {eta_precise}")?);
            let (report, answers) =
                evaluate(model, utterances, task, request, &|done| bar.set_position(done as u64))?;
            bar.finish_and_clear();
            reports.push(report);
            hypotheses.extend(answers);
        }
    }
    Ok((reports, hypotheses))
}

/// The names of the tasks that the bundle's adapter has learnt by speech, as its training record tells.
fn learnt(bundle: &Bundle) -> Vec<String> {
    let tasks = bundle.manifest().training.as_ref().and_then(|training| training.get("tasks"));
    let names = tasks.and_then(|tasks| tasks.as_array()).into_iter().flatten();
    names.filter_map(|name| Some(name.as_str()?.replace('-', "."))).collect()
}

fn write_hypotheses(path: &Path, hypotheses: &[Hypothesis]) -> anyhow::Result<()> {
    let fail = || format!("cannot write `{}`", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(fail)?);
    for hypothesis in hypotheses {
        writeln!(file, "{}", serde_json::to_string(hypothesis)?).with_context(fail)?;
    }
    file.flush().with_context(fail)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
