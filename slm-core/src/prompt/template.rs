//! Phrasings of instructions, with slots for the speech and for what the user adds.

use std::collections::BTreeMap;

/// The slot of the speech.
const SPEECH: &str = "speech";

/// A phrasing: `{speech}` exactly once and, where the task has them, `{question}`, `{phrases}`, `{history}` and
/// `{instruction}`, such as `{speech} : answer : {question}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    before: Vec<Piece>,
    after: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(&'static str),
}

/// The slots that a user's text fills.
const SLOTS: [&str; 4] = ["question", "phrases", "history", "instruction"];

/// What fills the slots of a [`Template`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slots<'a> {
    /// A question about the speech.
    pub question: Option<&'a str>,
    /// Words and names that may occur, parted by ` , `.
    pub phrases: Option<&'a str>,
    /// What was said before in a dialog.
    pub history: Option<&'a str>,
    /// An instruction in the user's words.
    pub instruction: Option<&'a str>,
}

/// A filled template: the text around the speech, without spaces at its ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instruction {
    /// What stands before the speech.
    pub before: String,
    /// What stands after it.
    pub after: String,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// `{speech}` is missing or there more than once.
    #[error("template `{text}` has {found} `{{speech}}`, expected one")]
    Speech {
        /// The template.
        text: String,
        /// How often the slot is there.
        found: usize,
    },
    /// A slot that does not exist, or a brace without its partner.
    #[error(
        "template `{text}`: `{slot}` is no slot; slots are {{speech}}, {{question}}, {{phrases}}, {{history}}, {{instruction}}"
    )]
    Slot {
        /// The template.
        text: String,
        /// What was found.
        slot: String,
    },
    /// The request has nothing for a slot.
    #[error("the instruction needs a {slot}, the request has none")]
    Empty {
        /// The slot.
        slot: &'static str,
    },
    /// A task without a phrasing.
    #[error("templates of `{task}` are empty")]
    NoPhrasing {
        /// The task's key.
        task: String,
    },
}

impl Template {
    /// Reads a phrasing.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] when it has unknown slots, or not exactly one `{speech}`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let bad_slot = |slot: &str| TemplateError::Slot { text: text.to_owned(), slot: slot.to_owned() };
        let (mut before, mut side) = (Vec::new(), Vec::new());
        let mut found = 0;
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('{') {
            if !head.is_empty() {
                side.push(Piece::Text(head.to_owned()));
            }
            let (name, tail) = tail.split_once('}').ok_or_else(|| bad_slot("{"))?;
            if name == SPEECH {
                found += 1;
                before = std::mem::take(&mut side);
            } else {
                let slot = SLOTS.into_iter().find(|slot| *slot == name);
                side.push(Piece::Slot(slot.ok_or_else(|| bad_slot(name))?));
            }
            rest = tail;
        }
        if !rest.is_empty() {
            side.push(Piece::Text(rest.to_owned()));
        }
        if found == 1 {
            Ok(Self { before, after: side })
        } else {
            let text = text.to_owned();
            Err(TemplateError::Speech { text, found })
        }
    }

    /// Puts the user's texts into the slots; braces in them have no meaning.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Empty`] for a slot that nothing fills.
    pub fn fill(&self, slots: &Slots) -> Result<Instruction, TemplateError> {
        Ok(Instruction { before: fill(&self.before, slots)?, after: fill(&self.after, slots)? })
    }
}

impl Slots<'_> {
    fn get(&self, slot: &'static str) -> Result<&str, TemplateError> {
        let content = match slot {
            "question" => self.question,
            "phrases" => self.phrases,
            "history" => self.history,
            _ => self.instruction,
        };
        content.map(str::trim).filter(|text| !text.is_empty()).ok_or(TemplateError::Empty { slot })
    }
}

fn fill(pieces: &[Piece], slots: &Slots) -> Result<String, TemplateError> {
    let mut text = String::new();
    for piece in pieces {
        text.push_str(match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Slot(slot) => slots.get(slot)?,
        });
    }
    Ok(text.trim().to_owned())
}

/// The phrasings of every task of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates(BTreeMap<String, Vec<Template>>);

impl Templates {
    /// Reads the templates of a manifest.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] of the first one that cannot be used.
    pub fn parse(templates: &BTreeMap<String, Vec<String>>) -> Result<Self, TemplateError> {
        let mut parsed = BTreeMap::new();
        for (task, phrasings) in templates {
            if phrasings.is_empty() {
                return Err(TemplateError::NoPhrasing { task: task.clone() });
            }
            let phrasings = phrasings.iter().map(|text| Template::parse(text)).collect::<Result<_, _>>()?;
            parsed.insert(task.clone(), phrasings);
        }
        Ok(Self(parsed))
    }

    /// Puts the phrasings of `other` in the place of these, task by task; tasks that it lacks stay.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The phrasings of the task with this key, the one to use first; empty for an unknown task.
    pub fn phrasings(&self, key: &str) -> &[Template] {
        self.0.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The keys of all tasks, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_around_the_speech() {
        let template = Template::parse("listen : {speech} : answer : {question}").unwrap();
        let slots = Slots { question: Some(" who {speech} called "), ..Slots::default() };
        let filled = template.fill(&slots).unwrap();
        assert_eq!(filled.before, "listen :");
        assert_eq!(filled.after, ": answer : who {speech} called");
        let error = template.fill(&Slots::default()).unwrap_err();
        assert_eq!(error.to_string(), "the instruction needs a question, the request has none");
    }

    #[test]
    fn templates_without_one_speech_are_refused() {
        for (text, found) in [("repeat", 0), ("{speech} and {speech}", 2)] {
            let error = Template::parse(text).unwrap_err();
            assert!(matches!(error, TemplateError::Speech { found: n, .. } if n == found));
        }
        assert_eq!(
            Template::parse("{speech").unwrap_err().to_string(),
            "template `{speech`: `{` is no slot; slots are {speech}, {question}, {phrases}, {history}, {instruction}"
        );
        let error = Template::parse("{speech} {name}").unwrap_err();
        assert!(matches!(error, TemplateError::Slot { slot, .. } if slot == "name"));
    }
}
