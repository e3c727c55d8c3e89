//! `slm-cli info`: what a folder is and holds, or the limits on inputs.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use burn::prelude::*;
use slm_core::audio::limits;
use slm_core::backend::Backend;
use slm_core::bundle::Bundle;
use slm_core::context::{MAX_PHRASE_CHARS, MAX_PHRASES};
use slm_core::folder::{Folder, WeightSummary};
use slm_core::task::{
    MAX_INSTRUCTION_TOKENS, MAX_SEGMENT_SECONDS, MAX_TEXT_TOKENS, MAX_WHOLE_SECONDS, SpeechModel,
};
use slm_core::text::TextTokenizer;
use slm_core::weights::{ComputeType, ValueRange};
use slm_core::{json, text};

use crate::args::{InfoArgs, MAX_BEAMS, MAX_NEW_TOKENS, ModelArgs};
use crate::model::{self, Source};
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &InfoArgs) -> Result<ExitCode, Stop> {
    let rows = match (&args.dir, args.limits) {
        (_, true) => limit_rows(),
        (Some(dir), false) => folder_rows(model, dir, args.load)?,
        (None, false) => {
            let source = Source::open(model)?;
            let place = match &source {
                Source::Folder(bundle) => bundle.dir().display().to_string(),
                Source::Embedded(..) => "in the program".to_owned(),
            };
            bundle_rows(model, source.bundle(), place, args.load)?
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        let record: serde_json::Map<String, serde_json::Value> =
            rows.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        writeln!(out, "{}", serde_json::Value::Object(record))?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        writeln!(out, "{name:<width$}  {value}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A row's name and its value.
type Row = (&'static str, String);

/// What a check that found nothing says.
const SOUND: &str = "every tensor loads, all are finite, the parts fit";

fn folder_rows(args: &ModelArgs, dir: &Path, load: bool) -> anyhow::Result<Vec<Row>> {
    let place = || model::placement(args);
    let (kind, folder, checked) = match Folder::open(dir)? {
        Folder::Bundle(bundle) => {
            return bundle_rows(args, &bundle, dir.display().to_string(), load);
        }
        Folder::Encoder(folder) => {
            let model = if load { Some(folder.load_encoder(place()?)?) } else { None };
            let checked = model.map(|model| ValueRange::of(&model));
            ("speech encoder", folder, checked)
        }
        Folder::LanguageModel(folder) => {
            let model = if load { Some(folder.load_llm(place()?)?) } else { None };
            let checked = model.map(|model| ValueRange::of(&model));
            ("language model", folder, checked)
        }
    };
    let mut rows = vec![
        ("folder", dir.display().to_string()),
        ("kind", kind.to_owned()),
        ("family", folder.model_type.clone()),
        ("classes", folder.architectures.join(", ")),
        ("weights", weights_text(&folder.weights)),
        ("parts", parts_text(&folder.weights)),
        ("on disk", format!("{:.1} MB", folder.weights.bytes as f64 / 1e6)),
        ("memory", memory_text(|compute| folder.weights.memory(compute))),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    let card = &folder.card;
    if !card.languages.is_empty() {
        rows.push(("languages", card.languages.join(", ")));
    }
    rows.extend(card.license.clone().map(|license| ("licence", license)));
    rows.extend(card.pipeline_tag.clone().map(|task| ("task", task)));
    if let Some(tokenizer) = TextTokenizer::find(dir)? {
        rows.push(("tokenizer", format!("{} ids", tokenizer.len())));
    }
    if !folder.missing.is_empty() {
        rows.push(("missing", folder.missing.join(", ")));
    }
    if let Some(range) = checked {
        if let Some(ValueRange { min, max, mean }) = range {
            rows.push(("values", format!("{min:.4} to {max:.4}, mean {mean:.6}")));
        }
        rows.push(("checked", SOUND.to_owned()));
    }
    Ok(rows)
}

fn bundle_rows(args: &ModelArgs, bundle: &Bundle, place: String, load: bool) -> anyhow::Result<Vec<Row>> {
    let manifest = bundle.manifest();
    let tasks: Vec<&str> = manifest.templates.keys().map(String::as_str).collect();
    let dirs =
        [("encoder", bundle.encoder_dir()), ("llm", bundle.llm_dir()), ("adapter", bundle.adapter_dir())];
    let mut rows = vec![
        ("bundle", place),
        ("name", manifest.name.clone()),
        ("description", manifest.description.clone()),
        ("writer", manifest.writer.clone()),
        ("tasks", tasks.join(", ")),
    ];
    let mut summaries = Vec::new();
    for (name, dir) in dirs {
        let weights = WeightSummary::read(&dir)?;
        rows.push((name, weights_text(&weights)));
        summaries.push(weights);
    }
    let memory = |compute| summaries.iter().map(|weights| weights.memory(compute)).sum();
    rows.push(("memory", memory_text(memory)));
    rows.push(("hashes", "every file is the one that the adapter was trained with".to_owned()));
    if load {
        SpeechModel::load(bundle, model::placement(args)?)?;
        rows.push(("checked", SOUND.to_owned()));
    }
    Ok(rows)
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

/// What the parameters take in each type that a backend of this build computes in.
fn memory_text(bytes: impl Fn(ComputeType) -> u64) -> String {
    let backends: Vec<(Backend, Device)> =
        Backend::ALL.into_iter().filter_map(|backend| Some((backend, model::probe(backend).ok()?))).collect();
    let types = ComputeType::ALL.into_iter().filter_map(|compute| {
        let able: Vec<&str> = backends
            .iter()
            .filter(|(_, device)| compute.check(device).is_ok())
            .map(|(backend, _)| backend.name())
            .collect();
        let size = bytes(compute) as f64 / 1e6;
        (!able.is_empty()).then(|| format!("{size:.1} MB in {} ({})", compute.name(), able.join(", ")))
    });
    types.collect::<Vec<_>>().join(", ") + ", for the parameters alone"
}

fn limit_rows() -> Vec<(&'static str, String)> {
    let rates = limits::SAMPLE_RATES;
    vec![
        ("channels", format!("1 to {}", limits::MAX_CHANNELS)),
        ("sample rate", format!("{} to {} Hz", rates.start(), rates.end())),
        ("sample magnitude", format!("{:e}", limits::MAX_SAMPLE)),
        ("WAV chunks before `data`", limits::MAX_CHUNKS.to_string()),
        ("`fmt ` chunk", bytes(limits::MAX_FMT_BYTES.into())),
        ("piped audio", bytes(limits::MAX_STREAM_BYTES)),
        ("audio to transcribe or translate", format!("none, cut into {MAX_SEGMENT_SECONDS} s")),
        ("audio for other tasks", format!("{MAX_WHOLE_SECONDS} s")),
        ("config file", bytes(json::MAX_CONFIG_BYTES)),
        ("tokenizer file", bytes(text::MAX_TOKENIZER_BYTES)),
        ("instruction", format!("{MAX_INSTRUCTION_TOKENS} tokens")),
        ("text in place of speech", format!("{MAX_TEXT_TOKENS} tokens")),
        ("phrases of a context", format!("{MAX_PHRASES}, {MAX_PHRASE_CHARS} characters each")),
        ("answer", format!("{MAX_NEW_TOKENS} tokens")),
        ("beams", MAX_BEAMS.to_string()),
    ]
}

/// Bytes in the largest unit that divides them.
fn bytes(count: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    units
        .into_iter()
        .find(|(size, _)| count >= *size && count.is_multiple_of(*size))
        .map_or_else(|| format!("{count} bytes"), |(size, unit)| format!("{} {unit}", count / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_round_units() {
        assert_eq!(bytes(2 << 30), "2 GiB");
        assert_eq!(bytes(4096), "4 KiB");
        assert_eq!(bytes(1025), "1025 bytes");
        assert!(limit_rows().len() > 10);
    }
}
