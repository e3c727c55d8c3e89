//! The verb `eval`: scores as JSON or as a table on stdout.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use anyhow::Context;
use burn::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use slm_core::bundle::Bundle;
use slm_core::task::{SpeechModel, Task};
use slm_train::data::manifest;
use slm_train::eval::report::{Report, evaluate};
use slm_train::eval::tasks::EvalTask;

use crate::args::EvalArgs;

/// What `--task` says for every task.
const ALL: &str = "all";

pub(crate) fn run(args: &EvalArgs, device: &Device) -> anyhow::Result<ExitCode> {
    let tasks = if args.task == ALL {
        EvalTask::all()
    } else {
        let unknown = || {
            let names: Vec<String> = EvalTask::all().iter().map(EvalTask::name).collect();
            format!("unknown task `{}`; tasks are {}, {ALL}", args.task, names.join(", "))
        };
        vec![EvalTask::from_name(&args.task).with_context(unknown)?]
    };
    let mut utterances = manifest::read(&args.manifest)?;
    utterances.truncate(args.limit.unwrap_or(usize::MAX));
    let model = SpeechModel::load(&Bundle::open(&args.bundle)?, device)?;
    let mut request = model.request(Task::Transcribe);
    if let Some(size) = args.beam {
        request.decode.strategy = request.decode.strategy.with_beams(size);
    }
    let mut answers = match &args.hypotheses {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
            Some(BufWriter::new(file))
        }
        None => None,
    };

    let mut reports = Vec::new();
    for task in tasks {
        let bar = ProgressBar::new(task.cases(&utterances).len() as u64).with_message(task.name());
        bar.set_style(ProgressStyle::with_template("{msg} {bar:24} {pos}/{len} left {eta_precise}")?);
        let (report, hypotheses) =
            evaluate(&model, &utterances, &task, &request, &|done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        if let Some(file) = &mut answers {
            for hypothesis in hypotheses {
                let mut line = serde_json::to_value(hypothesis)?;
                line["task"] = task.name().into();
                writeln!(file, "{line}")?;
            }
        }
        reports.push(report);
    }
    if let Some(mut file) = answers {
        file.flush()?;
    }
    let text = match (args.json, reports.as_slice()) {
        (true, [report]) => serde_json::to_string_pretty(report)?,
        (true, reports) => serde_json::to_string_pretty(reports)?,
        (false, reports) => table(reports),
    };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to stdout")?;
    Ok(ExitCode::SUCCESS)
}

/// A Markdown table, a row a task.
fn table(reports: &[Report]) -> String {
    let mut lines = vec![
        "| task | metric | speech | text | thin gap | cases |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for report in reports {
        let gap = report.thin_gap.map_or_else(|| "-".into(), |gap| format!("{gap:.3}"));
        lines.push(format!(
            "| {} | {} | {:.4} | {:.4} | {gap} | {} |",
            report.task, report.metric, report.speech_score, report.text_score, report.cases
        ));
    }
    lines.join("\n")
}
