//! `slm-cli doctor DIR`: whether a model has all that it needs, and what to do where it lacks something.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use slm_core::{Check, Error, Finding, Model};

use crate::args::ModelArgs;
use crate::interrupt::Interrupt;
use crate::model;
use crate::report::{self, Stop};

/// A finding, as it is shown.
#[derive(Debug, Serialize)]
struct Row {
    part: &'static str,
    check: &'static str,
    state: &'static str,
    /// What was found, or what is wrong.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Row {
    fn of(finding: &Finding) -> Self {
        let (state, text) = match &finding.outcome {
            Ok(text) => ("ok", text.clone()),
            // A part of others is sound, though it answers nothing.
            Err(error @ Error::Unsupported(_)) if finding.check == Check::Answers => ("no", told(error)),
            Err(error) => ("WRONG", told(error)),
        };
        Self { part: finding.part, check: finding.check.name(), state, text, advice: finding.advice() }
    }
}

pub(super) fn execute(
    args: &ModelArgs,
    dir: &Path,
    json: bool,
    interrupt: &Interrupt,
) -> Result<ExitCode, Stop> {
    let findings = Model::examine(dir, model::placement(args, interrupt)?);
    let rows: Vec<Row> = findings.iter().map(Row::of).collect();
    let mut out = io::stdout().lock();
    for row in &rows {
        if json {
            report::write_json(&mut out, row)?;
            continue;
        }
        writeln!(out, "{:<12} {:<13} {:<5}  {}", row.part, row.check, row.state, row.text)?;
        if let Some(advice) = &row.advice {
            writeln!(out, "{:<12} {:<13} {:<5}  {advice}", "", "", "hint:")?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(rows.iter().any(|row| row.state == "WRONG"))))
}

/// An error with what caused it, in a line.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        cause = source.source();
    }
    text
}
