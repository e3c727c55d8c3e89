//! A text laid onto the sound: words with their times, and speech that it leaves out.

use super::agreement::Agreement;

/// A word of a text.
#[derive(Debug, Clone, PartialEq)]
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

/// Speech that a text leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct SkippedSpeech {
    /// The labels on the best path there.
    pub text: String,
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// A text laid onto the sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Aligned {
    /// Its words, in order.
    pub words: Vec<Word>,
    /// What it leaves out, in order.
    pub skipped: Vec<SkippedSpeech>,
    /// How well the sound supports it.
    pub agreement: Agreement,
}
