//! What is asked, and what is answered.

use crate::decode::DecodeConfig;

use super::context::Context;
use super::dialog::Dialog;
use super::segment::Segment;
use super::template::Slots;

/// What to do with the speech. Each has a key into the templates of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Write it down. Key: `transcribe`.
    Transcribe,
    /// Write it down with the spellings of given phrases. Key: `spell`.
    Spell {
        /// Words and names that may occur.
        phrases: Vec<String>,
    },
    /// Translate it. Key: `translate.` and the language.
    Translate {
        /// The language's English name in lower case, such as `german`.
        to: String,
    },
    /// Answer a question about it. Key: `ask`.
    Ask {
        /// The question.
        question: String,
    },
    /// Say what the speaker would say next. Key: `continue`.
    Continue,
    /// Reply to the speaker. Key: `reply`.
    Reply,
    /// Reply to the speaker, knowing what was said before. Key: `chat`; without a turn before, `reply`.
    Chat {
        /// The turns before.
        dialog: Dialog,
    },
    /// Name one detail of it. Key: `field.` and the field.
    Field {
        /// The field, such as `name`.
        field: String,
    },
    /// Follow an instruction in the user's words, put after the speech. Key: `instruction`, which a
    /// bundle may do without.
    Instruction(String),
}

impl Task {
    /// Whether the answer is what was said, so that it can be laid onto the sound.
    pub fn is_transcript(&self) -> bool {
        matches!(self, Self::Transcribe | Self::Spell { .. })
    }

    /// The key into the templates of a bundle.
    pub fn key(&self) -> String {
        match self {
            Self::Transcribe => "transcribe".into(),
            Self::Spell { .. } => "spell".into(),
            Self::Translate { to } => format!("translate.{to}"),
            Self::Ask { .. } => "ask".into(),
            Self::Continue => "continue".into(),
            Self::Reply => "reply".into(),
            Self::Chat { dialog } if dialog.is_empty() => "reply".into(),
            Self::Chat { .. } => "chat".into(),
            Self::Field { field } => format!("field.{field}"),
            Self::Instruction(_) => "instruction".into(),
        }
    }

    /// The task of a key, for tasks that need nothing else: not `ask`, `spell` and `instruction`.
    pub fn from_key(key: &str) -> Option<Self> {
        match key.split_once('.') {
            Some(("translate", to)) if !to.is_empty() => Some(Self::Translate { to: to.into() }),
            Some(("field", field)) if !field.is_empty() => Some(Self::Field { field: field.into() }),
            Some(_) => None,
            None => match key {
                "transcribe" => Some(Self::Transcribe),
                "continue" => Some(Self::Continue),
                "reply" => Some(Self::Reply),
                _ => None,
            },
        }
    }

    /// Whether long speech can be answered segment by segment, the answers being joined.
    pub fn is_piecewise(&self) -> bool {
        matches!(self, Self::Transcribe | Self::Spell { .. } | Self::Translate { .. })
    }

    /// Calls `f` with what the user gave for the slots of a template.
    pub(super) fn with_slots<T>(&self, f: impl FnOnce(&Slots) -> T) -> T {
        let mut slots = Slots::default();
        match self {
            Self::Spell { phrases } => {
                let phrases = phrases.join(" , ");
                slots.phrases = Some(&phrases);
                f(&slots)
            }
            Self::Ask { question } => {
                slots.question = Some(question);
                f(&slots)
            }
            Self::Chat { dialog } => {
                let history = dialog.to_string();
                slots.history = Some(&history);
                f(&slots)
            }
            Self::Instruction(text) => {
                slots.instruction = Some(text);
                f(&slots)
            }
            _ => f(&slots),
        }
    }
}

/// A task, and how to generate its answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to do.
    pub task: Task,
    /// How to choose tokens; without a `vocab_limit`, the tokenizer's ids are the limit.
    pub decode: DecodeConfig,
    /// Texts at which an answer ends; they are not part of it.
    pub stop: Vec<String>,
    /// Phrases that may be said.
    pub context: Option<Context>,
}

impl Request {
    /// The task with greedy decoding.
    pub fn new(task: Task) -> Self {
        Self { task, decode: DecodeConfig::default(), stop: Vec::new(), context: None }
    }
}

/// The answer to a [`Request`] for one input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response {
    /// What the model wrote.
    pub text: String,
    /// Whether the input held nothing to answer, so that the model was not asked.
    pub no_speech: bool,
    /// Whether the model was stopped at the most tokens allowed.
    pub truncated: bool,
    /// The score of the text, see [`Hypothesis`](crate::decode::Hypothesis); the sum over segments.
    pub score: f64,
    /// What the encoder's CTC head heard, where the bundle has a tokenizer for its labels.
    pub ctc_text: Option<String>,
    /// Duration of the audio; 0 for text.
    pub seconds: f64,
    /// The stretches of audio that went through the model one by one, in order; none for text.
    pub segments: Vec<Segment>,
    /// Further hypotheses, the best first, where the request asks for several and there is one segment.
    pub alternatives: Vec<Alternative>,
}

impl Response {
    /// How well the sound supports a transcript: the worst of its segments, see [`Segment::alignment`].
    pub fn agreement(&self) -> Option<f64> {
        let values = self.segments.iter().filter_map(|segment| segment.alignment.as_ref());
        values.map(|aligned| aligned.agreement.value()).reduce(f64::min)
    }
}

/// Another text that the model might have written.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The text.
    pub text: String,
    /// Its score, as that of the answer.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for key in ["transcribe", "continue", "reply", "translate.german", "field.name"] {
            assert_eq!(Task::from_key(key).map(|task| task.key()).as_deref(), Some(key));
        }
        for key in ["ask", "translate", "translate.", "field.", "x.y", ""] {
            assert_eq!(Task::from_key(key), None, "{key}");
        }
    }
}
