//! A line of a manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One line of a manifest.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Utterance {
    /// The audio file; relative to the manifest's folder in the file, joined with it by [`read`](super::read).
    #[serde(alias = "audio", alias = "path", alias = "source")]
    pub audio_filepath: PathBuf,
    /// Length in seconds.
    pub duration: f64,
    /// What is said.
    #[serde(alias = "target")]
    pub text: String,
    /// Name of the speaker or synthetic voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Language of the text, such as `en`.
    #[serde(default, alias = "lang", alias = "source_lang", skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// German translation of the text.
    #[serde(rename = "text_de", default, skip_serializing_if = "Option::is_none")]
    pub german: Option<String>,
    /// Spanish translation of the text.
    #[serde(rename = "text_es", default, skip_serializing_if = "Option::is_none")]
    pub spanish: Option<String>,
    /// French translation of the text.
    #[serde(rename = "text_fr", default, skip_serializing_if = "Option::is_none")]
    pub french: Option<String>,
    /// Questions about what is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionAnswer>,
    /// Named values in what is said, as slots of a dialogue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// How the text goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<String>,
    /// An answer to what is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Proper names in the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// What the text is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The utterances that a recording of several is made of, in order; empty for a single one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub utterances: Vec<Spoken>,
    /// Where in a recording nobody speaks, in order, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stretches: Vec<Stretch>,
}

/// An utterance inside a recording.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Spoken {
    /// Where it begins, in seconds.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// What is said.
    pub text: String,
}

/// A stretch of a recording without speech.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Where it begins, in seconds.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
    /// What is there: `silence`, `pink`, `music`, ..
    pub sound: String,
}

/// A question about an utterance with its answer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct QuestionAnswer {
    /// The question.
    pub question: String,
    /// The right answer.
    pub answer: String,
}
