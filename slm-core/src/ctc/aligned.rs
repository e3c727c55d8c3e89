//! A text laid onto the sound: words with their times, and speech that it leaves out.

use super::agreement::Agreement;

/// A word of a text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Word {
    /// As the text has it.
    pub text: String,
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// How well the sound supports it, from 0 to 1: against the best path, or for a text that is on it how probable its
    /// labels are.
    pub agreement: f64,
}

impl Word {
    /// A word from `start` to `end`, in seconds from the start of the audio.
    pub fn new(text: impl Into<String>, start: f64, end: f64, agreement: f64) -> Self {
        Self { text: text.into(), start, end, agreement }
    }
}

/// Speech that a text leaves out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SkippedSpeech {
    /// The labels on the best path there.
    pub text: String,
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

impl SkippedSpeech {
    /// Speech from `start` to `end`, in seconds from the start of the audio.
    pub fn new(text: impl Into<String>, start: f64, end: f64) -> Self {
        Self { text: text.into(), start, end }
    }
}

/// A text laid onto the sound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Aligned {
    /// Its words, in order.
    pub words: Vec<Word>,
    /// What it leaves out, in order.
    pub skipped: Vec<SkippedSpeech>,
    /// How well the sound supports it.
    pub agreement: Agreement,
}

impl Aligned {
    /// A text of these words, beside what it leaves out, both in order.
    pub fn new(words: Vec<Word>, skipped: Vec<SkippedSpeech>, agreement: Agreement) -> Self {
        Self { words, skipped, agreement }
    }
}
