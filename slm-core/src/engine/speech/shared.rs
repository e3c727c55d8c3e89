//! Sound that two segments share: each word is told once.

use std::ops::Range;

use super::seconds;
use crate::engine::answer::Segment;

/// Words at the seam of two segments that are compared.
const SEAM_WORDS: usize = 6;

/// Drops the words of a segment whose middle is outside of the samples that it answers for. The times of its words say
/// where they are; without times nothing is dropped.
pub(super) fn keep_own(segment: &mut Segment, own: &Range<usize>) {
    let Some(aligned) = &mut segment.alignment else { return };
    let own = seconds(own.start)..seconds(own.end);
    let is_own = |start: f64, end: f64| own.contains(&f64::midpoint(start, end));
    aligned.skipped.retain(|stretch| is_own(stretch.start, stretch.end));
    if aligned.words.iter().all(|word| is_own(word.start, word.end)) {
        return;
    }
    let mut text = String::new();
    for (gap, word) in segment.words_in_text() {
        if is_own(word.start, word.end) {
            text.push_str(if text.is_empty() { "" } else { gap });
            text.push_str(&word.text);
        }
    }
    segment.text = text;
    if let Some(aligned) = &mut segment.alignment {
        aligned.words.retain(|word| is_own(word.start, word.end));
    }
}

/// Drops the words at the start of `next` that end `told` already. For segments without word times that share sound.
pub(super) fn drop_repeated(told: &str, next: &mut String) {
    let plain = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let ends: Vec<String> = told.split_whitespace().rev().take(SEAM_WORDS).map(plain).collect();
    let starts: Vec<&str> = next.split_whitespace().collect();
    let is_repeated = |count: &usize| {
        let tail = ends.iter().take(*count).rev();
        starts.iter().take(*count).map(|word| plain(word)).eq(tail.cloned())
    };
    let most = ends.len().min(starts.len());
    if let Some(count) = (1..=most).rev().find(is_repeated) {
        *next = starts[count..].join(" ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctc::{Agreement, Aligned, Word};

    #[test]
    fn words_of_others_go_and_the_rest_stays_as_it_was_written() {
        let kept = |text: &str, words: &[&str]| {
            let word = |(at, text): (usize, &&str)| {
                let start = at as f64;
                Word { text: (*text).to_owned(), start, end: start + 1.0, agreement: 1.0 }
            };
            let words = words.iter().enumerate().map(word).collect();
            let alignment =
                Some(Aligned { words, skipped: Vec::new(), agreement: Agreement::of_words(0, 1) });
            let mut segment = Segment { text: text.to_owned(), alignment, ..Segment::default() };
            keep_own(&mut segment, &(16_000..4 * 16_000));
            let count = segment.alignment.map_or(0, |aligned| aligned.words.len());
            (segment.text, count)
        };
        assert_eq!(
            kept("one two three four five", &["one", "two", "three", "four", "five"]),
            ("two three four".to_owned(), 3)
        );
        assert_eq!(kept("今日は元気", &["今", "日", "は", "元", "気"]), ("日は元".to_owned(), 3));
        assert_eq!(kept("一 two", &["一", "two"]), ("two".to_owned(), 1));
    }

    #[test]
    fn words_at_the_seam_are_told_once() {
        for (told, next, expected) in [
            ("call anna on monday", "on Monday, at five", "at five"),
            ("call anna", "on monday", "on monday"),
            ("one two one", "one two one", ""),
            ("", "on monday", "on monday"),
            ("call anna", "", ""),
        ] {
            let mut text = next.to_owned();
            drop_repeated(told, &mut text);
            assert_eq!(text, expected, "{told} + {next}");
        }
    }
}
