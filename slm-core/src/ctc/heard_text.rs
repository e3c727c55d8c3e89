//! What a head hears behind a text that is being written.
//!
//! A writer that finds what was said improbable proposes other words, and of those none fits the sound. So what is heard
//! next is proposed too: the text of the best path behind the place to which the text so far fits best.

use super::best_path::collapse;
use super::posteriors::CtcPosteriors;
use super::prefix_scores::SpelledLabels;

/// The letters of the best path of one sound, with a space before each word.
#[derive(Debug, Clone)]
pub struct HeardText(Vec<char>);

impl HeardText {
    /// Of the sound with these posteriors.
    pub fn new(labels: &SpelledLabels, posteriors: &CtcPosteriors) -> Self {
        let best = (0..posteriors.frames()).map(|t| posteriors.best(t).0);
        let mut letters = Vec::new();
        for label in collapse(best, posteriors.blank()) {
            for &letter in labels.of(label) {
                let is_space_twice = letter == ' ' && letters.last().is_some_and(|last| *last == ' ');
                if !is_space_twice {
                    letters.push(letter);
                }
            }
        }
        if letters.first().is_some_and(|first| *first != ' ') {
            letters.insert(0, ' ');
        }
        Self(letters)
    }

    /// What is heard behind `text`, in lower case with a space before each word: behind the beginning that the fewest edits turn into
    /// it, and of several the one that is as long.
    pub fn behind(&self, text: &[char]) -> &[char] {
        // The edits from each beginning of what is heard to the beginning of the text that has been looked at.
        let mut edits: Vec<usize> = (0..=self.0.len()).collect();
        for (row, letter) in text.iter().enumerate() {
            let mut diagonal = edits[0];
            edits[0] = row + 1;
            for (heard, place) in self.0.iter().zip(1..) {
                let other = diagonal + instead(*heard, *letter);
                diagonal = edits[place];
                edits[place] = other.min(diagonal + 1).min(edits[place - 1] + 1);
            }
        }
        let closest = (0..edits.len()).min_by_key(|&place| (edits[place], place.abs_diff(text.len())));
        &self.0[closest.unwrap_or(0)..]
    }
}

/// Edits that put one letter in the place of another. No letter takes the place of the space between words.
fn instead(one: char, other: char) -> usize {
    if one == other {
        0
    } else if one == ' ' || other == ' ' {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::made_up::{labels, sure};

    const PIECES: [&str; 6] = ["▁host", "ing", "▁f", "t", "▁ver", "▁"];

    fn behind(frames: &[&str], text: &str) -> String {
        let labels = SpelledLabels::new(&labels(&PIECES)).unwrap();
        let heard = HeardText::new(&labels, &sure(&PIECES, frames, 0.9));
        let text: Vec<char> = text.chars().collect();
        heard.behind(&text).iter().collect()
    }

    #[test]
    fn a_text_goes_on_with_what_is_heard_behind_it() {
        let frames = ["▁ver", "", "▁host", "▁host", "ing", "", "▁f", "t"];
        assert_eq!(behind(&frames, ""), " ver hosting ft");
        assert_eq!(behind(&frames, " ver"), " hosting ft");
        // In the midst of a label, and where other words were written.
        assert_eq!(behind(&frames, " ver ho"), "sting ft");
        assert_eq!(behind(&frames, " very hostings"), " ft");
        assert_eq!(behind(&frames, " fair hosting"), " ft");
        assert_eq!(behind(&frames, " ver hosting ft"), "");
    }

    #[test]
    fn spaces_are_single_and_one_begins_the_text() {
        assert_eq!(behind(&["t", "▁", "▁f", "", "▁"], ""), " t f ");
        assert_eq!(behind(&["", ""], " any"), "");
    }
}
