//! The verb `validate`: every row of training data that cannot be used, on stderr, and what the others have, on stdout.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use slm_core::audio::SAMPLE_RATE;
use slm_core::models::checkpoint::{Checkpoint, PromptSettings};
use slm_core::models::features::FeatureExtractor;
use slm_core::models::text::TextTokenizer;
use slm_train::data::manifest::{
    Audio, BadRow, Counting, FileCheck, ReadSettings, Summary, Utterance, summarise,
};
use slm_train::data::pool::{FoundTask, Order, PromptWriter, TaskPool, TaskSummary};

use crate::EXIT_STOPPED;
use crate::args::ValidateArgs;
use crate::messages::to_stderr;

pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let open = |dir: &std::path::PathBuf| Checkpoint::open(dir);
    let llm = args.llm.as_ref().map(open).transpose()?;
    let tokenizer = llm.as_ref().map(TextTokenizer::from_checkpoint).transpose()?;
    let count = |text: &str| {
        tokenizer.as_ref().and_then(|tokenizer| tokenizer.encode(text).ok()).map_or(0, |ids| ids.len())
    };
    let tokens: Option<&dyn Fn(&str) -> usize> = if tokenizer.is_some() { Some(&count) } else { None };
    let encoder = args.encoder.as_ref().map(open).transpose()?;
    let features = encoder.as_ref().map(FeatureExtractor::from_checkpoint).transpose()?;
    let frames = features.map(|features| f64::from(SAMPLE_RATE) / features.hop() as f64);
    let pool = args.tasks.as_ref().map(|path| TaskPool::read(path, Order::default())).transpose()?;
    let writer = match (&llm, &tokenizer) {
        (Some(files), Some(tokenizer)) => {
            let sizes = slm_core::models::llm::sizes(files)?;
            Some(PromptWriter::new(&*sizes, files, tokenizer, &PromptSettings::default())?)
        }
        _ => None,
    };
    let mut tasks = pool.as_ref().map(|pool| TaskSummary::new(pool, writer.as_ref()));
    let audio =
        if pool.as_ref().is_some_and(TaskPool::reads_text) { Audio::Optional } else { Audio::Required };
    let settings = ReadSettings { audio, files: FileCheck::Opened, data_root: args.data_root.clone() };
    let takes = |row: &Utterance| args.filter.filter().takes(row);
    let counting = Counting { tokens, frames_per_second: frames, takes: &takes };
    let mut bad = 0;
    if let Some(pool) = &pool {
        let named: Vec<String> =
            args.sources.iter().filter_map(|source| named(source, Some(pool)).0).collect();
        for unknown in pool.unknown_sources(&named.iter().map(String::as_str).collect::<Vec<_>>()) {
            to_stderr(&format!("{unknown}; it is given as `NAME=PATH`"));
            bad += 1;
        }
    }
    for source in &args.sources {
        let (name, path) = named(source, pool.as_ref());
        let mut take = |row: &Utterance| tasks.iter_mut().for_each(|tasks| tasks.add(row, name.as_deref()));
        let mut tell = |row: BadRow| to_stderr(&row.to_string());
        let summary = summarise(&path, &settings, counting, &mut take, &mut tell)?;
        bad += summary.bad;
        let shown = if args.json {
            json!({"path": path, "summary": summary}).to_string()
        } else {
            format!("{}\n{}", path.display(), table(&summary))
        };
        writeln!(std::io::stdout(), "{shown}").context("cannot write the output")?;
    }
    if let Some(tasks) = tasks {
        let found = tasks.finish();
        found.notes.iter().for_each(|note| to_stderr(note));
        let shown = if args.json {
            json!({"tasks": found.tasks}).to_string()
        } else {
            found.tasks.iter().map(FoundTask::table).collect::<Vec<_>>().join("\n")
        };
        writeln!(std::io::stdout(), "{shown}").context("cannot write the output")?;
        bad += found.refused;
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STOPPED) })
}

/// The name and the path of a source: `NAME=PATH` where tasks read a source of that name.
pub(crate) fn named(source: &Path, pool: Option<&TaskPool>) -> (Option<String>, PathBuf) {
    let parts = source.to_str().and_then(|text| text.split_once('='));
    match parts.filter(|(name, _)| pool.is_some_and(|pool| pool.sources().contains(name))) {
        Some((name, path)) => (Some(name.to_owned()), path.into()),
        None => (None, source.to_owned()),
    }
}

/// A line for each thing that is known.
fn table(summary: &Summary) -> String {
    let counts = |counts: &std::collections::BTreeMap<String, usize>| {
        counts.iter().map(|(name, rows)| format!("{name} ({rows})")).collect::<Vec<_>>().join(", ")
    };
    let left_out = match summary.left_out {
        0 => String::new(),
        count => format!(" and {count} are left out"),
    };
    let rows = format!("{}, of which {} cannot be used{left_out}", summary.rows, summary.bad);
    let mut lines = vec![
        ("rows", rows),
        ("hours", format!("{:.2}", summary.seconds / 3600.0)),
        ("seconds a row", format!("{:.2} to {:.2}", summary.shortest, summary.longest)),
        ("languages", counts(&summary.languages)),
        ("tasks", counts(&summary.tasks)),
        ("voices", summary.voices.to_string()),
        ("characters", format!("{}, {} texts are empty", summary.characters, summary.empty_texts)),
    ];
    if let Some(tokens) = summary.tokens {
        lines.push(("tokens", tokens.to_string()));
    }
    if let Some(frames) = summary.frames {
        lines.push(("frames", frames.to_string()));
    }
    lines.into_iter().map(|(name, value)| format!("  {name:14} {value}")).collect::<Vec<_>>().join("\n")
}
