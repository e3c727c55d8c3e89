//! The verb `validate`: every row of training data that cannot be used, on stderr, and what the others have, on stdout.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use slm_core::audio::SAMPLE_RATE;
use slm_core::models::checkpoint::Checkpoint;
use slm_core::models::features::FeatureExtractor;
use slm_core::models::text::TextTokenizer;
use slm_train::data::manifest::{ReadSettings, Summary, summarise};

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
    let settings = ReadSettings { data_root: args.data_root.clone() };
    let mut bad = 0;
    for path in &args.sources {
        let summary = summarise(path, &settings, tokens, frames, &mut |row| to_stderr(&row.to_string()))?;
        bad += summary.bad;
        let shown = if args.json {
            json!({"path": path, "summary": summary}).to_string()
        } else {
            format!("{}\n{}", path.display(), table(&summary))
        };
        writeln!(std::io::stdout(), "{shown}").context("cannot write the output")?;
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STOPPED) })
}

/// A line for each thing that is known.
fn table(summary: &Summary) -> String {
    let counts = |counts: &std::collections::BTreeMap<String, usize>| {
        counts.iter().map(|(name, rows)| format!("{name} ({rows})")).collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![
        ("rows", format!("{}, of which {} cannot be used", summary.rows, summary.bad)),
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
