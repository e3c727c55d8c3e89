//! Words with times where labels cannot spell a text: those of the words on the best path that they are edits of.

use super::agreement::Agreement;
use super::aligned::{Aligned, SkippedSpeech, Word};
use super::best_path::BestPathWord;
use super::edit::{Edit, edits};

/// Words by the fewest edits to those on the best path; a word that has none there lies between its neighbours.
pub(super) fn by_edits(text: &str, best_words: &[BestPathWord], time: impl Fn(usize) -> f64) -> Aligned {
    let plain = |word: &str| word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let texts: Vec<&str> = text.split_whitespace().collect();
    let written: Vec<String> = texts.iter().map(|word| plain(word)).collect();
    let said: Vec<String> = best_words.iter().map(|word| plain(&word.text)).collect();
    let steps = edits(&said, &written);
    let errors = steps.iter().filter(|step| !matches!(step, Edit::Same(..))).count();
    let agreement = Agreement::of_words(errors, said.len().max(written.len()));

    let mut words = Vec::with_capacity(texts.len());
    let mut skipped: Vec<SkippedSpeech> = Vec::new();
    let mut at = 0.0;
    let mut goes_on = false;
    for (position, step) in steps.iter().enumerate() {
        let mut deleted = false;
        match *step {
            Edit::Same(i, j) | Edit::Substitution(i, j) => {
                let (first, last) = best_words[i].frames;
                at = time(last + 1);
                let agreement = f64::from(u8::from(matches!(step, Edit::Same(..))));
                words.push(Word::new(texts[j], time(first), at, agreement));
            }
            Edit::Insertion(j) => {
                let next = steps[position..].iter().find_map(|step| match *step {
                    Edit::Same(i, _) | Edit::Substitution(i, _) | Edit::Deletion(i) => {
                        Some(best_words[i].frames.0)
                    }
                    Edit::Insertion(_) => None,
                });
                let end = next.map_or(at, &time).max(at);
                words.push(Word::new(texts[j], at, end, 0.0));
            }
            Edit::Deletion(i) => {
                let BestPathWord { text, frames: (first, last) } = &best_words[i];
                at = time(last + 1);
                deleted = true;
                match skipped.last_mut().filter(|_| goes_on) {
                    Some(stretch) => {
                        stretch.text = format!("{} {text}", stretch.text);
                        stretch.end = at;
                    }
                    None => skipped.push(SkippedSpeech::new(text, time(*first), at)),
                }
            }
        }
        goes_on = deleted;
    }
    Aligned::new(words, skipped, agreement)
}
