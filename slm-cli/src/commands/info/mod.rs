//! `slm-cli info`: what a folder is and holds, or the limits on inputs.

mod limits;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use slm_core::{Backend, ComputeType, Model, ModelDescription, ModelKind, PartDescription, WeightSummary};

use crate::args::{InfoArgs, ModelArgs};
use crate::capable;
use crate::interrupt::Interrupt;
use crate::model::{self, Source};
use crate::report::{self, Stop};

/// A row's name and its value.
type Row = (&'static str, String);

/// What a check that found nothing says.
const SOUND: &str = "every tensor loads, all are finite, the parts fit";

pub(super) fn execute(model: &ModelArgs, args: &InfoArgs, interrupt: &Interrupt) -> Result<ExitCode, Stop> {
    let rows = match (&args.dir, args.limits) {
        (_, true) => {
            let _held = interrupt.hold();
            [limits::of_files(), limits::of_model(&model::open(model, interrupt)?)].concat()
        }
        (Some(dir), false) => rows(model, dir, dir.display().to_string(), args.load, interrupt)?,
        (None, false) => {
            let held = interrupt.hold();
            let source = Source::find(model, interrupt)?;
            // Only what was unpacked must be cleared away.
            let _held = matches!(source, Source::Embedded(_)).then_some(held);
            let place = match &source {
                Source::Folder(dir) => dir.display().to_string(),
                Source::Embedded(_) => "in the program".to_owned(),
            };
            rows(model, source.path(), place, args.load, interrupt)?
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        let record: serde_json::Map<String, serde_json::Value> =
            rows.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        report::write_json(&mut out, &record)?;
    } else {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in rows {
            writeln!(out, "{name:<width$}  {value}")?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What lies at `path`, which is called `place`.
fn rows(
    args: &ModelArgs,
    path: &Path,
    place: String,
    load: bool,
    interrupt: &Interrupt,
) -> anyhow::Result<Vec<Row>> {
    let described = Model::describe(path)?;
    let mut rows = match (described.kind, described.parts.first()) {
        (ModelKind::Bundle, _) | (_, None) => bundle_rows(&described, place),
        (_, Some(part)) => part_rows(&described, part, place),
    };
    rows.push(("memory", memory_text(&described)));
    if load {
        if let Some(range) = described.verify(model::placement(args, interrupt)?)? {
            rows.push(("values", format!("{:.4} to {:.4}, mean {:.6}", range.min, range.max, range.mean)));
        }
        rows.push(("checked", SOUND.to_owned()));
    }
    rows.retain(|(_, value)| !value.is_empty());
    Ok(rows)
}

/// A model of one part; values that are empty are left out by the caller.
fn part_rows(described: &ModelDescription, part: &PartDescription, place: String) -> Vec<Row> {
    let kind = described.kind;
    let card = &part.card;
    vec![
        ("folder", place),
        ("kind", kind.name().to_owned()),
        ("use", kind.use_for().to_owned()),
        ("can", if described.tasks.is_empty() { String::new() } else { capable::text(described) }),
        ("family", part.model_type.clone().unwrap_or_default()),
        ("base", part.base.clone().unwrap_or_default()),
        ("classes", part.architectures.join(", ")),
        ("weights", weights_text(&part.weights)),
        ("parts", parts_text(&part.weights)),
        ("on disk", format!("{:.1} MB", part.weights.bytes as f64 / 1e6)),
        ("languages", card.languages.join(", ")),
        ("licence", card.license.clone().unwrap_or_default()),
        ("task", card.pipeline_tag.clone().unwrap_or_default()),
        ("tokenizer", part.tokens.map(|count| format!("{count} ids")).unwrap_or_default()),
        ("missing", part.missing.join(", ")),
    ]
}

fn bundle_rows(described: &ModelDescription, place: String) -> Vec<Row> {
    let mut rows = vec![
        ("bundle", place),
        ("name", described.name.clone().unwrap_or_default()),
        ("description", described.description.clone().unwrap_or_default()),
        ("writer", described.writer.clone().unwrap_or_default()),
        ("tasks", described.tasks.join(", ")),
        ("can", capable::text(described)),
    ];
    rows.extend(described.parts.iter().map(|part| {
        let form = part.form.as_ref().map(|form| format!("; {form}")).unwrap_or_default();
        (part.name, format!("{}{form}", weights_text(&part.weights)))
    }));
    let hashes = "every file that `slm.json` lists is the one that the adapter was trained with; other files are not \
                  read";
    rows.push(("hashes", hashes.to_owned()));
    rows
}

fn weights_text(weights: &WeightSummary) -> String {
    let dtypes: Vec<&str> = weights.dtypes.keys().map(String::as_str).collect();
    let files = if weights.files == 1 { String::new() } else { format!(", {} files", weights.files) };
    format!(
        "{} parameters in {} tensors, {}{files}",
        weights.parameters,
        weights.tensors,
        dtypes.join(" and ")
    )
}

/// Parameters of each part, where there are several.
fn parts_text(weights: &WeightSummary) -> String {
    if weights.parts.len() < 2 {
        return String::new();
    }
    let parts: Vec<String> = weights.parts.iter().map(|(part, count)| format!("{part} {count}")).collect();
    parts.join(", ")
}

/// What the model takes in each type that a backend of this build computes in.
fn memory_text(described: &ModelDescription) -> String {
    let devices: Vec<_> = Backend::ALL
        .into_iter()
        .filter(|backend| backend.is_compiled())
        .filter_map(|backend| Some((backend, backend.probe().ok()?)))
        .collect();
    // Without few bits it is f32.
    let has_blocks = described.parts.iter().any(|part| part.weights.has_few_bits());
    let types = ComputeType::ALL.into_iter().filter(|compute| has_blocks || *compute != ComputeType::Mixed);
    let weights = types.filter_map(|compute| {
        let able: Vec<&str> = devices
            .iter()
            .filter(|(_, device)| compute.check(device).is_ok())
            .map(|(backend, _)| backend.name())
            .collect();
        let size = described.memory_estimate(compute).weights as f64 / 1e6;
        (!able.is_empty()).then(|| format!("{size:.1} MB in {} ({})", compute.name(), able.join(", ")))
    });
    let weights: Vec<String> = weights.collect();
    let working = described.memory_estimate(ComputeType::F32).working as f64 / 1e6;
    format!("{} for the weights, and {working:.0} MB for work on 30 s of audio", weights.join(", "))
}
