//! What the hub says of a repository's files.

use serde::Deserialize;

use super::FetchError;
use super::http::Http;
use super::repo::{Repo, check_name};

/// The most of a listing that is read.
const MAX_LISTING_BYTES: u64 = 16 << 20;

/// One file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteFile {
    /// Its path in the repository.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// What it is compared with.
    pub(crate) hash: Hash,
}

/// A hash as the hub states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hash {
    /// SHA-256 of the content, of files in large-file storage.
    Sha256(String),
    /// SHA-1 of a header of git and the content, of all others.
    GitBlob(String),
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    path: String,
    oid: String,
    size: u64,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// Asks the hub at `endpoint` for the files of `repo`.
///
/// # Errors
///
/// [`FetchError`] when the hub does not answer, refuses, or answers with something else.
pub(crate) fn list(http: &Http, endpoint: &str, repo: &Repo) -> Result<Vec<RemoteFile>, FetchError> {
    let url = repo.listing_url(endpoint);
    let text = http.get(&url, None)?.into_bytes(MAX_LISTING_BYTES)?;
    let entries: Vec<Entry> = serde_json::from_slice(&text).map_err(|error| {
        let start = String::from_utf8_lossy(&text[..text.len().min(9)]).to_ascii_lowercase();
        let reason = if start.starts_with("<!doctype") || start.starts_with("<html") {
            "the answer is an HTML page, not a list of files".to_owned()
        } else {
            format!("the answer is no list of files: {error}")
        };
        FetchError::Answer { url: url.clone(), reason }
    })?;
    let files = entries.into_iter().filter(|entry| entry.r#type == "file");
    files
        .map(|entry| {
            check_name(&entry.path)?;
            Ok(match entry.lfs {
                Some(lfs) => RemoteFile { path: entry.path, size: lfs.size, hash: Hash::Sha256(lfs.oid) },
                None => RemoteFile { path: entry.path, size: entry.size, hash: Hash::GitBlob(entry.oid) },
            })
        })
        .collect()
}
