//! Reports as Markdown.

use std::fmt::Write;

use super::report::{Group, Report};

/// A document: the table of all tasks, then what only some have.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = overview(reports);
    for report in reports.iter().filter(|report| report.failed > 0) {
        let Report { task, manifest, failed, cases, .. } = report;
        let _ = write!(
            text,
            "\n\n{failed} of {} cases of `{task}`, {manifest}, failed and are in no score.",
            failed + cases
        );
    }
    let recognition: Vec<&Report> = reports.iter().filter(|report| report.wer.is_some()).collect();
    if !recognition.is_empty() {
        text.push_str(
            "\n\n| recognition | manifest | texts | WER | CER | WER of CTC | B-WER | U-WER | recall of phrases |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|---|");
        for report in recognition {
            let Report { task, manifest, normaliser, wer, cer, ctc_wer, .. } = report;
            let cells = [*wer, *cer, *ctc_wer, report.biased_wer, report.unbiased_wer, report.biased_recall];
            let cells: Vec<String> = cells.map(percent).into();
            let _ = write!(text, "\n| {task} | {manifest} | {normaliser} | {} |", cells.join(" | "));
        }
    }
    let translations: Vec<&Report> = reports.iter().filter(|report| report.bleu.is_some()).collect();
    if !translations.is_empty() {
        text.push_str("\n\n| free text | manifest | chrF | BLEU |\n|---|---|---|---|");
        for report in translations {
            let cells =
                [report.chrf, report.bleu].map(|score| score.map_or("-".into(), |s| format!("{s:.2}")));
            let _ = write!(text, "\n| {} | {} | {} |", report.task, report.manifest, cells.join(" | "));
        }
    }
    let extractions: Vec<&Report> = reports.iter().filter(|report| report.f1.is_some()).collect();
    if !extractions.is_empty() {
        text.push_str("\n\n| extraction | manifest | exact match | F1 |\n|---|---|---|---|");
        for report in extractions {
            let cells = [Some(report.exact_match), report.f1].map(percent);
            let _ = write!(text, "\n| {} | {} | {} |", report.task, report.manifest, cells.join(" | "));
        }
    }
    for report in reports {
        for (kind, groups) in [("voice", &report.by_voice), ("language", &report.by_language)] {
            if groups.len() > 1 {
                let _ = write!(
                    text,
                    "\n\n| {} of `{}`, {} | {} | answers |",
                    kind, report.task, report.manifest, report.metric
                );
                text.push_str("\n|---|---|---|");
                for (name, Group { speech_score, cases }) in groups {
                    let _ = write!(text, "\n| {name} | {} | {cases} |", figure(report.metric, *speech_score));
                }
            }
        }
    }
    text
}

/// A table with a row a task.
pub fn overview(reports: &[Report]) -> String {
    let mut text = String::from(
        "| task | manifest | learnt by speech | metric | speech | true text | thin gap | followed | answers |\n\
         |---|---|---|---|---|---|---|---|---|",
    );
    for report in reports {
        let learnt = if report.trained { "yes" } else { "zero-shot" };
        let range = |interval: Option<[f64; 2]>| {
            interval.map_or_else(String::new, |[low, high]| {
                format!(" ({} to {})", figure(report.metric, low), figure(report.metric, high))
            })
        };
        let gap = report.thin_gap.map_or_else(|| "-".into(), |gap| format!("{gap:.3}"));
        let _ = write!(
            text,
            "\n| {} | {} | {learnt} | {} | {}{} | {}{} | {gap} | {} | {} |",
            report.task,
            report.manifest,
            report.metric,
            figure(report.metric, report.speech_score),
            range(report.speech_interval),
            figure(report.metric, report.text_score),
            range(report.text_interval),
            percent(Some(report.followed)),
            report.cases
        );
    }
    text
}

/// chrF has one digit, shares have three.
fn figure(metric: &str, value: f64) -> String {
    if metric == "chrf" { format!("{value:.1}") } else { format!("{value:.3}") }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".into(), |share| format!("{:.1} %", 100.0 * share))
}
