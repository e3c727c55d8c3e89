//! The scores of recordings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use slm_core::{DecodeConfig, Warning};

use super::times::{Coverage, Written};
use crate::eval::bootstrap;
use crate::eval::metrics::{Counts, ErrorCounts};
use crate::eval::normalise::Normaliser;

/// What was found of one recording.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Word errors of the whole.
    pub whole: ErrorCounts,
    /// Word errors of the utterances one by one.
    pub one_by_one: ErrorCounts,
    /// Utterances.
    pub utterances: usize,
    /// What was written where nobody speaks, by what is there.
    pub written: BTreeMap<String, Written>,
    /// How much of it is accounted for.
    pub coverage: Coverage,
    /// Warnings by their kind.
    pub warnings: BTreeMap<&'static str, usize>,
    /// Seconds of audio.
    pub seconds: f64,
    /// Time of its transcript.
    pub wall: Duration,
}

/// The scores of a corpus of recordings.
#[derive(Debug, Clone, Serialize)]
pub struct RecordingsReport {
    /// The corpus.
    pub manifest: String,
    /// Recordings that were scored.
    pub recordings: usize,
    /// Recordings that failed, which are in no score.
    pub failed: usize,
    /// Utterances in them.
    pub utterances: usize,
    /// Word error rate of the recordings, each as a whole.
    pub wer: f64,
    /// Where 95 % of resamples of the recordings have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wer_interval: Option<[f64; 2]>,
    /// Word error rate of the same utterances one by one, in the same run.
    pub one_by_one_wer: f64,
    /// What the first is above the second.
    pub difference: f64,
    /// Where 95 % of resamples have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_interval: Option<[f64; 2]>,
    /// The word errors of the recordings.
    pub errors: ErrorCounts,
    /// The word errors one by one.
    pub one_by_one_errors: ErrorCounts,
    /// Words that were written where nobody speaks.
    pub words_without_speech: usize,
    /// The same by what is there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_sound: BTreeMap<String, Written>,
    /// The share of the audio that is in a segment or listed as quiet.
    pub accounted: f64,
    /// Seconds that are accounted for more than once.
    pub twice_seconds: f64,
    /// Warnings by their kind.
    pub warnings: BTreeMap<&'static str, usize>,
    /// Seconds of audio.
    pub audio_seconds: f64,
    /// Seconds that the transcripts took.
    pub wall_seconds: f64,
    /// Seconds of work for a second of audio.
    pub real_time_factor: f64,
    /// How texts were normalised.
    pub normaliser: Normaliser,
    /// How tokens were chosen.
    pub decoding: DecodeConfig,
}

impl RecordingsReport {
    /// The scores of `found`, and of `failed` recordings of which there is nothing.
    pub fn of(
        manifest: &str,
        found: &[Found],
        failed: usize,
        normaliser: Normaliser,
        decoding: DecodeConfig,
    ) -> Self {
        let total = |units: &[usize], errors: fn(&Found) -> ErrorCounts| {
            ErrorCounts::total(units.iter().map(|&unit| errors(&found[unit])))
        };
        let (whole, alone) = (|found: &Found| found.whole, |found: &Found| found.one_by_one);
        let wer = |units: &[usize]| total(units, whole).score();
        let difference = |units: &[usize]| wer(units) - total(units, alone).score();
        let all: Vec<usize> = (0..found.len()).collect();
        let (mut by_sound, mut warnings) = (BTreeMap::new(), BTreeMap::new());
        for one in found {
            for (sound, written) in &one.written {
                *by_sound.entry(sound.clone()).or_insert_with(Written::default) += *written;
            }
            for (kind, count) in &one.warnings {
                *warnings.entry(*kind).or_default() += count;
            }
        }
        let sum = |of: fn(&Found) -> f64| found.iter().map(of).sum::<f64>();
        let audio_seconds = sum(|found| found.seconds);
        let wall_seconds = sum(|found| found.wall.as_secs_f64());
        let share = |part: f64| if audio_seconds > 0.0 { part / audio_seconds } else { 0.0 };
        Self {
            manifest: manifest.to_owned(),
            recordings: found.len(),
            failed,
            utterances: found.iter().map(|found| found.utterances).sum(),
            wer: wer(&all),
            wer_interval: bootstrap::interval(found.len(), wer),
            one_by_one_wer: total(&all, alone).score(),
            difference: difference(&all),
            difference_interval: bootstrap::interval(found.len(), difference),
            errors: total(&all, whole),
            one_by_one_errors: total(&all, alone),
            words_without_speech: by_sound.values().map(|written| written.words).sum(),
            by_sound,
            accounted: share(sum(|found| found.coverage.covered)),
            twice_seconds: sum(|found| found.coverage.twice),
            warnings,
            audio_seconds,
            wall_seconds,
            real_time_factor: share(wall_seconds),
            normaliser,
            decoding,
        }
    }
}

/// Counts warnings by their kind.
pub fn count_warnings(warnings: &[Warning]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for warning in warnings {
        let kind = match warning {
            Warning::NoSpeech => "no_speech",
            Warning::TextLimit { .. } => "text_limit",
            Warning::Unsupported { .. } => "unsupported",
            Warning::SegmentFailed { .. } => "segment_failed",
            _ => "other",
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// The tables of some corpora.
pub fn markdown(reports: &[RecordingsReport]) -> String {
    let mut text = String::from(
        "| recordings | files | audio, s | WER | one by one | difference, points | words without speech | \
         accounted for | warnings | seconds a second |\n|---|---|---|---|---|---|---|---|---|---|",
    );
    for report in reports {
        let range = report.difference_interval.map_or_else(String::new, |[low, high]| {
            format!(" ({:+.1} to {:+.1})", 100.0 * low, 100.0 * high)
        });
        let warnings: usize = report.warnings.values().sum();
        let _ = write!(
            text,
            "\n| {} | {} | {:.0} | {:.1} % | {:.1} % | {:+.1}{range} | {} | {:.1} % | {warnings} | {:.3} |",
            report.manifest,
            report.recordings,
            report.audio_seconds,
            100.0 * report.wer,
            100.0 * report.one_by_one_wer,
            100.0 * report.difference,
            report.words_without_speech,
            100.0 * report.accounted,
            report.real_time_factor,
        );
    }
    text.push_str("\n\n| recordings | without speech | seconds | words |\n|---|---|---|---|");
    for report in reports {
        for (sound, Written { seconds, words }) in &report.by_sound {
            let _ = write!(text, "\n| {} | {sound} | {seconds:.0} | {words} |", report.manifest);
        }
    }
    for report in reports.iter().filter(|report| report.failed > 0) {
        let all = report.failed + report.recordings;
        let _ = write!(
            text,
            "\n\n{} of {all} recordings of {} failed and are in no score.",
            report.failed, report.manifest
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(errors: usize, words: usize) -> Found {
        Found {
            whole: ErrorCounts { deletions: errors, reference_words: 10, ..ErrorCounts::default() },
            one_by_one: ErrorCounts { substitutions: 1, reference_words: 10, ..ErrorCounts::default() },
            utterances: 2,
            written: BTreeMap::from([("pink".to_owned(), Written { seconds: 5.0, words })]),
            coverage: Coverage { covered: 8.0, twice: 0.5 },
            warnings: BTreeMap::from([("unsupported", 1)]),
            seconds: 10.0,
            wall: Duration::from_secs(2),
        }
    }

    #[test]
    fn the_difference_is_one_number() {
        let report = RecordingsReport::of(
            "a",
            &[found(1, 0), found(4, 3)],
            1,
            Normaliser::Basic,
            DecodeConfig::default(),
        );
        assert!((report.wer - 0.25).abs() < 1e-9 && (report.one_by_one_wer - 0.1).abs() < 1e-9);
        assert!((report.difference - 0.15).abs() < 1e-9);
        assert_eq!((report.words_without_speech, report.by_sound["pink"].words), (3, 3));
        assert!((report.accounted - 0.8).abs() < 1e-9 && (report.real_time_factor - 0.2).abs() < 1e-9);
        assert_eq!(report.warnings["unsupported"], 2);
        let [low, high] = report.difference_interval.unwrap();
        assert!(low <= report.difference && report.difference <= high);
        let table = markdown(&[report]);
        for part in ["| a | 2 | 20 | 25.0 % | 10.0 % | +15.0 (", "| a | pink | 10 | 3 |", "1 of 3 recordings"]
        {
            assert!(table.contains(part), "{part}: {table}");
        }
    }

    #[test]
    fn nothing_found_is_no_division_by_nothing() {
        let report = RecordingsReport::of("a", &[], 2, Normaliser::Basic, DecodeConfig::default());
        assert_eq!((report.recordings, report.failed), (0, 2));
        assert!(report.real_time_factor.abs() < 1e-9 && report.accounted.abs() < 1e-9);
        assert!(report.wer_interval.is_none());
    }
}
