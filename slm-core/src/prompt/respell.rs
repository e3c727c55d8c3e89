//! Puts phrases into a transcript where the sound has them and the language model wrote something else.
//!
//! A model that knows a phrase from its instruction may still write how it sounds, mostly in a name that it never saw.
//! The phrase search knows where in the audio a phrase fits, and the alignment which words stand there.

use serde::{Deserialize, Serialize};

use crate::ctc::{FoundPhrase, Word};

/// What a character of a phrase may cost in support, so that the phrase takes the place of words: stricter than for the
/// instruction, where the model can still leave it out.
const CHARACTER_COST: f32 = 1.5;
/// The words that a phrase takes the place of are at most this many more than its own.
const MAX_MORE_WORDS: usize = 2;

/// What is done with a phrase that was found and that the model did not write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Respelling {
    /// Nothing.
    Off,
    /// It takes the place of the words that were said at its time, where the sound supports it well.
    #[default]
    BySound,
}

/// The text of `words` with the phrases of `found` in their places; `None` where nothing changes. States of the encoder
/// are `state_seconds` apart.
pub fn respell(words: &[Word], found: &[FoundPhrase], state_seconds: f64) -> Option<String> {
    let mut texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    let plain = |text: &str| text.to_lowercase();
    let written = |texts: &[String], phrase: &str| {
        let text = format!(" {} ", plain(&texts.join(" ")));
        text.contains(&format!(" {} ", plain(phrase)))
    };
    // A word that is part of a phrase stays, but for a phrase that the sound supports more: phrases come in that order.
    let has_word =
        |one: &FoundPhrase, text: &str| one.phrase.split(' ').any(|part| plain(part) == plain(text));
    let mut rank_of: Vec<Option<usize>> =
        words.iter().map(|word| found.iter().position(|one| has_word(one, &word.text))).collect();
    let mut changed = false;
    for (rank, one) in found.iter().enumerate() {
        let letters = one.phrase.chars().count() as f32;
        if one.support < -CHARACTER_COST * letters || written(&texts, &one.phrase) {
            continue;
        }
        let [start, end] = [one.frames.0, one.frames.1].map(|frame| frame as f64 * state_seconds);
        let covered = |word: &Word| {
            let shared = word.end.min(end) - word.start.max(start);
            shared > 0.5 * (word.end - word.start).max(state_seconds)
        };
        let place: Vec<usize> = (0..words.len()).filter(|&index| covered(&words[index])).collect();
        let (Some(&first), Some(&last)) = (place.first(), place.last()) else { continue };
        let most = one.phrase.split(' ').count() + MAX_MORE_WORDS;
        if last - first >= most
            || (first..=last).any(|index| rank_of[index].is_some_and(|other| other < rank))
        {
            continue;
        }
        for index in first..=last {
            rank_of[index] = Some(rank);
            texts[index].clear();
        }
        texts[first].clone_from(&one.phrase);
        changed = true;
    }
    texts.retain(|text| !text.is_empty());
    changed.then(|| texts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let word = |(index, text): (usize, &str)| {
            let start = index as f64 * 0.4;
            Word { text: text.to_owned(), start, end: start + 0.4, agreement: 1.0 }
        };
        text.split(' ').enumerate().map(word).collect()
    }

    fn found(phrase: &str, support: f32, frames: (usize, usize)) -> FoundPhrase {
        FoundPhrase { phrase: phrase.to_owned(), support, frames }
    }

    #[test]
    fn a_phrase_takes_the_place_of_what_was_said_at_its_time() {
        let said = words("call kar in now");
        // Frames of 40 ms: `kar in` is from 0.4 to 1.2 s.
        let respelled = |found: &[FoundPhrase]| respell(&said, found, 0.04);
        assert_eq!(respelled(&[found("Corinne", -6.0, (10, 30))]).as_deref(), Some("call Corinne now"));
        // Too little support; written already; at no word's time.
        assert_eq!(respelled(&[found("Corinne", -11.0, (10, 30))]), None);
        assert_eq!(respelled(&[found("kar in", -6.0, (0, 10))]), None);
        assert_eq!(respelled(&[found("Corinne", -6.0, (90, 95))]), None);
        // The better phrase was there first.
        let both = [found("Corinne", -1.0, (10, 30)), found("Karen", -2.0, (10, 30))];
        assert_eq!(respelled(&both).as_deref(), Some("call Corinne now"));
        // A word of a phrase that is written stays for a lesser one, and goes for a better one.
        let both = [found("kar", 0.0, (10, 20)), found("Corinne", -1.0, (10, 30))];
        assert_eq!(respelled(&both), None);
        let both = [found("Corinne", -1.0, (10, 30)), found("kar", -2.0, (10, 20))];
        assert_eq!(respelled(&both).as_deref(), Some("call Corinne now"));
    }
}
