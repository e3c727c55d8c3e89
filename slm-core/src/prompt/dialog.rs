//! What was said before in a dialog.

use std::fmt;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Speaker {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One turn of a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said.
    pub text: String,
}

/// The turns of a dialog, the first one first.
///
/// As text it is what an instruction holds: `user : TEXT , assistant : TEXT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialog {
    turns: Vec<Turn>,
}

impl Dialog {
    /// Adds a turn; one without words is left out.
    pub fn push(&mut self, speaker: Speaker, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.turns.push(Turn { speaker, text });
        }
    }

    /// The last turns that have at most `words` words together; a dialog grows and an instruction may not.
    #[must_use]
    pub fn recent(&self, words: usize) -> Self {
        let mut left = words;
        let fits = |turn: &&Turn| {
            let count = turn.text.split_whitespace().count();
            left.checked_sub(count).map(|rest| left = rest).is_some()
        };
        let count = self.turns.iter().rev().take_while(fits).count();
        Self { turns: self.turns[self.turns.len() - count..].to_vec() }
    }

    /// The turns.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        })
    }
}

impl fmt::Display for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, turn) in self.turns.iter().enumerate() {
            let between = if index > 0 { " , " } else { "" };
            write!(f, "{between}{} : {}", turn.speaker, turn.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_become_text_and_old_ones_are_dropped() {
        let mut dialog = Dialog::default();
        dialog.push(Speaker::User, " call\nanna ");
        dialog.push(Speaker::Assistant, "calling anna");
        dialog.push(Speaker::User, " ");
        assert_eq!(dialog.to_string(), "user : call anna , assistant : calling anna");
        assert_eq!(dialog.recent(3).to_string(), "assistant : calling anna");
        assert_eq!(dialog.recent(4), dialog);
        assert!(dialog.recent(1).is_empty());
    }
}
