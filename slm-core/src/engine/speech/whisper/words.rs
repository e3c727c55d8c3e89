//! Tokens as words: those that follow each other without a space are one, and marks belong to the word beside them.
//!
//! Reference: transformers 5.23.0, `_combine_tokens_into_words`, which parts words at a hyphen as well; here they are those
//! of the text. What is written without spaces has a word a character.

use std::ops::Range;

use crate::text::{TextTokenizer, TokenizerError};

/// Languages that are written without spaces.
const WITHOUT_SPACES: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];
/// Marks that belong to the word after them, and to that before them.
const OPENING: &str = "\"'“¡¿([{-";
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";
/// What stands for bytes that are no whole character.
const BROKEN: char = '\u{fffd}';

/// A word and its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenWord {
    /// With the space before it, where there is one.
    pub(super) text: String,
    pub(super) tokens: Range<usize>,
}

/// The words of `ids` in a language that is given by its code.
pub(super) fn words(
    tokenizer: &TextTokenizer,
    ids: &[u32],
    language: Option<&str>,
) -> Result<Vec<TokenWord>, TokenizerError> {
    let mut words: Vec<TokenWord> = Vec::new();
    let has_spaces = language.is_none_or(|code| !WITHOUT_SPACES.contains(&code));
    for piece in characters(tokenizer, ids)? {
        match words.last_mut() {
            Some(last) if has_spaces && !piece.text.starts_with(' ') => last.join(&piece),
            _ => words.push(piece),
        }
    }
    Ok(with_marks(words))
}

/// The shortest runs of tokens that are whole characters. What is none in the whole text either stands for itself.
fn characters(tokenizer: &TextTokenizer, ids: &[u32]) -> Result<Vec<TokenWord>, TokenizerError> {
    let whole: Vec<char> = tokenizer.decode(ids)?.chars().collect();
    let mut pieces = Vec::new();
    let (mut start, mut told) = (0, 0);
    for end in 1..=ids.len() {
        let text = tokenizer.decode(&ids[start..end])?;
        let broken = text.chars().position(|c| c == BROKEN);
        let is_broken = |at: usize| whole.get(told + at).is_none_or(|&c| c == BROKEN);
        if broken.is_none_or(is_broken) {
            told += text.chars().count();
            pieces.push(TokenWord { text, tokens: start..end });
            start = end;
        }
    }
    Ok(pieces)
}

/// Marks joined to the words that they belong to.
fn with_marks(words: Vec<TokenWord>) -> Vec<TokenWord> {
    let mut joined: Vec<TokenWord> = Vec::new();
    let mut opens = false;
    for word in words {
        let closes = CLOSING.contains(word.text.as_str());
        let next = word.text.starts_with(' ') && OPENING.contains(word.text.trim());
        match joined.last_mut() {
            Some(last) if opens || (closes && !last.text.ends_with(' ')) => last.join(&word),
            _ => joined.push(word),
        }
        opens = next;
    }
    joined
}

impl TokenWord {
    fn join(&mut self, next: &Self) {
        self.text.push_str(&next.text);
        self.tokens.end = next.tokens.end;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        tokenizer: serde_json::Value,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        language: String,
        ids: Vec<u32>,
        words: Vec<Expected>,
    }

    #[derive(Deserialize)]
    struct Expected {
        text: String,
        tokens: Vec<u32>,
    }

    #[test]
    fn tokens_are_grouped_as_by_transformers() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/whisper_words.json");
        let golden: Golden = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let tokenizer = TextTokenizer::from_bytes(golden.tokenizer.to_string().as_bytes(), &path).unwrap();
        for case in golden.cases {
            let found = words(&tokenizer, &case.ids, Some(&case.language)).unwrap();
            let found: Vec<(&str, &[u32])> =
                found.iter().map(|word| (word.text.as_str(), &case.ids[word.tokens.clone()])).collect();
            let expected: Vec<(&str, &[u32])> =
                case.words.iter().map(|word| (word.text.as_str(), word.tokens.as_slice())).collect();
            assert_eq!(found, expected, "{}", case.language);
        }
    }

    #[test]
    fn marks_are_part_of_the_word_beside_them() {
        let pieces = [" he", " \"", "hi", ",", " there", ".", " -"];
        let word = |(at, text): (usize, &&str)| TokenWord { text: (*text).to_owned(), tokens: at..at + 1 };
        let found = with_marks(pieces.iter().enumerate().map(word).collect());
        let texts: Vec<(&str, Range<usize>)> =
            found.iter().map(|word| (word.text.as_str(), word.tokens.clone())).collect();
        assert_eq!(texts, [(" he", 0..1), (" \"hi,", 1..4), (" there.", 4..6), (" -", 6..7)]);
    }
}
