//! Puts phrases into a transcript where the sound has them and the language model wrote something else.
//!
//! A model that knows a phrase from its instruction may still write how it sounds, mostly in a name that it never saw.
//! The phrase search knows where in the audio a phrase fits, and the alignment which words stand there. Both are laid
//! onto the same stretch of sound, and the phrase takes the place of the words only where it fits better.

use std::ops::Range;

use super::phrases::Phrases;
use crate::ctc::{CtcPosteriors, FoundPhrase, PhraseSearch, Word};

/// What a character of a phrase may cost in support, so that the phrase takes the place of words: stricter than for the
/// instruction, where the model can still leave it out.
const CHARACTER_COST: f32 = 1.5;
/// Words that are written are supported from this on: the log of their probability over that of the best path.
const SUPPORTED: f32 = -1.0;
/// How much better than supported words a phrase must fit: the log of the ratio of their probabilities.
const MARGIN: f32 = 0.5;
/// What a character of a phrase is worth beside words that the sound itself gave, in the same unit: these always fit best,
/// so that a phrase need only come near.
const CHARACTER_WORTH: f32 = 0.75;
/// The words that a phrase takes the place of are at most this many more than its own.
const MAX_MORE_WORDS: usize = 2;

/// Who wrote the words that a phrase may take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Author {
    /// A language model, which knew the phrases and may have written them.
    LanguageModel,
    /// The labels of the sound, which know of no phrase.
    Labels,
}

/// A phrase that took the place of words.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Respelled {
    /// What the model wrote.
    pub written: String,
    /// The phrase, as it was given.
    pub phrase: String,
    /// Where it begins, in seconds from the start of the audio.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// A transcript with phrases in it.
#[derive(Debug, Clone, PartialEq)]
pub struct RespelledText {
    /// The whole text.
    pub text: String,
    /// What was changed, in order; not empty.
    pub respelled: Vec<Respelled>,
}

/// The sound that a text is laid onto.
#[derive(Debug, Clone, Copy)]
pub struct Sound<'a> {
    /// What its CTC labels are.
    pub posteriors: &'a CtcPosteriors,
    /// Seconds from one frame to the next.
    pub frame_seconds: f64,
}

/// The text of `words`, which `author` wrote, with those of `found`, which `phrases` found, in their places; `None` where
/// nothing changes.
pub fn respell(
    phrases: &Phrases,
    sound: Sound<'_>,
    words: &[Word],
    author: Author,
    found: &[FoundPhrase],
) -> Option<RespelledText> {
    let mut texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    let written = |texts: &[String], phrase: &str| {
        let texts: Vec<String> = texts.iter().map(|text| plain(text)).collect();
        format!(" {} ", texts.join(" ")).contains(&format!(" {} ", plain(phrase)))
    };
    // A word that is part of a phrase stays, but for a phrase that the sound supports more: phrases come in that order.
    let has_word =
        |one: &FoundPhrase, text: &str| one.phrase.split(' ').any(|part| plain(part) == plain(text));
    let mut rank_of: Vec<Option<usize>> =
        words.iter().map(|word| found.iter().position(|one| has_word(one, &word.text))).collect();
    let mut respelled = Vec::new();
    for (rank, one) in found.iter().enumerate() {
        let letters = one.phrase.chars().count() as f32;
        if one.support < -CHARACTER_COST * letters || written(&texts, &one.phrase) {
            continue;
        }
        let Some(place) = place(words, one, sound.frame_seconds) else { continue };
        let is_kept = |index: usize| rank_of[index].is_some_and(|other| other < rank);
        if place.clone().any(is_kept) || !fits_better(phrases, sound, &words[place.clone()], author, one) {
            continue;
        }
        let (first, last) = (&words[place.start], &words[place.end - 1]);
        respelled.push(Respelled {
            written: join(&words[place.clone()]),
            phrase: one.phrase.clone(),
            start: first.start,
            end: last.end,
        });
        for index in place.clone() {
            rank_of[index] = Some(rank);
            texts[index].clear();
        }
        texts[place.start].clone_from(&one.phrase);
    }
    if respelled.is_empty() {
        return None;
    }
    respelled.sort_by(|a, b| a.start.total_cmp(&b.start));
    texts.retain(|text| !text.is_empty());
    Some(RespelledText { text: texts.join(" "), respelled })
}

/// The words that were said at the time of a phrase; `None` where there are none, or too many.
fn place(words: &[Word], one: &FoundPhrase, frame_seconds: f64) -> Option<Range<usize>> {
    let [start, end] = [one.frames.0, one.frames.1].map(|frame| frame as f64 * frame_seconds);
    let covered = |word: &Word| {
        let shared = word.end.min(end) - word.start.max(start);
        shared > 0.5 * (word.end - word.start).max(frame_seconds)
    };
    let first = words.iter().position(covered)?;
    let last = words.iter().rposition(covered)?;
    let most = one.phrase.split(' ').count() + MAX_MORE_WORDS;
    (last - first < most).then_some(first..last + 1)
}

/// Whether the sound supports a phrase better than the `words` in its place, or both are only written differently. Beside
/// words of the sound's own it is enough that the phrase comes near, and does not merely resemble what is sure.
fn fits_better(
    phrases: &Phrases,
    sound: Sound<'_>,
    words: &[Word],
    author: Author,
    one: &FoundPhrase,
) -> bool {
    let written = join(words);
    if phrases.sounds_alike(&written, &one.phrase) {
        return true;
    }
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    // Both on all frames of either.
    let start = ((first.start / sound.frame_seconds) as usize).min(one.frames.0);
    let end = ((last.end / sound.frame_seconds).ceil() as usize).max(one.frames.1);
    let support = |text: &str| phrases.support(text, sound.posteriors, start..end);
    let of_written = support(&written);
    let margin = match author {
        Author::Labels if PhraseSearch::only_resembles(one, sound.posteriors) => return false,
        Author::Labels => -CHARACTER_WORTH * one.phrase.chars().count() as f32,
        Author::LanguageModel if of_written < SUPPORTED => 0.0,
        Author::LanguageModel => MARGIN,
    };
    support(&one.phrase) > of_written + margin
}

/// A word without case, and without signs around it.
fn plain(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

fn join(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::made_up::{labels, posteriors};
    use crate::ctc::{PhraseList, WordAligner};
    use crate::nn::Watch;

    const PIECES: [&str; 17] =
        ["▁", "a", "e", "f", "j", "m", "r", "v", "y", "▁f", "▁j", "am", "ar", "▁my", "▁v", "er", "▁k"];

    /// Each frame with its probable labels.
    type Frames<'a> = [&'a [(&'a str, f32)]];

    /// What becomes of a text with these phrases, where each piece of the text is at one of the frames.
    fn respelled(text: &str, phrases: &[&str], frames: &Frames) -> Option<RespelledText> {
        respelled_by(Author::LanguageModel, text, phrases, frames)
    }

    fn respelled_by(author: Author, text: &str, phrases: &[&str], frames: &Frames) -> Option<RespelledText> {
        let tokenizer = labels(&PIECES);
        let sound = Sound { posteriors: &posteriors(&PIECES, frames), frame_seconds: 0.04 };
        let list = PhraseList::new(phrases).unwrap();
        let phrases = Phrases::new(PhraseSearch::new(&list, &tokenizer).unwrap());
        let words = WordAligner::new(&tokenizer).align(text, sound.posteriors, 0.04).unwrap().words;
        assert_eq!(join(&words), text);
        let found = phrases.search(sound.posteriors, &Watch::default());
        respell(&phrases, sound, &words, author, &found)
    }

    fn text(text: &str, phrases: &[&str], frames: &Frames) -> String {
        respelled(text, phrases, frames).map_or(text.to_owned(), |changed| changed.text)
    }

    const MY: &[(&str, f32)] = &[("▁my", 0.98)];
    const SILENT: &[(&str, f32)] = &[("-", 0.98)];

    #[test]
    fn a_word_that_the_sound_supports_stays() {
        let labels = ["▁f", "r", "e", "y", "a"].map(|piece| [(piece, 0.98)]);
        let frames: Vec<&[(&str, f32)]> =
            [MY, SILENT].into_iter().chain(labels.iter().map(<[_; 1]>::as_slice)).chain([SILENT]).collect();
        assert_eq!(text("my freya", &["vera"], &frames), "my freya");
        assert_eq!(text("my freya", &["freyar", "feya", "vreya"], &frames), "my freya");
        // Where another was written, the phrase is right.
        assert_eq!(text("my vera", &["freya"], &frames), "my freya");
    }

    #[test]
    fn a_last_label_that_is_not_there_does_not_win() {
        let end: &[(&str, f32)] = &[("-", 0.97), ("a", 0.02)];
        let jam: [&[(&str, f32)]; 5] = [MY, &[("▁j", 0.98)], &[("am", 0.98)], end, SILENT];
        assert_eq!(text("my jam", &["jama"], &jam), "my jam");
        assert_eq!(text("my jama", &["jam"], &jam), "my jam");
        // A little better is not enough against a word that has some support.
        let end: &[(&str, f32)] = &[("-", 0.42), ("a", 0.55)];
        let both: [&[(&str, f32)]; 5] = [MY, &[("▁j", 0.98)], &[("am", 0.98)], end, SILENT];
        assert_eq!(text("my jam", &["jama"], &both), "my jam");
        let end: &[(&str, f32)] = &[("-", 0.2), ("a", 0.75)];
        let longer: [&[(&str, f32)]; 5] = [MY, &[("▁j", 0.98)], &[("am", 0.98)], end, SILENT];
        assert_eq!(text("my jam", &["jama"], &longer), "my jama");
    }

    /// The sound is between two names, and something else was written.
    #[test]
    fn a_phrase_takes_the_place_of_words_without_support() {
        let frames: [&[(&str, f32)]; 8] = [
            MY,
            SILENT,
            &[("▁v", 0.4), ("▁f", 0.5)],
            &[("e", 0.6), ("er", 0.3)],
            &[("r", 0.5), ("y", 0.2)],
            SILENT,
            &[("a", 0.8)],
            SILENT,
        ];
        let changed = respelled("my jam", &["Vera"], &frames).unwrap();
        assert_eq!(changed.text, "my Vera");
        let [one] = changed.respelled.as_slice() else { panic!("{changed:?}") };
        assert_eq!((one.written.as_str(), one.phrase.as_str()), ("jam", "Vera"));
        assert!(one.start > 0.0 && one.start < one.end && one.end <= 0.32, "{one:?}");
        assert_eq!(text("my j y", &["Vera"], &frames), "my Vera");
        // Of two phrases the better one; one that stands there already stays.
        assert_eq!(text("my jam", &["feya", "Vera"], &frames), "my Vera");
        assert_eq!(text("my vera", &["feya", "Vera"], &frames), "my vera");
        // What is written and not supported stays where the phrase is no better, or is not there.
        assert_eq!(text("my jam", &["karmy"], &frames), "my jam");
    }

    #[test]
    fn beside_words_of_the_sound_a_phrase_need_only_come_near() {
        let near = |text: &str, phrases: &[&str], frames: &Frames| {
            respelled_by(Author::Labels, text, phrases, frames)
                .map_or(text.to_owned(), |changed| changed.text)
        };
        let unsure: [&[(&str, f32)]; 6] =
            [MY, &[("▁f", 0.5), ("▁v", 0.3)], &[("e", 0.7)], &[("r", 0.7)], &[("a", 0.8)], SILENT];
        // The best path is `fera`, so that by the sound alone `vera` never fits better.
        assert_eq!(text("my fera", &["vera"], &unsure), "my fera");
        assert_eq!(near("my fera", &["Vera"], &unsure), "my Vera");
        assert_eq!(near("my fera", &["jam", "feya"], &unsure), "my fera");
        // Where the sound is sure, what merely resembles it stays out.
        let sure: [&[(&str, f32)]; 6] =
            [MY, &[("▁f", 0.93), ("▁v", 0.065)], &[("e", 0.98)], &[("r", 0.98)], &[("a", 0.98)], SILENT];
        assert_eq!(near("my fera", &["Vera"], &sure), "my fera");
    }

    #[test]
    fn a_phrase_is_put_in_as_the_user_writes_it() {
        let labels = ["▁f", "r", "e", "y", "a"].map(|piece| [(piece, 0.98)]);
        let frames: Vec<&[(&str, f32)]> =
            [MY, SILENT].into_iter().chain(labels.iter().map(<[_; 1]>::as_slice)).chain([SILENT]).collect();
        assert_eq!(text("my freya", &["Fréya"], &frames), "my Fréya");
        assert_eq!(text("my freya", &["Fre-ya"], &frames), "my Fre-ya");
        // Capitals alone are the model's business.
        assert_eq!(text("my freya", &["FREYA"], &frames), "my freya");
    }
}
