//! `report.html` in the folder of a run: curves, samples and the record, in one file that needs nothing else.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::svg::{chart, short};
use super::{History, Sample, StepRecord};

/// The file's name.
pub const NAME: &str = "report.html";

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;\
    color:#222;background:#fff}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}\
    .charts{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0;width:560px}figcaption{font-weight:600}\
    svg text{font-size:11px;fill:#666}.grid{stroke:#ddd}polyline{fill:none;stroke:#1f6feb;stroke-width:1.5}\
    table{border-collapse:collapse}td,th{border:1px solid #ddd;padding:.2em .6em;text-align:left;vertical-align:top}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}\
    .grid{stroke:#333}svg text{fill:#999}}";

/// A figure of a step.
type Figure = fn(&StepRecord) -> f64;

/// Writes the report of the run in `dir`.
///
/// # Errors
///
/// A run that cannot be read, or a file that cannot be written.
pub fn write(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(NAME);
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = html(&name, &History::read(dir)?);
    fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

/// The report of a run.
pub fn html(name: &str, history: &History) -> String {
    let title = match &history.record {
        Some(record) => format!("{name}: {}", record.stage),
        None => name.to_owned(),
    };
    let title = escaped(&title);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    table(&mut text, &["", ""], facts(history).iter().map(|(name, value)| vec![name.as_str(), value]));
    text.push_str("<h2>Curves</h2>\n<div class=\"charts\">\n");
    let of_steps: [(&str, Figure); 4] = [
        ("loss", |record| record.loss),
        ("learning rate", |record| record.learning_rate),
        ("gradient norm", |record| record.grad_norm),
        ("target tokens or utterances a second", |record| record.per_second),
    ];
    let of_steps = of_steps.into_iter().map(|(name, value)| {
        (name.to_owned(), history.steps.values().map(|record| (record.step, value(record))).collect())
    });
    let of_evaluations =
        history.metrics().into_iter().map(|name| (format!("held out: {name}"), history.curve(name)));
    for (name, points) in of_steps.chain(of_evaluations) {
        let points: Vec<(u64, f64)> = points;
        if let Some(svg) = chart(&points) {
            let _ = writeln!(text, "<figure><figcaption>{}</figcaption>{svg}</figure>", escaped(&name));
        }
    }
    text.push_str("</div>\n");
    // The first and the last show what was learnt between.
    let last = history.samples.last_key_value();
    let first = history.samples.first_key_value().filter(|first| Some(first.0) != last.map(|last| last.0));
    for (step, samples) in last.into_iter().chain(first) {
        let _ = writeln!(text, "<h2>Samples of step {step}</h2>");
        let cells = |Sample { example, reference, text }: &'_ Sample| {
            [example.clone(), reference.clone(), text.clone()]
        };
        let rows: Vec<[String; 3]> = samples.iter().map(cells).collect();
        let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect());
        table(&mut text, &["example", "reference", "model"], rows);
    }
    if let Some(record) = &history.record {
        text.push_str("<h2>Settings</h2>\n");
        let flat = record.flat();
        table(&mut text, &["key", "value"], flat.iter().map(|(key, value)| vec![key.as_str(), value]));
    }
    text.push_str("</body></html>\n");
    text
}

/// What is said first of a run.
pub(super) fn facts(history: &History) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(record) = &history.record {
        add("program", format!("slm-train {}, {}", record.version, record.backend));
    }
    if let Some(last) = history.steps.values().next_back() {
        add("steps", last.step.to_string());
        add("epoch", last.epoch.to_string());
        add("last loss", short(last.loss));
    }
    add("seconds", short(history.seconds.round()));
    for metric in history.metrics() {
        let last = history.curve(metric).last().map_or_else(String::new, |(_, value)| short(*value));
        add(&format!("{metric}, last"), last);
        if let Some((step, value)) = history.best(metric) {
            add(&format!("{metric}, best"), format!("{} (step {step})", short(value)));
        }
    }
    facts
}

fn table<'a>(text: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<&'a str>>) {
    text.push_str("<table>");
    if head.iter().any(|name| !name.is_empty()) {
        row(text, "th", head);
    }
    for cells in rows {
        row(text, "td", &cells);
    }
    text.push_str("</table>\n");
}

fn row(text: &mut String, kind: &str, cells: &[&str]) {
    text.push_str("<tr>");
    for cell in cells {
        let _ = write!(text, "<{kind}>{}</{kind}>", escaped(cell));
    }
    text.push_str("</tr>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::history::RunRecord;

    #[test]
    fn a_report_has_curves_samples_and_settings_and_needs_nothing_else() {
        let step = |step: u64, loss: f64| {
            (
                step,
                StepRecord {
                    step,
                    epoch: 1,
                    loss,
                    grad_norm: 1.0,
                    learning_rate: 0.1,
                    per_second: 3.0,
                    seconds: 9.0,
                },
            )
        };
        let eval = |step: u64, wer: f64| (step, BTreeMap::from([("wer".to_owned(), wer)]));
        let sample =
            Sample { example: "a.wav".into(), reference: "x < y & z".into(), text: "<script>".into() };
        let settings = json!({"name": "m", "train": {"steps": 20, "overfit": null}});
        let history = History {
            record: Some(RunRecord::new("adapter", settings, "flex")),
            steps: BTreeMap::from([step(10, 5.0), step(20, 2.0)]),
            evaluations: BTreeMap::from([eval(10, 0.4), eval(20, 0.5)]),
            samples: BTreeMap::from([(20, vec![sample])]),
            seconds: 9.0,
        };
        let page = html("run", &history);
        for part in [
            "<h1>run: adapter</h1>",
            "held out: wer",
            "<td>wer, best</td><td>0.4 (step 10)</td>",
            "x &lt; y &amp; z",
            "<td>train.steps</td><td>20</td>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("<svg").count(), 5);
        for foreign in ["http", "<script", "src=", "@import", "train.overfit"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
