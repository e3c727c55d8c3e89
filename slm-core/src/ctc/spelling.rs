//! How CTC labels can spell a text.
//!
//! Labels know few characters, and a head writes words in one way only: mostly without marks, and a name with a hyphen
//! as one word or as two. So a text has several spellings, each of which counts.

use rustc_hash::FxHashSet;

use crate::text::letters::{bare, composed};
use crate::text::{TextTokenizer, TokenizerError};

/// What each CTC label spells.
#[derive(Debug, Clone)]
pub(super) struct LabelSpelling {
    /// The characters of each label, in lower case; empty for one that spells nothing.
    labels: Vec<Vec<char>>,
    characters: FxHashSet<char>,
}

/// What becomes of the marks of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// They stay where a label has them.
    Kept,
    Dropped,
}

/// What becomes of characters that are no letters: hyphens, apostrophes, full stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joints {
    /// They stay where a label has them.
    Kept,
    Dropped,
    /// They part words.
    Spaces,
}

impl LabelSpelling {
    /// Of the labels that `tokenizer` names.
    pub(super) fn new(tokenizer: &TextTokenizer) -> Result<Self, TokenizerError> {
        let lower = |text: String| text.chars().flat_map(char::to_lowercase).collect();
        let labels: Vec<Vec<char>> = tokenizer.spellings()?.into_iter().map(lower).collect();
        let characters = labels.iter().flatten().copied().collect();
        Ok(Self { labels, characters })
    }

    /// What a label spells.
    pub(super) fn of(&self, label: u32) -> &[char] {
        self.labels.get(label as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a label has this letter.
    pub(super) fn has(&self, letter: char) -> bool {
        self.characters.contains(&letter)
    }

    /// A letter in lower case as labels have it: itself, or without its marks; `None` where they have neither.
    pub(super) fn letters(&self, letter: char) -> Option<String> {
        let spelled = if self.has(letter) { letter.to_string() } else { bare(letter) };
        let is_known = !spelled.is_empty() && spelled.chars().all(|letter| self.has(letter));
        is_known.then_some(spelled)
    }

    /// The labels that spell something, with what they spell.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &[char])> {
        (0..)
            .zip(&self.labels)
            .map(|(label, spelled)| (label, spelled.as_slice()))
            .filter(|one| !one.1.is_empty())
    }

    /// The ways in which labels can spell `text`, in lower case with single spaces, the closest first; none where they
    /// lack a letter of it.
    pub(super) fn ways(&self, text: &str) -> Vec<String> {
        let text = composed(text);
        let marks: &[Marks] = if text.is_ascii() { &[Marks::Kept] } else { &[Marks::Kept, Marks::Dropped] };
        let is_plain = text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace());
        let joints: &[Joints] =
            if is_plain { &[Joints::Kept] } else { &[Joints::Kept, Joints::Dropped, Joints::Spaces] };
        let mut ways: Vec<String> = Vec::new();
        for (&marks, &joints) in
            marks.iter().flat_map(|marks| joints.iter().map(move |joints| (marks, joints)))
        {
            match self.spell(&text, marks, joints) {
                Some(way) if !way.is_empty() && !ways.contains(&way) => ways.push(way),
                _ => {}
            }
        }
        ways
    }

    fn spell(&self, text: &str, marks: Marks, joints: Joints) -> Option<String> {
        let has = |c: &char| self.has(*c);
        let mut spelled = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_whitespace() {
                spelled.push(' ');
            } else if c.is_alphanumeric() {
                if has(&c) && (marks == Marks::Kept || c.is_ascii()) {
                    spelled.push(c);
                } else {
                    let letters = bare(c);
                    if letters.is_empty() || !letters.chars().all(|letter| has(&letter)) {
                        return None;
                    }
                    spelled.push_str(&letters);
                }
            } else if joints == Joints::Kept && has(&c) {
                spelled.push(c);
            } else if joints == Joints::Spaces && !bare(c).is_empty() {
                spelled.push(' ');
            }
        }
        Some(spelled.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::made_up::labels;

    #[test]
    fn a_text_is_spelled_as_the_labels_can() {
        let plain = LabelSpelling::new(&labels(&["f", "r", "e", "y", "a", "▁"])).unwrap();
        assert_eq!(plain.ways("Freya"), ["freya"]);
        assert_eq!(plain.ways("Fréya"), ["freya"]);
        assert_eq!(plain.ways("Free-ya"), ["freeya", "free ya"]);
        assert_eq!(plain.ways("  Fre\u{301}  'Ya"), ["fre ya"]);
        // Letters that are lacking, other scripts, nothing but a sign.
        for text in ["Anna", "Фрея", "freya я", "-", "弗蕾亚"] {
            assert!(plain.ways(text).is_empty(), "{text}");
        }
        let rich = LabelSpelling::new(&labels(&["F", "r", "é", "e", "y", "a", "-", "▁"])).unwrap();
        assert_eq!(rich.ways("Fré-ya"), ["fré-ya", "fréya", "fré ya", "fre-ya", "freya", "fre ya"]);
    }
}
