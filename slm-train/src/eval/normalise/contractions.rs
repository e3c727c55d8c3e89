//! English contractions and titles in full, as Whisper's evaluation writes them.

use super::unicode::is_word;

/// What is left out: hesitation.
const HESITATIONS: [&str; 6] = ["hmm", "mm", "mhm", "mmm", "uh", "um"];

/// Whole words, and what stands for them. Each line is done before the next one.
const WORDS: [(&str, &str); 35] = [
    ("won't", "will not"),
    ("can't", "can not"),
    ("let's", "let us"),
    ("ain't", "aint"),
    ("y'all", "you all"),
    ("wanna", "want to"),
    ("gotta", "got to"),
    ("gonna", "going to"),
    ("i'ma", "i am going to"),
    ("imma", "i am going to"),
    ("woulda", "would have"),
    ("coulda", "could have"),
    ("shoulda", "should have"),
    ("ma'am", "madam"),
    ("mr", "mister "),
    ("mrs", "missus "),
    ("st", "saint "),
    ("dr", "doctor "),
    ("prof", "professor "),
    ("capt", "captain "),
    ("gov", "governor "),
    ("ald", "alderman "),
    ("gen", "general "),
    ("sen", "senator "),
    ("rep", "representative "),
    ("pres", "president "),
    ("rev", "reverend "),
    ("hon", "honorable "),
    ("asst", "assistant "),
    ("assoc", "associate "),
    ("lt", "lieutenant "),
    ("col", "colonel "),
    ("jr", "junior "),
    ("sr", "senior "),
    ("esq", "esquire "),
];

/// Ends of words, likewise. Perfect tenses come first: otherwise `'s` is taken for `is`.
const ENDINGS: [(&str, &str); 14] = [
    ("'d been", " had been"),
    ("'s been", " has been"),
    ("'d gone", " had gone"),
    ("'s gone", " has gone"),
    ("'d done", " had done"),
    ("'s got", " has got"),
    ("n't", " not"),
    ("'re", " are"),
    ("'s", " is"),
    ("'d", " would"),
    ("'ll", " will"),
    ("'t", " not"),
    ("'ve", " have"),
    ("'m", " am"),
];

/// Where a pattern may begin; it always ends where a word does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    WithAWord,
    Anywhere,
}

/// A lower-case text without hesitation, its contractions and titles in full.
pub(super) fn in_full(text: &str) -> String {
    let mut text = text.to_owned();
    for hesitation in HESITATIONS {
        text = replaced(&text, hesitation, "", Begins::WithAWord);
    }
    text = without_space_before_apostrophes(&text);
    for (word, full) in WORDS {
        text = replaced(&text, word, full, Begins::WithAWord);
    }
    for (ending, full) in ENDINGS {
        text = replaced(&text, ending, full, Begins::Anywhere);
    }
    text
}

/// Replaces `pattern` wherever it begins and ends as it should.
fn replaced(text: &str, pattern: &str, replacement: &str, begins: Begins) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(pattern) {
        let end = at + pattern.len();
        let begins_well = begins == Begins::Anywhere || !text[..at].chars().next_back().is_some_and(is_word);
        if begins_well && !text[end..].chars().next().is_some_and(is_word) {
            result.push_str(&text[done..at]);
            result.push_str(replacement);
            done = end;
        }
    }
    result.push_str(&text[done..]);
    result
}

/// `it 's` is `it's`.
fn without_space_before_apostrophes(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            result.truncate(result.trim_end().len());
            result.push('\'');
        }
        result.push_str(part);
    }
    result
}
