//! `slm-cli info`: what the bundle is made of, or the limits on inputs.

use std::io::{self, Write};
use std::process::ExitCode;

use slm_core::audio::limits;
use slm_core::bundle::Part;
use slm_core::task::{MAX_INSTRUCTION_TOKENS, MAX_SEGMENT_SECONDS, MAX_TEXT_TOKENS, MAX_WHOLE_SECONDS};
use slm_core::{json, text};

use crate::args::{InfoArgs, MAX_BEAMS, MAX_NEW_TOKENS, ModelArgs};
use crate::model::Source;
use crate::report::Stop;

pub(super) fn execute(model: &ModelArgs, args: &InfoArgs) -> Result<ExitCode, Stop> {
    let rows = if args.limits { limit_rows() } else { bundle_rows(model)? };
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<width$}  {value}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn bundle_rows(model: &ModelArgs) -> anyhow::Result<Vec<(&'static str, String)>> {
    let source = Source::open(model)?;
    let manifest = source.bundle().manifest();
    let tasks: Vec<&str> = manifest.templates.keys().map(String::as_str).collect();
    let part = |part: &Part| {
        let files: Vec<&str> = part.files.keys().map(String::as_str).collect();
        format!("{}: {}", part.path.display(), files.join(", "))
    };
    let place = match &source {
        Source::Folder(bundle) => bundle.dir().display().to_string(),
        Source::Embedded(..) => "in the program".to_owned(),
    };
    Ok(vec![
        ("bundle", place),
        ("name", manifest.name.clone()),
        ("description", manifest.description.clone()),
        ("writer", manifest.writer.clone()),
        ("tasks", tasks.join(", ")),
        ("encoder", part(&manifest.parts.encoder)),
        ("llm", part(&manifest.parts.llm)),
        ("adapter", part(&manifest.parts.adapter)),
    ])
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
