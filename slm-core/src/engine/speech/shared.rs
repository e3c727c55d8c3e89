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
    let before = aligned.words.len();
    aligned.words.retain(|word| own.contains(&(f64::midpoint(word.start, word.end))));
    aligned.skipped.retain(|stretch| own.contains(&(f64::midpoint(stretch.start, stretch.end))));
    if aligned.words.len() < before {
        let words: Vec<&str> = aligned.words.iter().map(|word| word.text.as_str()).collect();
        segment.text = words.join(" ");
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
