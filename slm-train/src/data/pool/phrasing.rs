//! A phrasing of an instruction: words, the place of the speech, and fields of the row that it is about.

use serde::{Deserialize, Serialize};
use slm_core::models::prompt::{Instruction, Template, TemplateError};

use super::error::Line;

/// The slot of the speech.
const SPEECH: &str = "speech";

/// Whether the speech comes before the instruction or after it, where a phrasing does not say so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Speech, then the instruction.
    #[default]
    SpeechFirst,
    /// The instruction, then speech.
    InstructionFirst,
}

/// A phrasing such as `{speech} answer this: {question}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrasing {
    before: Vec<Piece>,
    after: Vec<Piece>,
    /// Where it stands.
    pub line: Line,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What a row fills.
    Slot(String),
}

impl Phrasing {
    /// Reads a phrasing; one that does not say where the speech stands has it where `order` says.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str, order: Order, line: Line) -> Result<Self, String> {
        let (mut pieces, mut places) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once(['{', '}']) {
            if rest.as_bytes().get(head.len()) == Some(&b'}') {
                return Err("`}` without a `{` before it".to_owned());
            }
            push(&mut pieces, head);
            let (name, tail) = tail.split_once('}').ok_or("`{` without a `}` after it")?;
            if name == SPEECH {
                places.push(pieces.len());
            } else if is_name(name) {
                pieces.push(Piece::Slot(name.to_owned()));
            } else {
                return Err(format!(
                    "`{{{name}}}` is no placeholder: a field has letters, digits, `_`, `-`, `.`"
                ));
            }
            rest = tail;
        }
        push(&mut pieces, rest);
        if pieces.is_empty() {
            return Err("it has no words".to_owned());
        }
        match places.as_slice() {
            [] => Ok(Self::placed(pieces, order, line)),
            [place] => {
                let after = pieces.split_off(*place);
                Ok(Self { before: pieces, after, line })
            }
            more => Err(format!("it has {} `{{speech}}`, expected one at most", more.len())),
        }
    }

    /// The phrasing that is what fills a slot.
    pub(super) fn of_slot(name: &str, order: Order, line: Line) -> Self {
        Self::placed(vec![Piece::Slot(name.to_owned())], order, line)
    }

    /// What leaves the place of the speech open is parted from it by a space.
    fn placed(pieces: Vec<Piece>, order: Order, line: Line) -> Self {
        let space = vec![Piece::Text(" ".to_owned())];
        let (before, after) = match order {
            Order::SpeechFirst => (Vec::new(), [space, pieces].concat()),
            Order::InstructionFirst => ([pieces, space].concat(), Vec::new()),
        };
        Self { before, after, line }
    }

    /// The names of what rows fill, in order, each once.
    pub fn slots(&self) -> Vec<&str> {
        let mut slots = Vec::new();
        for piece in self.before.iter().chain(&self.after) {
            if let Piece::Slot(name) = piece
                && !slots.contains(&name.as_str())
            {
                slots.push(name.as_str());
            }
        }
        slots
    }

    /// The same with the text that `value` knows in the place of some slots.
    #[must_use]
    pub(super) fn settled(&self, value: impl Fn(&str) -> Option<String>) -> Self {
        let settle = |pieces: &[Piece]| {
            let settled = pieces.iter().map(|piece| match piece {
                Piece::Slot(name) => value(name).map_or_else(|| piece.clone(), Piece::Text),
                Piece::Text(_) => piece.clone(),
            });
            settled.collect()
        };
        Self { before: settle(&self.before), after: settle(&self.after), line: self.line.clone() }
    }

    /// The instruction around the speech; `value` gives what fills a slot, and a slot that it does not know stays empty.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Instruction {
        let fill = |pieces: &[Piece]| {
            let mut text = String::new();
            for piece in pieces {
                text.push_str(match piece {
                    Piece::Text(text) => text,
                    Piece::Slot(name) => value(name).unwrap_or_default().trim(),
                });
            }
            text.trim().to_owned()
        };
        Instruction { before: fill(&self.before), after: fill(&self.after) }
    }

    /// As it stands in the templates of a bundle.
    pub fn text(&self) -> String {
        let write = |pieces: &[Piece]| -> String { pieces.iter().map(Piece::written).collect() };
        format!("{}{{{SPEECH}}}{}", write(&self.before), write(&self.after))
    }

    /// As an engine reads it.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a slot that requests do not have.
    pub(super) fn template(&self) -> Result<Template, TemplateError> {
        Template::parse(&self.text())
    }
}

impl Piece {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Slot(name) => format!("{{{name}}}"),
        }
    }
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Whether a slot can have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(is_part)
}
