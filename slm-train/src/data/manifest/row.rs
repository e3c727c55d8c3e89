//! A line of a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

/// The names that other corpora have for a field. A row that has the field itself keeps them as fields of their own: what
/// is said may be `text`, and what is to be answered `target`.
const OTHER_NAMES: [(&str, &[&str]); 5] = [
    ("audio_filepath", &["audio", "path", "source"]),
    ("text", &["target"]),
    ("language", &["lang", "source_lang", "locale"]),
    ("target_language", &["target_lang"]),
    ("task", &["taskname"]),
];

/// The field that a row without a field `name` may have it as.
pub fn field_of(name: &str) -> Option<&'static str> {
    OTHER_NAMES.iter().find(|(_, others)| others.contains(&name)).map(|(field, _)| *field)
}

/// One line of a manifest.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(remote = "Self")]
pub struct Utterance {
    /// The audio file; relative to the manifest's folder in the file, joined with it by [`read`](super::read). Empty where
    /// there is only text.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub audio_filepath: PathBuf,
    /// Length in seconds; absent, null or 0 in a file, it is read from the audio.
    #[serde(default, deserialize_with = "or_zero")]
    pub duration: f64,
    /// Where in the audio file it begins, in seconds, where the file has more than the utterance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// The channel of the audio file, from 1; without it all of them are mixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// Where the audio file is in an archive, which `audio_filepath` then names.
    #[serde(skip)]
    pub member: Option<Member>,
    /// What is said.
    pub text: String,
    /// Name of the speaker or synthetic voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Language of the text, such as `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Language of a translation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_language: Option<String>,
    /// What is to be done, such as `asr` or `ast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
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
    /// The fields that none of the above is.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

impl Serialize for Utterance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Utterance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        for (field, others) in OTHER_NAMES {
            if fields.contains_key(field) {
                continue;
            }
            if let Some(value) = others.iter().find_map(|name| fields.remove(*name)) {
                fields.insert(field.to_owned(), value);
            }
        }
        Self::deserialize(Value::Object(fields)).map_err(de::Error::custom)
    }
}

/// What a language is called where a row has none.
const UNKNOWN: &str = "unknown";

impl Utterance {
    /// The language, or `en to de` of two.
    pub fn languages(&self) -> String {
        let language = self.language.as_deref().unwrap_or(UNKNOWN);
        match &self.target_language {
            Some(target) if target != language => format!("{language} to {target}"),
            _ => language.to_owned(),
        }
    }

    /// Whether it has sound, and not words alone.
    pub fn has_audio(&self) -> bool {
        !is_empty(&self.audio_filepath)
    }
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// A file inside an archive without compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name there.
    pub name: String,
    /// The place of its first byte.
    pub start: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A number that may be null.
fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
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
