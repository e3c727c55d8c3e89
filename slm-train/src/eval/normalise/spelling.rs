//! British words in American spelling.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A line a word: British, American. Where they are from stands at the top of the file.
const TABLE: &str = include_str!("american_spelling.txt");

static AMERICAN: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect()
});

/// The words of a text in American spelling, with a space between them.
pub(super) fn american(text: &str) -> String {
    let words: Vec<&str> =
        text.split_whitespace().map(|word| AMERICAN.get(word).copied().unwrap_or(word)).collect();
    words.join(" ")
}
