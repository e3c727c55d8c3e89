//! The JSON records of answers and failures.

use serde::Serialize;
use slm_core::{Alternative, Respelled, Segment, SkippedSpeech, Source, Warning, Word};

use super::answered::Answered;
use super::failure::{FailedInput, Failure, Notice};
use super::path::path_text;

/// A JSON record of an answer. Seconds are rounded to the millisecond, scores and agreements to four digits.
#[derive(Serialize)]
pub(super) struct AnswerRecord<'a> {
    path: String,
    text: &'a str,
    duration: f64,
    no_speech: bool,
    truncated: bool,
    /// How well the sound supports the worst segment of a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segments: Vec<SegmentRecord<'a>>,
    /// The stretches of a long recording that the answer rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<NoticeRecord>,
    /// What lacks, where the answer is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorRecord>,
}

#[derive(Serialize)]
struct SegmentRecord<'a> {
    start: f64,
    end: f64,
    text: &'a str,
    /// Whether the text ran into its limit; only where it did.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspect: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<WordRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRecord<'a>>,
    /// The phrases that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phrases: Vec<&'a str>,
    /// The words that phrases took the place of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    respelled: Vec<RespelledRecord<'a>>,
    /// Where there are several segments; those of a single one are the answer's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord<'a>>,
}

#[derive(Serialize)]
struct WordRecord<'a> {
    text: &'a str,
    start: f64,
    end: f64,
    agreement: f64,
}

/// A JSON record of a stretch that an answer rests on.
#[derive(Serialize)]
pub(crate) struct SourceRecord<'a> {
    start: f64,
    end: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct SkippedRecord<'a> {
    text: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct RespelledRecord<'a> {
    /// What the model wrote.
    written: &'a str,
    phrase: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
pub(super) struct AlternativeRecord<'a> {
    text: &'a str,
    score: f64,
}

/// A JSON record of something odd.
#[derive(Debug, Serialize)]
pub(crate) struct NoticeRecord {
    kind: &'static str,
    /// The class of the error behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f64>,
}

/// A JSON record of a failure.
#[derive(Serialize)]
pub(super) struct FailureRecord {
    path: String,
    error: ErrorRecord,
}

#[derive(Serialize)]
pub(super) struct ErrorRecord {
    kind: &'static str,
    message: String,
}

impl<'a> AnswerRecord<'a> {
    pub(super) fn of(answered: &Answered<'a>) -> Self {
        let Answered { path, answer, notices, failed } = *answered;
        let has_parts = answer.segments.len() > 1;
        Self {
            path: path_text(path),
            text: &answer.text,
            duration: milliseconds(answer.seconds),
            no_speech: answer.no_speech,
            truncated: answer.truncated,
            agreement: answer.agreement().map(four_digits),
            segments: answer.segments.iter().map(|segment| SegmentRecord::of(segment, has_parts)).collect(),
            sources: answer.sources.iter().map(SourceRecord::of).collect(),
            alternatives: answer.alternatives.iter().map(AlternativeRecord::of).collect(),
            warnings: warnings(notices, failed),
            error: failed.map(ErrorRecord::of),
        }
    }
}

impl<'a> SegmentRecord<'a> {
    /// `is_part` is whether there are others.
    fn of(segment: &'a Segment, is_part: bool) -> Self {
        let aligned = segment.alignment.as_ref();
        let word = |word: &'a Word| WordRecord {
            text: &word.text,
            start: milliseconds(word.start),
            end: milliseconds(word.end),
            agreement: four_digits(word.agreement),
        };
        let respelled = |one: &'a Respelled| RespelledRecord {
            written: &one.written,
            phrase: &one.phrase,
            start: milliseconds(one.start),
            end: milliseconds(one.end),
        };
        let alternatives: &[Alternative] = if is_part { &segment.alternatives } else { &[] };
        Self {
            start: milliseconds(segment.start),
            end: milliseconds(segment.end),
            text: &segment.text,
            truncated: segment.truncated,
            agreement: aligned.map(|aligned| four_digits(aligned.agreement.value())),
            suspect: aligned.map(|aligned| aligned.agreement.is_suspect()),
            words: aligned.map(|aligned| aligned.words.iter().map(word).collect()).unwrap_or_default(),
            skipped: aligned
                .map(|aligned| aligned.skipped.iter().map(SkippedRecord::of).collect())
                .unwrap_or_default(),
            phrases: segment.phrases.iter().map(|found| found.phrase.as_str()).collect(),
            respelled: segment.respelled.iter().map(respelled).collect(),
            alternatives: alternatives.iter().map(AlternativeRecord::of).collect(),
        }
    }
}

impl<'a> SkippedRecord<'a> {
    pub(super) fn of(stretch: &'a SkippedSpeech) -> Self {
        Self { text: &stretch.text, start: milliseconds(stretch.start), end: milliseconds(stretch.end) }
    }
}

impl<'a> SourceRecord<'a> {
    pub(crate) fn of(source: &'a Source) -> Self {
        let (start, end) = (milliseconds(source.start), milliseconds(source.end));
        Self { start, end, text: source.text.as_deref() }
    }
}

impl<'a> AlternativeRecord<'a> {
    pub(super) fn of(other: &'a Alternative) -> Self {
        Self { text: &other.text, score: four_digits(other.score) }
    }
}

impl NoticeRecord {
    pub(crate) fn of(notice: &Notice) -> Self {
        let times = notice.times();
        Self {
            kind: notice.kind(),
            cause: notice.cause(),
            message: notice.to_string(),
            start: times.map(|(start, _)| milliseconds(start)),
            end: times.map(|(_, end)| milliseconds(end)),
        }
    }
}

impl FailureRecord {
    pub(super) fn of(failed: &FailedInput) -> Self {
        Self { path: path_text(&failed.path), error: ErrorRecord::of(failed) }
    }
}

impl ErrorRecord {
    pub(super) fn of(failed: &FailedInput) -> Self {
        Self { kind: failed.kind(), message: failed.to_string() }
    }
}

/// What is odd about an answer, and the segments that lack.
pub(super) fn warnings(notices: &[Notice], failed: Option<&FailedInput>) -> Vec<NoticeRecord> {
    let without_answer: &[Warning] = match failed.map(|failed| &failed.failure) {
        Some(Failure::Segments(warnings)) => warnings,
        _ => &[],
    };
    let without_answer = without_answer.iter().cloned().map(Notice::Answer);
    let records = notices.iter().map(NoticeRecord::of);
    records.chain(without_answer.map(|notice| NoticeRecord::of(&notice))).collect()
}

/// Seconds, rounded to the millisecond.
pub(super) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

pub(super) fn four_digits(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
