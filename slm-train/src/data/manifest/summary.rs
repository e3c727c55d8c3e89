//! What training data has, all rows read and none kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::error::{BadRow, ManifestError};
use super::row::Utterance;
use super::source::{ReadSettings, each};

/// What a task is called where a row has none.
const UNKNOWN: &str = "unknown";

/// What a source has.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Rows, bad ones among them.
    pub rows: usize,
    /// Rows that cannot be used.
    pub bad: usize,
    /// Good rows that are left out, and in nothing below.
    pub left_out: usize,
    /// Seconds of speech in the good rows.
    pub seconds: f64,
    /// Seconds of the shortest and the longest utterance.
    pub shortest: f64,
    /// See above.
    pub longest: f64,
    /// Characters of the texts.
    pub characters: usize,
    /// Rows whose text is empty.
    pub empty_texts: usize,
    /// Rows of each language, or pair of languages.
    pub languages: BTreeMap<String, usize>,
    /// Rows of each task that they name.
    pub tasks: BTreeMap<String, usize>,
    /// Different voices.
    pub voices: usize,
    /// Tokens of the texts, where a tokenizer counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// Feature frames of the speech, where the step of an encoder's features is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
}

/// What is counted of rows, and of which.
#[derive(Clone, Copy)]
pub struct Counting<'a> {
    /// Counts the tokens of a text.
    pub tokens: Option<&'a dyn Fn(&str) -> usize>,
    /// Frames of the encoder's features.
    pub frames_per_second: Option<f64>,
    /// Whether a good row is taken.
    pub takes: &'a dyn Fn(&Utterance) -> bool,
}

/// Counts what `path` has. `good` is given every row that can be used and is taken, and `bad` is told of those that cannot.
///
/// # Errors
///
/// [`ManifestError`] but [`ManifestError::Rows`].
pub fn summarise(
    path: &Path,
    settings: &ReadSettings,
    counting: Counting,
    good: &mut dyn FnMut(&Utterance),
    bad: &mut dyn FnMut(BadRow),
) -> Result<Summary, ManifestError> {
    let Counting { tokens, frames_per_second, takes } = counting;
    let mut summary = Summary { tokens: tokens.map(|_| 0), ..Summary::default() };
    let mut voices = BTreeSet::new();
    summary.rows = each(path, settings, &mut |row| match row {
        Ok(row) if !takes(&row) => summary.left_out += 1,
        Ok(row) => {
            if let (Some(sum), Some(count)) = (&mut summary.tokens, tokens) {
                *sum += count(&row.text);
            }
            summary.add(&row);
            good(&row);
            voices.extend(row.voice);
        }
        Err(row) => {
            summary.bad += 1;
            bad(row);
        }
    })?;
    summary.voices = voices.len();
    summary.frames = frames_per_second.map(|frames| (summary.seconds * frames).round() as u64);
    Ok(summary)
}

impl Summary {
    fn add(&mut self, row: &Utterance) {
        let is_first = self.seconds == 0.0;
        self.shortest = if is_first { row.duration } else { self.shortest.min(row.duration) };
        self.longest = self.longest.max(row.duration);
        self.seconds += row.duration;
        self.characters += row.text.chars().count();
        self.empty_texts += usize::from(row.text.trim().is_empty());
        *self.languages.entry(row.languages()).or_default() += 1;
        *self.tasks.entry(row.task.clone().unwrap_or_else(|| UNKNOWN.to_owned())).or_default() += 1;
    }
}
