//! What to do with speech.

use super::dialog::Dialog;
use super::template::Slots;

/// What to do with the speech. Each has a key into the templates of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

/// How a task is done for a recording that is longer than what goes through the model at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LongAudio<'a> {
    /// Segment by segment, the answers being joined.
    EachSegment,
    /// With the segments whose transcripts match these words best.
    Matching(&'a str),
    /// With the end of the recording.
    End,
}

impl Task {
    /// How it is done for a recording that is longer than what goes through the model at once.
    pub fn long_audio(&self) -> LongAudio<'_> {
        match self {
            Self::Transcribe | Self::Spell { .. } | Self::Translate { .. } => LongAudio::EachSegment,
            Self::Ask { question: words } | Self::Field { field: words } | Self::Instruction(words) => {
                LongAudio::Matching(words)
            }
            // What follows speech depends on what was said last.
            Self::Continue | Self::Reply | Self::Chat { .. } => LongAudio::End,
        }
    }

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
        self.long_audio() == LongAudio::EachSegment
    }

    /// Calls `f` with what the user gave for the slots of a template.
    pub(crate) fn with_slots<T>(&self, f: impl FnOnce(&Slots) -> T) -> T {
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

#[cfg(test)]
mod tests {
    use super::super::dialog::Speaker;
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

    #[test]
    fn what_the_user_gave_fills_the_slots() {
        let history = |task: &Task| task.with_slots(|slots| slots.history.map(str::to_owned));
        let mut dialog = Dialog::default();
        assert_eq!(Task::Chat { dialog: dialog.clone() }.key(), "reply");
        dialog.push(Speaker::User, "hello");
        let chat = Task::Chat { dialog };
        assert_eq!((chat.key().as_str(), history(&chat).as_deref()), ("chat", Some("user : hello")));
        let spell = Task::Spell { phrases: vec!["anna".into(), "bob lee".into()] };
        let phrases = spell.with_slots(|slots| slots.phrases.map(str::to_owned));
        assert_eq!(phrases.as_deref(), Some("anna , bob lee"));
        assert!(Task::Continue.with_slots(|slots| *slots == Slots::default()));
        assert!(spell.is_transcript() && spell.is_piecewise() && !chat.is_piecewise());
    }

    #[test]
    fn of_a_long_recording_tasks_take_what_they_need() {
        let ask = Task::Ask { question: "who".into() };
        let free = Task::Instruction("sum up".into());
        for (task, expected) in [
            (Task::Transcribe, LongAudio::EachSegment),
            (Task::Translate { to: "german".into() }, LongAudio::EachSegment),
            (ask, LongAudio::Matching("who")),
            (free, LongAudio::Matching("sum up")),
            (Task::Field { field: "name".into() }, LongAudio::Matching("name")),
            (Task::Continue, LongAudio::End),
            (Task::Chat { dialog: Dialog::default() }, LongAudio::End),
        ] {
            assert_eq!(task.long_audio(), expected, "{task:?}");
        }
    }
}
