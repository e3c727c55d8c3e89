//! The names of a repository, a revision and its files.

use std::fmt::Write;
use std::path::{Component, Path};

use super::FetchError;

/// A repository of models, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repo {
    id: String,
    revision: String,
}

impl Repo {
    /// `OWNER/NAME`, or `NAME` alone for the oldest repositories.
    pub(crate) fn new(id: &str, revision: &str) -> Result<Self, FetchError> {
        let is_part = |part: &str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.len() <= 96 && !part.starts_with('.') && part.chars().all(is_allowed)
        };
        let parts: Vec<&str> = id.split('/').collect();
        let is_revision =
            revision.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
        if parts.len() > 2 || !parts.iter().all(|part| is_part(part)) {
            return Err(FetchError::Repo(id.to_owned()));
        }
        if revision.is_empty() || revision.contains("..") || !is_revision {
            return Err(FetchError::Repo(format!("{id}@{revision}")));
        }
        Ok(Self { id: id.to_owned(), revision: revision.to_owned() })
    }

    /// The whole name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The last part of the name.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }

    /// Where `endpoint` lists the files.
    pub(crate) fn listing_url(&self, endpoint: &str) -> String {
        let revision = self.revision.replace('/', "%2F");
        format!("{endpoint}/api/models/{}/tree/{revision}?recursive=true", self.id)
    }

    /// Where `endpoint` has the file.
    pub(crate) fn file_url(&self, endpoint: &str, file: &str) -> String {
        let revision = self.revision.replace('/', "%2F");
        format!("{endpoint}/{}/resolve/{revision}/{}", self.id, escaped(file))
    }
}

/// `path` as it stands in an address.
fn escaped(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte) {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// Checks that a file's name stays in the folder that it is fetched to, on every system.
pub(crate) fn check_name(name: &str) -> Result<(), FetchError> {
    let inside = Path::new(name).components().all(|component| matches!(component, Component::Normal(_)));
    if name.is_empty() || !inside || name.contains(['\\', ':']) || name.chars().any(char::is_control) {
        return Err(FetchError::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        let repo = Repo::new("facebook/w2v-bert-2.0", "main").unwrap();
        assert_eq!(repo.name(), "w2v-bert-2.0");
        assert_eq!(
            repo.listing_url("https://h"),
            "https://h/api/models/facebook/w2v-bert-2.0/tree/main?recursive=true"
        );
        assert_eq!(
            repo.file_url("https://h", "a b/c.json"),
            "https://h/facebook/w2v-bert-2.0/resolve/main/a%20b/c.json"
        );
        assert_eq!(Repo::new("t5-small", "refs/pr/2").unwrap().name(), "t5-small");
        for id in ["", "/a", "a/", "a/b/c", "../a", "a b/c", "https://x/y"] {
            assert!(Repo::new(id, "main").is_err(), "{id}");
        }
        assert!(Repo::new("a/b", "../x").is_err());
    }

    #[test]
    fn d4_names_stay_in_the_folder() {
        for name in ["config.json", "onnx/model.onnx", "a/b/c"] {
            check_name(name).unwrap();
        }
        for name in ["", "../x", "a/../../x", "/etc/x", "C:x", "a\\b", "./x/..", "a\nb"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
