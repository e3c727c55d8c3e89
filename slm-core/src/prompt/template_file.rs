//! Templates in a file of their own, in the place of a bundle's.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::template::{TemplateError, Templates};

/// The largest file of templates; real ones are a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why the templates in a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateFileError {
    /// It cannot be read.
    #[error("cannot use templates `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is larger than any such file should be.
    #[error("cannot use templates `{}`: file has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is no JSON object of lists of phrasings.
    #[error("cannot use templates `{}`", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Position and reason.
        source: serde_json::Error,
    },
    /// A template in it is not sound.
    #[error("cannot use templates `{}`", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TemplateError,
    },
}

impl Templates {
    /// Reads a JSON file of phrasings by task, as the manifest of a bundle has them.
    ///
    /// # Errors
    ///
    /// [`TemplateFileError`] naming the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TemplateFileError> {
        let path = path.as_ref();
        let io = |source| TemplateFileError::Io { path: path.to_owned(), source };
        let mut text = Vec::new();
        // One byte more, so that a file beyond the limit is told from one that ends there. A pipe has no length.
        File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(io)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(TemplateFileError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
        }
        let phrasings: BTreeMap<String, Vec<String>> = serde_json::from_slice(&text)
            .map_err(|source| TemplateFileError::Content { path: path.to_owned(), source })?;
        Self::parse(&phrasings)
            .map_err(|source| TemplateFileError::Template { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Templates, TemplateFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("templates.json");
        std::fs::write(&path, text).unwrap();
        Templates::read(&path)
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let templates = read(br#"{"transcribe": ["{speech} : repeat"]}"#).unwrap();
        assert_eq!(templates.keys().collect::<Vec<_>>(), ["transcribe"]);
        let template = read(br#"{"transcribe": ["repeat"]}"#).unwrap_err();
        assert!(matches!(template, TemplateFileError::Template { source: TemplateError::Speech { .. }, .. }));
        assert!(matches!(read(b"[]"), Err(TemplateFileError::Content { .. })));
        assert!(matches!(Templates::read("absent.json"), Err(TemplateFileError::Io { .. })));
        let mut large = br#"{"transcribe": ["{speech} : repeat"]}"#.to_vec();
        large.resize(MAX_BYTES as usize, b' ');
        assert!(read(&large).is_ok());
        large.push(b' ');
        let error = read(&large).unwrap_err().to_string();
        assert!(error.ends_with("templates.json`: file has more than 1048576 bytes"), "{error}");
    }
}
