//! The JSON record of an answer.

use std::path::Path;

use serde::Serialize;
use slm_core::align::{SkippedSpeech, Word};
use slm_core::task::{Alternative, Response, Segment};

/// A JSON record of an answer. Seconds are rounded to the millisecond, scores and agreements to four digits.
#[derive(Serialize)]
pub(crate) struct AnswerRecord<'a> {
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord<'a>>,
}

#[derive(Serialize)]
struct SegmentRecord<'a> {
    start: f64,
    end: f64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspect: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<WordRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRecord<'a>>,
    /// The phrases of the context that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phrases: Vec<&'a str>,
}

#[derive(Serialize)]
struct WordRecord<'a> {
    text: &'a str,
    start: f64,
    end: f64,
    agreement: f64,
}

#[derive(Serialize)]
struct SkippedRecord<'a> {
    text: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct AlternativeRecord<'a> {
    text: &'a str,
    score: f64,
}

impl<'a> AnswerRecord<'a> {
    pub(crate) fn of(path: &Path, response: &'a Response) -> Self {
        let alternative =
            |other: &'a Alternative| AlternativeRecord { text: &other.text, score: four_digits(other.score) };
        Self {
            path: path.display().to_string(),
            text: &response.text,
            duration: milliseconds(response.seconds),
            no_speech: response.no_speech,
            truncated: response.truncated,
            agreement: response.agreement().map(four_digits),
            segments: response.segments.iter().map(SegmentRecord::of).collect(),
            alternatives: response.alternatives.iter().map(alternative).collect(),
        }
    }
}

impl<'a> SegmentRecord<'a> {
    fn of(segment: &'a Segment) -> Self {
        let aligned = segment.alignment.as_ref();
        let word = |word: &'a Word| WordRecord {
            text: &word.text,
            start: milliseconds(word.start),
            end: milliseconds(word.end),
            agreement: four_digits(word.agreement),
        };
        let skipped = |stretch: &'a SkippedSpeech| SkippedRecord {
            text: &stretch.text,
            start: milliseconds(stretch.start),
            end: milliseconds(stretch.end),
        };
        Self {
            start: milliseconds(segment.start),
            end: milliseconds(segment.end),
            text: &segment.text,
            agreement: aligned.map(|aligned| four_digits(aligned.agreement.value())),
            suspect: aligned.map(|aligned| aligned.agreement.is_suspect()),
            words: aligned.map(|aligned| aligned.words.iter().map(word).collect()).unwrap_or_default(),
            skipped: aligned.map(|aligned| aligned.skipped.iter().map(skipped).collect()).unwrap_or_default(),
            phrases: segment.phrases.iter().map(|found| found.phrase.as_str()).collect(),
        }
    }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn four_digits(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
