//! Phrases that may be said: from a file, a line each, or from the caller.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most phrases of a list.
pub const MAX_PHRASES: usize = 100_000;
/// The most characters of a phrase.
pub const MAX_PHRASE_CHARS: usize = 200;
/// The largest file: all phrases at their longest, of four bytes a character, would be 80 MB.
const MAX_FILE_BYTES: u64 = 80 << 20;

/// Why phrases cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhraseError {
    /// The file cannot be read.
    #[error("cannot read phrases `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is too large.
    #[error("cannot read phrases `{}`: {bytes} bytes, limit is {MAX_FILE_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file is no text.
    #[error("cannot read phrases `{}`: line {line} is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A phrase is too long.
    #[error("phrase `{start}..` has {chars} characters, limit is {MAX_PHRASE_CHARS}")]
    TooLong {
        /// Its first characters.
        start: String,
        /// Its length.
        chars: usize,
    },
    /// There are too many phrases.
    #[error("more than {MAX_PHRASES} phrases")]
    TooMany,
}

/// Distinct phrases, in the order given; white space at the ends and repeated inside does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhraseList {
    phrases: Vec<String>,
}

impl PhraseList {
    /// Takes phrases; empty ones and repeated ones are left out.
    ///
    /// # Errors
    ///
    /// [`PhraseError::TooLong`] and [`PhraseError::TooMany`].
    pub fn new<S: AsRef<str>>(phrases: impl IntoIterator<Item = S>) -> Result<Self, PhraseError> {
        let mut list = Self::default();
        let mut known = HashSet::new();
        for phrase in phrases {
            let phrase = phrase.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
            let chars = phrase.chars().count();
            if chars > MAX_PHRASE_CHARS {
                return Err(PhraseError::TooLong { start: phrase.chars().take(20).collect(), chars });
            }
            if chars > 0 && known.insert(phrase.clone()) {
                if list.phrases.len() == MAX_PHRASES {
                    return Err(PhraseError::TooMany);
                }
                list.phrases.push(phrase);
            }
        }
        Ok(list)
    }

    /// Reads a file with a phrase a line; a byte order mark, CRLF and a missing last newline are accepted.
    ///
    /// # Errors
    ///
    /// [`PhraseError`] naming the file or the phrase.
    pub fn read(path: &Path) -> Result<Self, PhraseError> {
        let io = |source| PhraseError::Io { path: path.into(), source };
        let file = File::open(path).map_err(io)?;
        let too_large = |bytes| PhraseError::TooLarge { path: path.into(), bytes };
        let bytes = file.metadata().map_err(io)?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(too_large(bytes));
        }
        let mut content = Vec::new();
        // What is no plain file has no size, and any file may grow while it is read.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(io)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(too_large(content.len() as u64));
        }
        let text = String::from_utf8(content).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + String::from_utf8_lossy(&error.as_bytes()[..valid]).matches('\n').count();
            PhraseError::NotText { path: path.into(), line }
        })?;
        Self::new(text.strip_prefix('\u{feff}').unwrap_or(&text).lines())
    }

    /// The phrases of both, these first.
    ///
    /// # Errors
    ///
    /// [`PhraseError::TooMany`].
    pub fn with(self, other: Self) -> Result<Self, PhraseError> {
        Self::new(self.phrases.into_iter().chain(other.phrases))
    }

    /// The phrases.
    pub fn phrases(&self) -> &[String] {
        &self.phrases
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_a_phrase_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.txt");
        fs::write(&path, "\u{feff}Anna  Karlsson \r\n\r\nbob\nbob\nzoë").unwrap();
        let list = PhraseList::read(&path).unwrap();
        assert_eq!(list.phrases(), ["Anna Karlsson", "bob", "zoë"]);
        fs::write(&path, b"a\nb\n\xff\n").unwrap();
        let error = PhraseList::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("line 3 is not UTF-8"), "{error}");
        assert!(matches!(PhraseList::read(&dir.path().join("none")), Err(PhraseError::Io { .. })));
    }

    #[test]
    fn limits_hold() {
        let long = "a".repeat(MAX_PHRASE_CHARS + 1);
        assert!(matches!(PhraseList::new([long]), Err(PhraseError::TooLong { chars: 201, .. })));
        let many = (0..=MAX_PHRASES).map(|i| i.to_string());
        assert!(matches!(PhraseList::new(many), Err(PhraseError::TooMany)));
        let most = PhraseList::new((0..MAX_PHRASES).map(|i| i.to_string())).unwrap();
        assert!(most.clone().with(PhraseList::new(["7"]).unwrap()).is_ok());
        assert!(most.with(PhraseList::new(["x"]).unwrap()).is_err());
    }
}
