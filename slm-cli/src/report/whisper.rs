//! Answers in the JSON of whisper, as a document or line by line.
//!
//! As there, texts of segments and words begin with a space, so that joined they are the whole. What whisper does not have
//! is added under names of our own. `tests/schema/whisper.json` describes a document.

use serde::Serialize;
use slm_core::{Answer, Quiet, QuietKind, Segment};

use super::answered::{About, Closing};
use super::path::path_text;
use super::record::{
    AlternativeRecord, ErrorRecord, NoticeRecord, SkippedRecord, four_digits, milliseconds, warnings,
};

/// Windows of whisper's features a second, in which `seek` counts.
const FRAMES_A_SECOND: f64 = 100.0;
/// In the place of the logarithm of a probability that is 0, which JSON cannot write.
const LEAST_LOGPROB: f64 = -1000.0;

/// How records follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One document.
    Document,
    /// A record a line.
    Lines,
}

/// The records of an input, which grow segment by segment.
#[derive(Debug)]
pub(super) struct Records {
    shape: Shape,
    about: About,
    path: String,
    /// The texts of all segments.
    text: String,
    count: usize,
}

#[derive(Serialize)]
struct SegmentRecord<'a> {
    id: usize,
    seek: u64,
    start: f64,
    end: f64,
    text: String,
    tokens: &'a [u32],
    temperature: f64,
    avg_logprob: f64,
    compression_ratio: f64,
    no_speech_prob: f64,
    /// Where words have times.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordRecord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<f64>,
    /// Whether the sound supports the text.
    supported: bool,
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phrases: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord<'a>>,
}

#[derive(Serialize)]
struct WordRecord {
    word: String,
    start: f64,
    end: f64,
    /// How well the sound supports it.
    probability: f64,
}

/// What is known when the work on an input ends.
#[derive(Serialize)]
struct TailRecord<'a> {
    text: &'a str,
    /// `null` where nothing could be read or answered.
    duration: Option<f64>,
    no_speech: bool,
    truncated: bool,
    agreement: Option<f64>,
    quiet: Vec<QuietRecord>,
    warnings: Vec<NoticeRecord>,
    /// Why the answer is not whole, where it is not.
    error: Option<ErrorRecord>,
}

#[derive(Serialize)]
struct QuietRecord {
    start: f64,
    end: f64,
    kind: &'static str,
}

/// A line of `jsonl`.
#[derive(Serialize)]
struct Line<'a, R> {
    kind: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(flatten)]
    record: R,
}

impl Records {
    pub(super) fn new(shape: Shape, about: &About) -> Self {
        let path = path_text(&about.path);
        Self { shape, about: about.clone(), path, text: String::new(), count: 0 }
    }

    /// What stands before the first segment.
    pub(super) fn head(&self) -> serde_json::Result<String> {
        match self.shape {
            Shape::Lines => Ok(String::new()),
            Shape::Document => {
                let [path, language] = [&self.path, &self.about.language].map(serde_json::to_string);
                Ok(format!("{{\"path\":{},\"language\":{},\"segments\":[", path?, language?))
            }
        }
    }

    /// The next segment.
    pub(super) fn segment(&mut self, segment: &Segment) -> serde_json::Result<String> {
        let record = SegmentRecord::of(self.count, segment);
        self.text.push_str(&record.text);
        self.count += 1;
        match self.shape {
            Shape::Lines => line("segment", &self.path, None, record),
            Shape::Document => {
                let comma = if self.count > 1 { "," } else { "" };
                Ok(format!("{comma}\n{}", serde_json::to_string(&record)?))
            }
        }
    }

    /// What stands after the last segment.
    pub(super) fn tail(&self, closing: &Closing) -> serde_json::Result<String> {
        let record = TailRecord::of(&self.text, closing);
        match self.shape {
            Shape::Lines => line("input", &self.path, Some(&self.about.language), record),
            Shape::Document => {
                let record = serde_json::to_string(&record)?;
                // The fields go on in the document that was begun.
                Ok(format!("\n],{}\n", record.trim_start_matches('{')))
            }
        }
    }
}

fn line<R: Serialize>(
    kind: &'static str,
    path: &str,
    language: Option<&str>,
    record: R,
) -> serde_json::Result<String> {
    Ok(serde_json::to_string(&Line { kind, path, language, record })? + "\n")
}

impl<'a> SegmentRecord<'a> {
    fn of(id: usize, segment: &'a Segment) -> Self {
        let aligned = segment.alignment.as_ref();
        let word = |(index, (gap, word)): (usize, (&str, &slm_core::Word))| WordRecord {
            // The first one begins with what the segment begins with.
            word: if index == 0 || !gap.is_empty() { spaced(&word.text) } else { word.text.clone() },
            start: milliseconds(word.start),
            end: milliseconds(word.end),
            probability: four_digits(word.agreement),
        };
        let logprob = segment.avg_logprob;
        Self {
            id,
            seek: (segment.start * FRAMES_A_SECOND).round() as u64,
            start: milliseconds(segment.start),
            end: milliseconds(segment.end),
            text: spaced(&segment.text),
            tokens: &segment.tokens,
            temperature: four_digits(segment.temperature),
            avg_logprob: if logprob.is_finite() { four_digits(logprob) } else { LEAST_LOGPROB },
            compression_ratio: four_digits(segment.compression_ratio),
            no_speech_prob: four_digits(segment.no_speech_prob),
            words: aligned.map(|_| segment.words_in_text().into_iter().enumerate().map(word).collect()),
            agreement: aligned.map(|aligned| four_digits(aligned.agreement.value())),
            supported: segment.is_supported,
            truncated: segment.truncated,
            skipped: aligned.iter().flat_map(|aligned| &aligned.skipped).map(SkippedRecord::of).collect(),
            phrases: segment.phrases.iter().map(|found| found.phrase.as_str()).collect(),
            alternatives: segment.alternatives.iter().map(AlternativeRecord::of).collect(),
        }
    }
}

impl<'a> TailRecord<'a> {
    fn of(text: &'a str, closing: &Closing) -> Self {
        let answer = closing.answer;
        let quiet = |quiet: &Quiet| QuietRecord {
            start: milliseconds(quiet.start),
            end: milliseconds(quiet.end),
            kind: match quiet.kind {
                QuietKind::Silence => "silence",
                QuietKind::Sound => "sound",
                QuietKind::Unsupported => "unsupported",
                _ => "other",
            },
        };
        Self {
            text,
            duration: answer.map(|answer| milliseconds(answer.seconds)),
            no_speech: answer.is_some_and(|answer| answer.no_speech),
            truncated: answer.is_some_and(|answer| answer.truncated),
            agreement: answer.and_then(Answer::agreement).map(four_digits),
            quiet: answer.iter().flat_map(|answer| &answer.quiet).map(quiet).collect(),
            warnings: warnings(closing.notices, closing.failed),
            error: closing.failed.map(ErrorRecord::of),
        }
    }
}

/// A text with a space before it, where there is one.
fn spaced(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(" {text}") }
}

#[cfg(test)]
#[path = "whisper_tests.rs"]
mod tests;
